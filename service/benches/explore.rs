#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]
#[allow(dead_code, unused_imports)]
#[path = "../tests/service/support/mod.rs"]
mod support;
use support::{Server, prose::{self, Layout, Wear}, process::on_core};
fn main() {
    let server = Server::start(&["--workers", "1"]);
    let base = Wear { degrees: 0.0, dpi: 300, blur: 0.0, noise: 12, quality: 60 };
    for dpi in [60, 72, 85, 100, 120, 150] {
        let (mut r, mut ms) = (0.0, 0.0);
        for seed in 1..=6 {
            let p = prose::page(Layout::Letter, seed);
            let w = server.workers()[0];
            let t = on_core(w);
            let a = server.answer("?codes=none", &Wear { dpi, ..base }.jpeg(&p.image));
            ms += (on_core(w) - t) as f64 / 1e6;
            r += prose::recall(&p.words, &a.pages[0].text) * 100.0;
            if seed == 1 { println!("{:?} {:?} {:?} {:?}", a.pages[0].width, a.pages[0].height, a.pages[0].dpi, a.pages[0].words[0]); }
        }
        println!("dpi {dpi}: recall {:.2} ms {:.0}", r / 6.0, ms / 6.0);
    }
}
