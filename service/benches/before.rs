//! Costs beside another build of the service, in turns: the time of small images at the median, and processor time and pages a
//! second of whole pages. Each reads by the library of Tesseract that its executable finds.
//!
//! `OCR_BEFORE=/path/to/ocr-service cargo bench -p ocr-service --bench before`, with `libpdfium.so` and `pp-ocr` beside
//! that executable. Without `OCR_BEFORE` the build is compared with itself, which shows the noise.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, starts programs, and has nobody to return an error to"
)]

mod support;

use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use image::GrayImage;
use support::figures::{Wanted, median, millis, show};
use support::service::process::ticks_of_all;
use support::service::{Server, scan};
use support::{cores, documents, load, measuring};

fn main() {
    let (images, rounds) = if measuring() { (200, 9) } else { (2, 1) };
    let workers = cores().to_string();
    let flags = ["--workers", &workers];
    let before = match std::env::var_os("OCR_BEFORE") {
        Some(program) => Server::start_program(&PathBuf::from(program), &flags),
        None => Server::start(&flags),
    };
    let sides = [before, Server::start(&flags)];
    let page = scan::text_page();
    let blank = GrayImage::from_pixel(400, 50, image::Luma([255]));
    for (what, image) in [
        ("a blank image", blank),
        ("a line of text", documents::crop(&page)),
    ] {
        let [before, now] = small(&sides, &image, images);
        show(
            &format!("{what} before, p50"),
            "ms",
            before,
            &Wanted::Nothing,
        );
        show(&format!("{what}, p50"), "ms", now, &Wanted::Nothing);
        show("added", "ms", now - before, &Wanted::AtMost(5.0));
    }
    let mut rates = Vec::new();
    let mut ticks = Vec::new();
    for round in 0..rounds {
        let mut pair = [(0.0, 0.0); 2];
        for turn in 0..2 {
            let side = (round + turn) % 2;
            pair[side] = pages(&sides[side], &page);
        }
        rates.push(pair[1].0 / pair[0].0);
        ticks.push(pair[1].1 / pair[0].1);
    }
    let (rate, ticks) = (median(&mut rates), median(&mut ticks));
    show("pages a second / before", "", rate, &Wanted::AtLeast(0.98));
    show(
        "processor time of a page / before",
        "",
        ticks,
        &Wanted::AtMost(1.02),
    );
}

/// Medians of both sides' times for one image at a time, in milliseconds.
fn small(sides: &[Server; 2], image: &GrayImage, count: usize) -> [f64; 2] {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..count {
        for (server, times) in sides.iter().zip(&mut times) {
            // A worker for the next document is made while nothing is asked for.
            thread::sleep(Duration::from_millis(20));
            let (took, replies) = load::all(server, "", vec![documents::png(image)], 1);
            assert_eq!(replies[0].status, 200);
            times.push(millis(took));
        }
    }
    times.map(|mut times| median(&mut times))
}

/// Pages a second and clock ticks a page, of two pages for each core at once.
fn pages(server: &Server, page: &GrayImage) -> (f64, f64) {
    let documents: Vec<Vec<u8>> = (0..2 * cores()).map(|_| documents::png(page)).collect();
    let count = documents.len() as f64;
    let before = ticks_of_all(server.pid());
    let (took, replies) = load::all(server, "", documents, cores());
    assert!(replies.iter().all(|reply| reply.status == 200));
    // Workers end after the answer; their time counts once they have.
    thread::sleep(Duration::from_millis(300));
    let ticks = ticks_of_all(server.pid()) - before;
    (count / took.as_secs_f64(), ticks as f64 / count)
}
