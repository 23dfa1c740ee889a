//! Time that the service adds to a tiny image (HTTP, queue, hand-over to a worker) and to a text layer, and the time
//! until it is ready.
//!
//! `cargo bench -p ocr-service --bench overhead`, after `service/fetch-pdfium.sh`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, starts programs, and can't return errors"
)]

mod support;

use std::time::Instant;

use support::engine::{self, Engine};
use support::figures::{Wanted, median, millis, show};
use support::service::{Server, scan};
use support::{cores, documents, load, measuring};

fn main() {
    engine::serve_if_asked();
    let (images, pages, starts) = if measuring() {
        (200, 1000, 7)
    } else {
        (3, 5, 1)
    };
    let cores = cores();

    let mut times: Vec<f64> = (0..starts)
        .map(|_| {
            let began = Instant::now();
            // It checks every 10 ms.
            drop(Server::start(&["--workers", &cores.to_string()]));
            began.elapsed().as_secs_f64()
        })
        .collect();
    let label = format!("start to ready, {cores} workers, median of {starts}");
    show(&label, "s", median(&mut times), &Wanted::AtMost(1.5));

    let server = Server::start(&["--workers", &cores.to_string()]);
    let mut engine = Engine::start(&engine::own().unwrap_or_else(engine::distribution));
    let image = documents::crop(&scan::text_page());
    let (mut by_http, mut alone) = (Vec::new(), Vec::new());
    for _ in 0..images {
        let (took, replies) = load::all(&server, "", vec![documents::png(&image)], 1);
        assert!(replies[0].answer().complete);
        by_http.push(millis(took));
        alone.push(millis(engine.read(&image).0.wall));
    }
    let (by_http, alone) = (median(&mut by_http), median(&mut alone));
    show(
        "an image of 400 × 50 over HTTP, p50",
        "ms",
        by_http,
        &Wanted::Nothing,
    );
    show("one warm Tesseract, p50", "ms", alone, &Wanted::Nothing);
    show(
        "HTTP, queue and hand-over",
        "ms",
        by_http - alone,
        &Wanted::AtMost(8.0),
    );

    let pdfs: Vec<Vec<u8>> = (0..cores).map(|_| documents::text_pdf(pages)).collect();
    let (took, replies) = load::all(&server, "?codes=none", pdfs, cores);
    for reply in replies {
        let answer = reply.answer();
        assert!(answer.complete && answer.pages.len() == pages);
    }
    let rate = pages as f64 / took.as_secs_f64();
    let label = format!("PDFs of {pages} pages with a text layer, a core");
    show(&label, "pages/s", rate, &Wanted::AtLeast(200.0));
}
