//! Pages and small crops over HTTP, next to the `tesseract` command under `xargs` on the same number of cores, in
//! turns.
//!
//! `cargo bench -p ocr-service --bench command`, after `service/fetch-pdfium.sh`; needs the package tesseract-ocr. The
//! service uses the engine that it finds, which is the faster one after `make engine`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, starts programs, and can't return errors"
)]

mod support;

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Instant;

use support::figures::{Wanted, median, show};
use support::service::{Server, scan};
use support::{cores, documents, load, measuring};

fn main() {
    let (rounds, pages, crops) = if measuring() { (3, 6, 400) } else { (1, 1, 4) };
    let cores = cores();
    let server = Server::start(&["--workers", &cores.to_string()]);
    let library = server.readiness().1.engine.library.unwrap();
    println!("{cores} cores, engine {library}, median of {rounds} rounds in turns:");
    let page = scan::text_page();
    let compare = |what: &str, image: &image::GrayImage, count: usize, wanted: f64| {
        let make = || {
            (0..count)
                .map(|_| documents::png(image))
                .collect::<Vec<_>>()
        };
        load::all(&server, "", make(), cores);
        let mut ratios = Vec::new();
        for _ in 0..rounds {
            let documents = make();
            let by_command = command(&documents, cores);
            let (by_http, replies) = load::all(&server, "", documents, cores);
            assert!(replies.iter().all(|reply| reply.answer().complete));
            ratios.push(by_command / by_http.as_secs_f64());
        }
        let label = format!("{count} {what}: times as fast as the command");
        show(&label, "", median(&mut ratios), &Wanted::AtLeast(wanted));
    };
    compare("pages", &page, pages, 1.0);
    compare("crops of 400 × 50", &documents::crop(&page), crops, 5.0);
}

/// Seconds that `xargs -P cores` takes for all documents.
fn command(documents: &[Vec<u8>], cores: usize) -> f64 {
    let directory = tempfile::tempdir().unwrap();
    let mut names = String::new();
    for (at, document) in documents.iter().enumerate() {
        let path = directory.path().join(format!("{at}.png"));
        std::fs::write(&path, document).unwrap();
        names.push_str(&format!("{}\n", path.display()));
    }
    let began = Instant::now();
    let mut child = Command::new("xargs")
        .args(["-P", &cores.to_string(), "-I{}", "tesseract", "{}", "{}"])
        .env("OMP_THREAD_LIMIT", "1")
        .env_remove("LD_LIBRARY_PATH")
        .stdin(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(names.as_bytes()).unwrap();
    drop(input);
    assert!(
        child.wait().unwrap().success(),
        "apt-get install tesseract-ocr"
    );
    began.elapsed().as_secs_f64()
}
