//! A 300 dpi page of text over HTTP, next to the same page with the `tesseract` command and without a search for codes,
//! in one run.
//!
//! `cargo bench -p ocr-service` (after `service/fetch-pdfium.sh`; needs the package tesseract-ocr). There is one
//! request at a time, so both use one core. They take turns, so that a change in the machine's speed affects both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, starts programs, and can't return errors"
)]
#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the tests, which use all of it"
)]
#[path = "../tests/service/support/mod.rs"]
mod support;

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use support::{Server, scan};

const ROUNDS: usize = 7;

fn main() {
    // `cargo test --benches` runs this too. One round shows that it works.
    let rounds = if std::env::args().any(|arg| arg == "--bench") {
        ROUNDS
    } else {
        1
    };
    let server = Server::start(&["--workers", "1"]);
    let directory = tempfile::tempdir().unwrap();
    let page = scan::png_with_dpi(&scan::text_page(), 300);
    let path = directory.path().join("page.png");
    std::fs::write(&path, &page).unwrap();

    let by_http = || {
        let answer = server.answer("", &page);
        assert!(answer.complete);
        answer.pages[0].text.clone()
    };
    let without_codes = || server.answer("?codes=none", &page);
    let by_command = || {
        let output = Command::new("tesseract")
            .arg(&path)
            .arg("-")
            .env("OMP_THREAD_LIMIT", "1")
            // Cargo's path, in which `make engine` puts another Tesseract
            .env_remove("LD_LIBRARY_PATH")
            .stderr(Stdio::null())
            .output()
            .expect("the tesseract command: apt-get install tesseract-ocr");
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap()
    };

    // Once each as a warm-up. Both have to read the same text.
    let (ours, theirs) = (by_http(), by_command());
    let words = |text: &str| {
        text.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(words(&ours), words(&theirs));

    let (mut http, mut command, mut no_codes) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        http.push(time(&by_http));
        no_codes.push(time(&without_codes));
        command.push(time(&by_command));
    }
    let (http, command) = (median(&mut http), median(&mut command));
    let no_codes = median(&mut no_codes);
    println!(
        "A4, 300 dpi, {} words, median of {rounds}:",
        words(&ours).len()
    );
    println!("  ocr-service over HTTP          {:7.0} ms", millis(http));
    println!(
        "  tesseract, OMP_THREAD_LIMIT=1  {:7.0} ms",
        millis(command)
    );
    println!(
        "  ratio                          {:7.2}",
        millis(http) / millis(command)
    );
    println!(
        "  without barcodes and codes     {:7.0} ms, so that they add {:.1} %",
        millis(no_codes),
        (millis(http) / millis(no_codes) - 1.0) * 100.0
    );
}

fn time<T>(run: &impl Fn() -> T) -> Duration {
    let started = Instant::now();
    run();
    started.elapsed()
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
