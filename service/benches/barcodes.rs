//! Barcodes on worn pages: those that the service finds, next to those that the library finds when it searches every
//! pixel of the same pages. The service must not lose a barcode by skipping parts of a page.
//!
//! `cargo bench -p ocr-service --bench barcodes [-- PAGES]` (after `service/fetch-pdfium.sh`); the default is 60 pages.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, starts programs, and can't return errors"
)]

mod support;

use image::{GrayImage, imageops};
use ocr_api::answer::CodesAnswer;
use support::figures::{Wanted, show};
use support::measuring;
use support::service::prose::Wear;
use support::service::{Request, Server, scan};
use zxingcpp::{BarcodeFormat, ImageFormat, ImageView, TextMode};

const PAGES: u64 = 60;
/// Pages between two lines of progress.
const PROGRESS_EVERY: u64 = 20;
const SYMBOLS: [(BarcodeFormat, &str); 10] = [
    (BarcodeFormat::QRCode, "https://example.org/"),
    (BarcodeFormat::DataMatrix, "LOT"),
    (BarcodeFormat::PDF417, "PDF-417 "),
    (BarcodeFormat::Aztec, "an Aztec code "),
    (BarcodeFormat::Code128, "RE-2026-"),
    (BarcodeFormat::Code39, "CODE-"),
    (BarcodeFormat::Code93, "CODE 93 "),
    (BarcodeFormat::ITF, "1400638133"),
    (BarcodeFormat::Codabar, "A12345"),
    (BarcodeFormat::EAN13, "40063813339"),
];

fn main() {
    let asked = std::env::args().find_map(|arg| arg.parse().ok());
    let pages = if measuring() {
        asked.unwrap_or(PAGES)
    } else {
        2
    };
    let server = Server::start(&["--workers", "1"]);
    let text = scan::text_page();
    let (mut drawn, mut whole, mut served, mut lost) = (0, 0, 0, 0);
    for number in 0..pages {
        let mut dice = Dice(number);
        let (page, values) = page(&text, &mut dice);
        let worn = wear(&mut dice).jpeg(&page);
        let by_service = by_service(&server, &worn);
        let by_library = by_library(&worn);
        let right = |found: &[String]| values.iter().filter(|v| found.contains(v)).count();
        drawn += values.len();
        whole += right(&by_library);
        served += right(&by_service);
        lost += values
            .iter()
            .filter(|value| by_library.contains(value) && !by_service.contains(value))
            .inspect(|value| {
                println!("  page {number}: {value} is in all pixels, but not in the answer")
            })
            .count();
        if (number + 1) % PROGRESS_EVERY == 0 {
            println!(
                "  after {} pages: {drawn} drawn, {whole} in all pixels, {served} by the service",
                number + 1
            );
        }
    }
    println!(
        "{pages} pages with {drawn} barcodes, 150 to 300 dpi, up to 2° askew, blurred, JPEG of quality 40:"
    );
    let share = |found: usize| found as f64 * 100.0 / drawn as f64;
    show("found in all pixels", "%", share(whole), &Wanted::Nothing);
    show("found by the service", "%", share(served), &Wanted::Nothing);
    show(
        "found in all pixels, not by the service",
        "codes",
        lost as f64,
        &Wanted::AtMost(0.0),
    );
}

/// Some symbols of narrow modules, on white paper or beside text, and their contents.
fn page(text: &GrayImage, dice: &mut Dice) -> (GrayImage, Vec<String>) {
    let mut page = if dice.below(2) == 0 {
        text.clone()
    } else {
        GrayImage::from_pixel(text.width(), text.height(), image::Luma([255]))
    };
    let mut values = Vec::new();
    for cell in 0..1 + dice.below(3) {
        let (format, start) = SYMBOLS[dice.below(SYMBOLS.len())];
        let value = match format {
            // The last digit is a check digit.
            BarcodeFormat::EAN13 => gtin(&format!("{start}{}", dice.below(10))),
            BarcodeFormat::ITF => format!("{start}{:04}", dice.below(10_000)),
            BarcodeFormat::Codabar => format!("{start}{:03}B", dice.below(1000)),
            _ => format!("{start}{}", dice.below(1_000_000)),
        };
        let scale = 2 + dice.below(4) as i32;
        let options = zxingcpp::write().scale(scale).add_quiet_zones(true);
        let drawn = zxingcpp::create(format).from_str(&value).unwrap();
        let drawn = drawn.to_image_with(&options).unwrap();
        let (width, height) = (drawn.width() as u32, drawn.height() as u32);
        let symbol = GrayImage::from_vec(width, height, drawn.data()).unwrap();
        // At any place, up to the edge of the paper.
        let x = dice.below((page.width().saturating_sub(width)).max(1) as usize);
        let top = page.height() as usize / 3 * cell;
        let y = top + dice.below((page.height() / 3).saturating_sub(height).max(1) as usize);
        imageops::replace(&mut page, &symbol, x as i64, y as i64);
        values.push(value);
    }
    (page, values)
}

fn wear(dice: &mut Dice) -> Wear {
    Wear {
        degrees: dice.below(401) as f64 / 100.0 - 2.0,
        dpi: [150, 200, 250, 300][dice.below(4)],
        blur: dice.below(10) as f32 / 10.0,
        noise: dice.below(15) as u8,
        quality: 40,
    }
}

fn gtin(digits: &str) -> String {
    let weighted = digits.bytes().rev().zip([3, 1].into_iter().cycle());
    let sum: u32 = weighted
        .map(|(digit, weight)| u32::from(digit - b'0') * weight)
        .sum();
    format!("{digits}{}", (10 - sum % 10) % 10)
}

fn by_service(server: &Server, page: &[u8]) -> Vec<String> {
    let reply = server.send_with_key(Request::post("/v1/codes?codes=barcode", page));
    let answer: CodesAnswer = serde_json::from_slice(&reply.body).unwrap();
    answer.codes.into_iter().map(|code| code.value).collect()
}

fn by_library(page: &[u8]) -> Vec<String> {
    let page = image::load_from_memory(page).unwrap().into_luma8();
    let view = ImageView::from_slice(page.as_raw(), page.width(), page.height(), ImageFormat::Lum);
    let formats = SYMBOLS.map(|(format, _)| format);
    let reader = zxingcpp::read()
        .formats(formats)
        .try_invert(false)
        .text_mode(TextMode::Plain);
    let found = reader.from(view.unwrap()).unwrap();
    found
        .iter()
        .filter(|found| found.is_valid())
        .map(zxingcpp::Barcode::text)
        .collect()
}

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}
