//! One page on idle cores: read by several workers that share it, next to the same page read by one worker, in turns in
//! one run.
//!
//! `cargo bench -p ocr-service --bench latency`. Targets: at most 0.65 of one core's time on two cores, and a word
//! recall within 0.2 points of the whole page's. Recall compares with the drawn words in their order, so parts read in
//! the wrong order count.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints, and can't return errors"
)]
#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the tests, which use all of it"
)]
#[path = "../tests/service/support/mod.rs"]
mod support;

use support::Server;
use support::process::spent_by_workers;
use support::prose::{self, Layout, Wear};

const PAGES: u64 = 8;
const WORKERS: &str = "2";

fn main() {
    // `cargo test --benches` runs this too. One page shows that it works.
    let pages = if std::env::args().any(|arg| arg == "--bench") {
        PAGES
    } else {
        1
    };
    let one = Server::start(&["--workers", "1"]);
    let many = Server::start(&["--workers", WORKERS]);
    let scan = Wear {
        degrees: 0.0,
        dpi: 300,
        blur: 0.7,
        noise: 14,
        quality: 50,
    };
    let cases = [
        ("clean letter", Layout::Letter, Wear::NONE),
        ("scan, level", Layout::Letter, scan),
        (
            "scan, leaning 0.3°",
            Layout::Letter,
            Wear {
                degrees: 0.3,
                ..scan
            },
        ),
        (
            "scan, leaning 1.7°",
            Layout::Letter,
            Wear {
                degrees: -1.7,
                ..scan
            },
        ),
        (
            "scan, 200 dpi",
            Layout::Letter,
            Wear {
                dpi: 200,
                degrees: 0.6,
                ..scan
            },
        ),
        ("invoice, scan", Layout::Invoice, scan),
        ("two columns, scan", Layout::Columns, scan),
    ];
    println!(
        "{pages} pages of each kind; {WORKERS} workers beside one; wanted: time 0.65, recall at most 0.2 less\n\
         {:20} {:>8} {:>8} {:>6} {:>6}   {:>7} {:>7} {:>6}",
        "", "one, ms", "many, ms", "ratio", "cpu", "one, %", "many, %", "points"
    );
    let mut all = Sums::default();
    for (name, layout, wear) in cases {
        let mut sums = Sums::default();
        for seed in 1..=pages {
            let page = prose::page(layout, seed);
            let document = wear.jpeg(&page.image);
            sums.add(&page.words, &one, &many, &document);
        }
        sums.print(name);
        all.merge(&sums);
    }
    all.print("all");
}

#[derive(Default)]
struct Sums {
    ms: [f64; 2],
    /// Milliseconds on a core of the busiest worker, which is the time without other load on the machine.
    busiest: [f64; 2],
    recall: [f64; 2],
    pages: f64,
}

impl Sums {
    fn add(&mut self, words: &[String], one: &Server, many: &Server, document: &[u8]) {
        for (at, server) in [one, many].into_iter().enumerate() {
            let (answer, spent) = spent_by_workers(
                || server.workers(),
                || server.answer("?codes=none", document),
            );
            assert!(answer.complete);
            let busiest = spent.into_values().max();
            self.busiest[at] += busiest.unwrap() as f64 / 1e6;
            self.ms[at] += answer.pages[0].ms as f64;
            self.recall[at] += prose::recall(words, &answer.pages[0].text) * 100.0;
        }
        self.pages += 1.0;
    }

    fn merge(&mut self, other: &Self) {
        for at in 0..2 {
            self.ms[at] += other.ms[at];
            self.busiest[at] += other.busiest[at];
            self.recall[at] += other.recall[at];
        }
        self.pages += other.pages;
    }

    fn print(&self, name: &str) {
        let mean = |sum: f64| sum / self.pages;
        println!(
            "{name:20} {:8.0} {:8.0} {:6.2} {:6.2}   {:7.2} {:7.2} {:+6.2}",
            mean(self.ms[0]),
            mean(self.ms[1]),
            self.ms[1] / self.ms[0],
            self.busiest[1] / self.busiest[0],
            mean(self.recall[0]),
            mean(self.recall[1]),
            mean(self.recall[1] - self.recall[0]),
        );
    }
}
