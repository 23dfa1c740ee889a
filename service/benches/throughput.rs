//! Pages of text at 300 dpi over HTTP on all cores, next to one warm Tesseract that does nothing else. The engine of
//! `make engine` and that of the distribution take turns, and their texts have to be identical. On a shared machine,
//! the ratios in processor time are the relevant ones.
//!
//! `cargo bench -p ocr-service --bench throughput`, after `service/fetch-pdfium.sh` and `make engine`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, starts programs, and can't return errors"
)]

mod support;

use std::path::Path;

use image::{GrayImage, imageops};
use ocr_api::answer::Page;
use support::engine::{self, Engine};
use support::figures::{Wanted, median, show};
use support::service::process::ticks_of_all;
use support::service::{Server, scan};
use support::{cores, documents, load, measuring};

fn main() {
    engine::serve_if_asked();
    let (rounds, each) = if measuring() { (5, 4) } else { (1, 1) };
    let cores = cores();
    let page = scan::text_page();
    let distributed = engine::distribution();
    let own = engine::own();
    println!("{cores} cores, median of {rounds} rounds in turns:");

    let mut sides = vec![Side::start("distribution", &distributed, cores)];
    match &own {
        Some(own) => sides.push(Side::start("own", own, cores)),
        None => println!("  (the own engine is not there: make engine)"),
    }
    for side in &mut sides {
        side.round(&page, cores);
        side.rates = Rates::default();
        side.alone = Rates::default();
    }
    for _ in 0..rounds {
        for side in &mut sides {
            side.round(&page, cores * each);
        }
    }

    let of = |rates: &[f64]| median(&mut rates.to_vec());
    let base = of(&sides[0].alone.wall) * cores as f64;
    let base_cpu = of(&sides[0].alone.cpu);
    for side in &sides {
        let (rate, alone) = (of(&side.rates.wall), of(&side.alone.wall) * cores as f64);
        println!("with the {} engine:", side.name);
        show("over HTTP", "pages/s", rate, &Wanted::Nothing);
        show(
            "cores × one warm Tesseract",
            "pages/s",
            alone,
            &Wanted::Nothing,
        );
        show("ratio", "", rate / alone, &Wanted::AtLeast(0.95));
        let (rate, alone) = (of(&side.rates.cpu), of(&side.alone.cpu));
        let per_second = "pages a second of processor time, service and workers";
        show(per_second, "pages/s", rate, &Wanted::Nothing);
        show(
            "the same of one warm Tesseract",
            "pages/s",
            alone,
            &Wanted::Nothing,
        );
        show(
            "ratio in processor time",
            "",
            rate / alone,
            &Wanted::AtLeast(0.95),
        );
    }
    if let [_, own] = &sides[..] {
        show(
            "own engine over HTTP / cores × the distribution's warm",
            "",
            of(&own.rates.wall) / base,
            &Wanted::AtLeast(1.25),
        );
        show(
            "the same in processor time",
            "",
            of(&own.rates.cpu) / base_cpu,
            &Wanted::AtLeast(1.25),
        );
        show(
            "own engine / the distribution's, one warm of each, processor time",
            "",
            of(&own.alone.cpu) / base_cpu,
            &Wanted::Nothing,
        );
        same_text(&sides);
    }
}

/// A service and a bare engine, both with the same library.
struct Side {
    name: &'static str,
    server: Server,
    engine: Engine,
    /// Rates of the service with its workers.
    rates: Rates,
    /// Rates of the single engine.
    alone: Rates,
}

/// Pages per second of wall-clock time and of processor time, for each round. The latter is more reliable if others use
/// the machine.
#[derive(Default)]
struct Rates {
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

impl Side {
    fn start(name: &'static str, directory: &Path, workers: usize) -> Self {
        let server = Server::start_with_libraries(directory, &["--workers", &workers.to_string()]);
        let library = server.readiness().1.engine.library.unwrap();
        assert_eq!(
            library == "distribution",
            name == "distribution",
            "{library}"
        );
        Self {
            name,
            server,
            engine: Engine::start(directory),
            rates: Rates::default(),
            alone: Rates::default(),
        }
    }

    fn round(&mut self, page: &GrayImage, pages: usize) {
        let documents = (0..pages).map(|_| documents::png(page)).collect();
        let before = self.used();
        let (took, replies) = load::all(&self.server, "", documents, cores());
        let used = self.used() - before;
        let (alone, text) = self.engine.read(page);
        for reply in replies {
            // A page shared with an idle worker may have the end of a paragraph where it was cut.
            let answer = reply.answer();
            let read = answer.pages[0].text.split_whitespace();
            assert!(read.eq(text.split_whitespace()), "another text");
        }
        self.rates.wall.push(pages as f64 / took.as_secs_f64());
        self.rates.cpu.push(pages as f64 / used);
        self.alone.wall.push(1.0 / alone.wall.as_secs_f64());
        self.alone.cpu.push(1.0 / alone.cpu.as_secs_f64());
    }

    /// Processor time of the service and its workers, in seconds.
    fn used(&self) -> f64 {
        ticks_of_all(self.server.pid()) as f64 / 100.0
    }
}

/// Compares the results of both engines for pages of several kinds: text, words, places and confidences.
fn same_text(sides: &[Side]) {
    let pages = kinds();
    let mut different = 0;
    for page in &pages {
        let read: Vec<Page> = sides
            .iter()
            .map(|side| {
                let mut answer = side.server.answer("", &documents::png(page));
                answer.pages[0].ms = 0;
                answer.pages.remove(0)
            })
            .collect();
        different += usize::from(read[0] != read[1]);
    }
    show(
        &format!(
            "pages of {} that the two engines read differently",
            pages.len()
        ),
        "pages",
        different as f64,
        &Wanted::AtMost(0.0),
    );
}

/// Clean, small type, white on black, blurred, faint and noisy, rotated a little, and at lower resolutions.
fn kinds() -> Vec<GrayImage> {
    let (text, dense) = (scan::text_page(), scan::dense_page());
    let mut inverted = text.clone();
    imageops::invert(&mut inverted);
    let mut state = 1u32;
    let mut noisy = text.clone();
    for pixel in noisy.pixels_mut() {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 24) as i32 / 3 - 42;
        pixel.0[0] = (i32::from(pixel.0[0]) * 2 / 3 + 60 + noise).clamp(0, 255) as u8;
    }
    let smaller = |page: &GrayImage, part: u32| {
        imageops::resize(
            page,
            page.width() / part,
            page.height() / part,
            imageops::FilterType::Triangle,
        )
    };
    let slanted = GrayImage::from_fn(text.width(), text.height(), |x, y| {
        let from = (y + x / 60).min(text.height() - 1);
        *text.get_pixel(x, from)
    });
    vec![
        imageops::blur(&text, 1.5),
        smaller(&text, 2),
        smaller(&dense, 2),
        documents::crop(&text),
        text,
        dense,
        inverted,
        noisy,
        slanted,
    ]
}
