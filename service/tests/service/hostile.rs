//! Documents made to hurt: an answer each, in bounded memory and time, and nobody else notices.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageFormat};
use ocr_api::answer::PageStatus;
use ocr_api::problem::ProblemKind;

use crate::support::hostile::{self, Chance};
use crate::support::pdf::Pdf;
use crate::support::process::{peak_memory, wait_for};
use crate::support::{Reply, Request, Server, scan};

/// What a worker may take by default: an empty one, what its limit lets it add, and what is only mapped.
const WORKER: u64 = 2 << 30;
/// What the service itself needs for a few documents of some megabytes.
const SERVICE: u64 = 200 << 20;

/// Runs something while watching the memory of the service's workers.
fn watching_workers<T>(server: &Server, run: impl FnOnce() -> T) -> (T, u64) {
    let (most, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let result = thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                for pid in server.workers() {
                    most.fetch_max(peak_memory(pid), Ordering::Relaxed);
                }
                thread::sleep(Duration::from_millis(10));
            }
        });
        let result = run();
        done.store(true, Ordering::Relaxed);
        result
    });
    (result, most.into_inner())
}

fn works(server: &Server) {
    let quick = Pdf::default().text_page(&["quick"]).build();
    assert_eq!(server.answer("", &quick).pages[0].text, "quick\n");
}

/// In words; anything else than an answer or a problem of the document's own fails.
#[track_caller]
fn judged(name: &str, reply: &Reply) -> String {
    if reply.status == 200 {
        let statuses: Vec<PageStatus> = reply
            .answer()
            .pages
            .iter()
            .map(|page| page.status)
            .collect();
        return format!("{statuses:?}");
    }
    let kind = reply.problem().kind;
    let expected = [
        ProblemKind::Corrupt,
        ProblemKind::Encrypted,
        ProblemKind::NoPages,
        ProblemKind::PageTooLarge,
        ProblemKind::Quarantined,
        ProblemKind::Type,
    ];
    assert!(expected.contains(&kind), "{name}: {}", reply.text());
    format!("{kind:?}")
}

#[test]
fn small_files_that_mean_gigabytes_cost_a_page_at_most() {
    let server = Server::start(&["--workers", "1", "--page-timeout", "3s"]);
    for (name, document) in hostile::all() {
        let started = Instant::now();
        let (reply, worker) = watching_workers(&server, || server.ocr("", &document));
        let judgement = judged(name, &reply);
        println!(
            "{name}: {} bytes, {judgement} after {:.1} s, {} MB",
            document.len(),
            started.elapsed().as_secs_f64(),
            worker >> 20
        );
        assert!(worker < WORKER, "{name}: {worker} bytes");
        assert!(started.elapsed() < Duration::from_secs(10), "{name}");
        works(&server);
    }
    let service = peak_memory(server.pid());
    assert!(service < SERVICE, "{service} bytes");
}

#[test]
fn the_largest_picture_that_is_allowed_is_read_within_a_workers_memory() {
    let server = Server::start(&["--workers", "1"]);
    let document = hostile::png_of_80_megapixels();
    let (answer, worker) = watching_workers(&server, || server.answer("", &document));
    println!("{} MB", worker >> 20);
    assert_eq!(
        answer.pages[0].status,
        PageStatus::Empty,
        "{:?}",
        answer.warnings
    );
    assert!(worker < WORKER, "{worker} bytes");
    works(&server);
}

#[test]
fn ten_thousand_pages_are_answered_before_the_deadline_read_or_not() {
    let server = Server::start(&[]);
    let document = hostile::pdf_of_pages(10_000);
    let request = Request::post("/v1/ocr", document).header("X-Deadline-Ms", "3000");
    let started = Instant::now();
    let reply = server.send_with_key(request);
    assert!(
        started.elapsed() < Duration::from_secs(8),
        "{:?}",
        started.elapsed()
    );
    let answer = reply.answer();
    assert_eq!(answer.document.pages, 10_000);
    assert_eq!(answer.pages.len(), 10_000);
    let read = answer
        .pages
        .iter()
        .filter(|page| page.status == PageStatus::Ok);
    let read: Vec<u32> = read.map(|page| page.page).collect();
    println!("{} pages read, {} bytes", read.len(), reply.body.len());
    assert!(!read.is_empty());
    for page in &answer.pages {
        if page.status == PageStatus::Ok {
            assert_eq!(page.text, format!("This is page {}\n", page.page));
        } else {
            assert_eq!(page.status, PageStatus::Skipped);
        }
    }
    assert_eq!(answer.complete, read.len() == 10_000);
    let service = peak_memory(server.pid());
    assert!(service < SERVICE, "{service} bytes");
    works(&server);
}

/// Small ones of each type, so that much damage is done in little time.
fn seeds() -> Vec<Vec<u8>> {
    let page = scan::page(&["Damage"]);
    let small = image::imageops::crop_imm(&page, 280, 320, 320, 100).to_image();
    let color = DynamicImage::from(DynamicImage::from(small.clone()).into_rgb8());
    let jpeg = scan::jpeg(&small);
    vec![
        Pdf::default().text_page(&["Damage"]).build(),
        Pdf::default()
            .scan_page_with_text(&jpeg, 320, 100, &["Damage"], 3)
            .stamped_page(&["Damage"], "Paid")
            .unmapped_page(3)
            .build(),
        scan::png(&small),
        scan::encode(&color, ImageFormat::Png),
        jpeg.clone(),
        scan::with_orientation(&jpeg, 6),
        scan::tiff(&[small.clone(), small.clone()]),
        scan::fax(&small),
        scan::two_colours(&small),
        scan::encode(&color, ImageFormat::WebP),
    ]
}

#[test]
fn two_thousand_damaged_files_get_an_answer_each() {
    const FILES: usize = 2000;
    let server = Server::start(&["--page-timeout", "3s"]);
    let seeds = seeds();
    let (next, crashed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let started = Instant::now();
    let ((), worker) = watching_workers(&server, || {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= FILES {
                            return;
                        }
                        let mut chance = Chance::new(number as u64);
                        let file = hostile::damaged(&seeds[number % seeds.len()], &mut chance);
                        let reply = server.ocr("", &file);
                        if judged(&format!("file {number}"), &reply).contains("Crashed") {
                            crashed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
    });
    let service = peak_memory(server.pid());
    println!(
        "{FILES} files in {:.0} s, {} crashed a worker; a worker {} MB, the service {} MB",
        started.elapsed().as_secs_f64(),
        crashed.into_inner(),
        worker >> 20,
        service >> 20
    );
    assert!(
        worker < WORKER && service < SERVICE,
        "{worker} and {service} bytes"
    );
    wait_for("all workers are ready", || server.readiness().0 == 200);
    works(&server);
}
