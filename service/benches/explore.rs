#![allow(clippy::all, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::disallowed_methods)]
#[allow(dead_code, unused_imports)]
#[path = "../tests/service/support/mod.rs"]
mod support;
use std::time::Instant;
use support::{Server, prose::{self, Layout, Wear}};
fn main() {
    let server = Server::start(&["--workers", "1"]);
    let pages: Vec<_> = (1..=3).map(|s| prose::page(Layout::Letter, s)).collect();
    std::fs::write("/tmp/pr-letter.jpg", Wear::NONE.jpeg(&pages[0].image)).unwrap();
    let base = Wear { degrees: 0.0, dpi: 300, blur: 0.6, noise: 12, quality: 60 };
    let mut cases = vec![("clean".to_string(), Wear::NONE), ("worn".into(), base)];
    for d in [0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0] { cases.push((format!("skew {d}"), Wear { degrees: d, ..base })); }
    for dpi in [72u32, 100, 150, 200] { cases.push((format!("dpi {dpi}"), Wear { dpi, blur: 0.0, ..base })); }
    for (name, wear) in cases {
        let (mut r, mut ms, mut c) = (0.0, 0, 0.0);
        for p in &pages {
            let doc = wear.jpeg(&p.image);
            let t = Instant::now();
            let a = server.answer("?codes=none", &doc);
            let _ = t;
            r += prose::recall(&p.words, &a.pages[0].text);
            ms += a.pages[0].ms; c += a.pages[0].confidence.unwrap_or(0.0);
        }
        println!("{name:10} recall {:.2}  conf {:.1} ms {}", r / 3.0 * 100.0, c / 3.0, ms / 3);
    }
    for turn in [90, 180, 270] {
        for p in &pages[..2] {
        let img = match turn { 90 => image::imageops::rotate90(&p.image), 180 => image::imageops::rotate180(&p.image), _ => image::imageops::rotate270(&p.image) };
        let a = server.answer("?codes=none", &base.jpeg(&img));
        println!("turn {turn} recall {:.2} words {} conf {:?} ms {}", prose::recall(&p.words, &a.pages[0].text)*100.0, a.pages[0].words.len(), a.pages[0].confidence, a.pages[0].ms);
        }
    }
}
