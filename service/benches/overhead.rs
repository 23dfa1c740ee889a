//! Time that the service adds to a tiny image (HTTP, queue, hand-over to a worker) and to a text layer, and the time
//! until it is ready.
//!
//! `cargo bench -p ocr-service --bench overhead`, after `service/fetch-pdfium.sh`. With `OCR_DOCUMENTS=DIRECTORY`, also the
//! processor time of the PDFs in a directory whose pages all have a sound text layer.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, starts programs, and can't return errors"
)]

mod support;

use std::fs;
use std::path::Path;
use std::time::Instant;

use ocr_api::answer::Method;
use ocr_api::inspection::{Inspection, TextLayer};
use support::engine::{self, Engine};
use support::figures::{Wanted, median, millis, show};
use support::service::process::ticks_of_all;
use support::service::{Request, Server, scan};
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
    drop(server);

    if let Some(directory) = std::env::var_os("OCR_DOCUMENTS") {
        own_documents(Path::new(&directory));
    }
}

/// Each PDF is a document, for which a worker is made. Those with pictures that may have text have figures of their own.
fn own_documents(directory: &Path) {
    const LARGEST: u64 = 20 << 20;
    let mut files = Vec::new();
    let mut directories = vec![directory.to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let (path, about) = entry.map(|one| (one.path(), one.metadata())).unwrap();
            let about = about.unwrap();
            if about.is_dir() {
                directories.push(path);
            } else if path.extension().is_some_and(|it| it == "pdf") && about.len() <= LARGEST {
                files.push(path);
            }
        }
    }
    let server = Server::start(&["--workers", "1"]);
    let (mut plain, mut with_pictures) = (Vec::new(), Vec::new());
    for file in files {
        let document = fs::read(file).unwrap();
        let request = Request::post("/v1/inspect", document.clone());
        let reply = server.send_with_key(request);
        let Ok(inspection) = serde_json::from_slice::<Inspection>(&reply.body) else {
            continue;
        };
        let pages = &inspection.pages;
        if pages
            .iter()
            .all(|page| page.text_layer == Some(TextLayer::Sound))
        {
            let plainly = pages.iter().all(|page| page.method == Some(Method::Text));
            let list = if plainly {
                &mut plain
            } else {
                &mut with_pictures
            };
            list.push((document, pages.len()));
        }
    }
    for (what, documents) in [("text alone", plain), ("text and pictures", with_pictures)] {
        let pages: usize = documents.iter().map(|(_, pages)| pages).sum();
        let label = format!("{} PDFs of {pages} pages, {what}, a core", documents.len());
        let before = ticks_of_all(server.pid());
        for (document, _) in documents {
            assert_eq!(server.ocr("?codes=none", &document).status, 200);
        }
        // Workers that end count for the service once they have ended.
        server.spares(1);
        let seconds = (ticks_of_all(server.pid()) - before) as f64 / 100.0;
        let rate = pages as f64 / seconds;
        show(&label, "pages/s", rate, &Wanted::AtLeast(150.0));
    }
}
