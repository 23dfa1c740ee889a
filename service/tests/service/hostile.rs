//! Crafted documents: each is answered in bounded memory and time, and other requests are not affected.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use image::{DynamicImage, ImageFormat};
use ocr_api::answer::PageStatus;
use ocr_api::problem::ProblemKind;
use rustix::process::Signal;

use crate::support::hostile::{self, Chance};
use crate::support::pdf::Pdf;
use crate::support::process::{peak_memory, signal, ticks, wait_for};
use crate::support::{Reply, Request, Server, scan};

/// Most memory of a worker by default: an empty one, what its limit allows in addition, and what is only mapped.
const WORKER: u64 = 2 << 30;
/// Most memory of the service for a few documents of some megabytes.
const SERVICE: u64 = 200 << 20;

/// Runs a closure and measures the memory of the service's workers meanwhile.
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

/// Describes the reply. Fails for anything else than an answer or a problem of the document itself.
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
fn small_files_that_expand_to_gigabytes_cost_at_most_one_page() {
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
fn a_page_with_an_undecodable_picture_is_not_empty() {
    let server = Server::start(&["--workers", "1"]);
    for (width, height) in [(32_000, 268_000), (32_000, 67_000)] {
        let reply = server.ocr("", &hostile::pdf_with_jbig2(width, height));
        assert_eq!(reply.status, 422, "{}", reply.text());
        assert_eq!(reply.problem().kind, ProblemKind::Corrupt);
    }
    for stencil in [false, true] {
        let answer = server.answer("", &hostile::pdf_of_a_blank_sheet(stencil));
        assert_eq!(answer.pages[0].status, PageStatus::Empty);
        assert!(answer.complete && answer.warnings.is_empty());
    }
    let nothing = Pdf::default().text_page(&[]).build();
    assert!(server.answer("?mode=ocr", &nothing).complete);
}

#[test]
fn reports_an_undecodable_picture_with_its_page() {
    let server = Server::start(&["--workers", "1"]);
    let small = image::imageops::crop_imm(&scan::page(&["Damage"]), 280, 320, 320, 100).to_image();
    let whole = scan::jpeg(&small);
    let place = "q 320 0 0 100 60 400 cm /I Do Q";
    let lines = ["Seen all the same"];
    let pdf = Pdf::default()
        .drawn_page(&lines, place, (&whole, 320, 100))
        .drawn_page(&lines, place, (b"no picture at all", 320, 100))
        .build();
    let answer = server.answer("?mode=ocr", &pdf);
    assert!(answer.complete);
    for page in &answer.pages {
        assert!(page.text.contains(lines[0]), "{}", page.text);
    }
    let [warning] = &answer.warnings[..] else {
        panic!("{:?}", answer.warnings);
    };
    assert!(
        warning.starts_with("Page 2: a picture on it can't be decoded"),
        "{warning}"
    );
}

#[test]
fn reads_the_largest_allowed_picture_within_a_workers_memory() {
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
fn answers_ten_thousand_pages_before_the_deadline() {
    let server = Server::start(&["--max-pages", "10000"]);
    let document = hostile::pdf_of_pages(10_000);
    for query in ["", "?mode=ocr"] {
        let request = Request::post(&format!("/v1/ocr{query}"), document.clone());
        let started = Instant::now();
        let reply = server.send_with_key(request.header("X-Deadline-Ms", "5000"));
        assert!(
            started.elapsed() < Duration::from_secs(10),
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
        let read = read.count();
        println!("`{query}`: {read} pages read, {} bytes", reply.body.len());
        assert!(read > 0);
        for page in &answer.pages {
            match page.status {
                PageStatus::Ok => {
                    assert_eq!(page.text.trim(), format!("This is page {}", page.page))
                }
                status => assert_eq!(status, PageStatus::Skipped),
            }
        }
        assert_eq!(answer.complete, read == 10_000);
    }
    let service = peak_memory(server.pid());
    assert!(service < SERVICE, "{service} bytes");
    works(&server);
}

#[test]
fn crashes_under_load_affect_only_the_pages_at_hand() {
    const CLIENTS: u8 = 4;
    const EACH: u8 = 6;
    const KILLS: usize = 7;
    /// With more of them, the key is slowed down.
    const CRASHES: usize = 3;
    let server = Server::start(&[]);
    // Enough to read that a worker can be seen at work.
    let page = scan::page(&["One of many"; 12]);
    let (served, crashed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let done = AtomicBool::new(false);
    let statuses = thread::scope(|scope| {
        let client = |number: u8| {
            let (server, page, served, crashed) = (&server, &page, &served, &crashed);
            move || {
                let send = |document: u8| {
                    // Each is a different document, so none of them crashes a worker twice.
                    let mut page = page.clone();
                    page.put_pixel(0, 0, image::Luma([number * EACH + document]));
                    let answer = server.answer("", &scan::png(&page));
                    let [page] = answer.pages.as_slice() else {
                        panic!("{answer:?}")
                    };
                    if page.status == PageStatus::Crashed {
                        crashed.fetch_add(1, Ordering::SeqCst);
                    }
                    served.fetch_add(1, Ordering::SeqCst);
                    assert!(
                        page.status == PageStatus::Crashed
                            || page.text.matches("One of many").count() == 12
                    );
                    page.status
                };
                (0..EACH).map(send).collect::<Vec<_>>()
            }
        };
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| scope.spawn(client(number)))
            .collect();
        scope.spawn(|| {
            for kill in 1..=KILLS {
                wait_for("some pages are read", || {
                    served.load(Ordering::Relaxed) >= kill * 3 || done.load(Ordering::Relaxed)
                });
                // Not every kill is a crash: the worker may just have answered.
                if crashed.load(Ordering::SeqCst) >= CRASHES {
                    break;
                }
                // Waits for a worker that has begun with a page since. Those that have worked before may have answered
                // already.
                let working = || server.workers().into_iter().filter(|pid| ticks(*pid) > 5);
                let before: Vec<u32> = working().collect();
                let mut busy = None;
                wait_for("a worker is busy", || {
                    busy = working().find(|pid| !before.contains(pid));
                    busy.is_some() || done.load(Ordering::Relaxed)
                });
                if let Some(pid) = busy {
                    signal(pid, Signal::ABORT);
                }
            }
        });
        let statuses: Vec<_> = clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect();
        done.store(true, Ordering::Relaxed);
        statuses
    });
    assert_eq!(statuses.len(), usize::from(CLIENTS * EACH));
    let crashed = statuses
        .iter()
        .filter(|status| **status == PageStatus::Crashed)
        .count();
    println!(
        "{crashed} of {} pages crashed, by {KILLS} kills at most",
        statuses.len()
    );
    assert!((1..=KILLS).contains(&crashed), "{crashed}");
    works(&server);
}

/// Area around the first line of a text page.
const CROP: &str = "/CropBox[60 720 200 770]";

/// A PDF of a small page that is a picture.
fn scanned(jpeg: &[u8]) -> Vec<u8> {
    let mut pdf = Pdf::default();
    let head = format!(
        "<</Type/XObject/Subtype/Image/Width 320/Height 100/ColorSpace/DeviceGray/BitsPerComponent 8\
         /Filter/DCTDecode/Length {}>>stream\n",
        jpeg.len()
    );
    let image = pdf.add([head.as_bytes(), jpeg, b"\nendstream"].concat());
    let resources = format!("/XObject<</I {image} 0 R>>");
    pdf.add_page(&resources, CROP, "q 140 0 0 50 60 720 cm /I Do Q");
    pdf.build()
}

/// Small documents of each type, so that much can be damaged in little time.
fn seeds() -> Vec<Vec<u8>> {
    let page = scan::page(&["Damage"]);
    let small = image::imageops::crop_imm(&page, 280, 320, 320, 100).to_image();
    let color = DynamicImage::from(DynamicImage::from(small.clone()).into_rgb8());
    let jpeg = scan::jpeg(&small);
    vec![
        Pdf::default()
            .text_page_with(CROP, &["Damage"])
            .stamped_page(&["Damage"], "Paid")
            .build(),
        scanned(&jpeg),
        scan::png(&small),
        scan::encode(&color, ImageFormat::Png),
        jpeg.clone(),
        scan::with_orientation(&jpeg, 6),
        scan::tiff(&[small.clone(), small.clone()]),
        scan::fax(&small),
        scan::two_colours(&small),
        scan::FAXES[0].to_vec(),
        scan::FAXES[3].to_vec(),
        scan::encode(&color, ImageFormat::WebP),
        scan::encode(&color, ImageFormat::Gif),
        scan::encode(&color, ImageFormat::Bmp),
        scan::picture("line.jp2"),
        scan::picture("line.j2k"),
        scan::picture("grid.heic"),
        scan::picture("clear.heic"),
        scan::picture("clear.avif"),
    ]
}

/// A JPEG 2000 with these numbers in its first segment: the place of the first, and two of them.
fn jpeg_2000_stating(numbers: &[(usize, u32)]) -> Vec<u8> {
    let mut picture = scan::picture("line.j2k");
    for (at, number) in numbers {
        for place in [*at, at + 4] {
            picture[place..place + 4].copy_from_slice(&number.to_be_bytes());
        }
    }
    picture
}

#[test]
fn a_jpeg_2000_of_minute_or_missing_tiles_costs_nothing() {
    const END: usize = 8;
    const TILE: usize = 24;
    let server = Server::start(&["--workers", "1"]);
    for (numbers, kind) in [
        (&[(END, 7000), (TILE, 1)][..], ProblemKind::PageTooLarge),
        (&[(END, 255), (TILE, 1)], ProblemKind::Corrupt),
        (&[(END, 7000), (TILE, 7000)], ProblemKind::Corrupt),
    ] {
        let started = Instant::now();
        let reply = server.ocr("", &jpeg_2000_stating(numbers));
        assert_eq!(reply.problem().kind, kind, "{numbers:?}");
        assert!(started.elapsed() < Duration::from_secs(20));
    }
    assert!(!server.log().contains("a worker died"), "{}", server.log());
}

#[test]
fn answers_two_thousand_damaged_files() {
    const FILES: usize = 2000;
    let server = Server::start(&["--page-timeout", "3s"]);
    let seeds = seeds();
    let next = AtomicUsize::new(0);
    let judgements: Mutex<BTreeMap<String, usize>> = Mutex::default();
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
                        let judgement = judged(&format!("file {number}"), &reply);
                        *judgements.lock().unwrap().entry(judgement).or_default() += 1;
                    }
                });
            }
        });
    });
    let service = peak_memory(server.pid());
    println!(
        "{FILES} files in {:.0} s: {:?}; a worker {} MB, the service {} MB",
        started.elapsed().as_secs_f64(),
        judgements.into_inner().unwrap(),
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
