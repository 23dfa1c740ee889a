//! Codes that are misread at first, and the results of the second pass.

use image::imageops::{self, FilterType};
use ocr_api::code::{Code, Recognizer};

use crate::support::pdf::Pdf;
use crate::support::{Server, scan};

/// Valid LEIs that are hard to read: letters next to digits that look like them.
const LEIS: [&str; 12] = [
    "398200NU40UGZECUYZ55",
    "623200XO04A2J1HUOR17",
    "972500628VDGRJQWOM54",
    "935000HAKY6DHI74UU96",
    "5162001IRQ722OLZHW31",
    "0401006Y2CQIG92LKN52",
    "667800OZ6WHRFJRGXJ21",
    "0695001O83LTMMHV1303",
    "547400KBNBKNGJO61854",
    "834300KBR66KLESA5L22",
    "97430072XCKBHL5M8Q03",
    "847500QIQQ2Q9C0UWR26",
];
/// The last check digit is wrong by one.
const WRONG: &str = "IBAN: DE88 3704 0044 0532 0130 00";

/// A scan at 135 dpi, out of focus, as a JPEG.
fn poor_scan(lines: &[&str]) -> Vec<u8> {
    let page = scan::page(lines);
    let (width, height) = (page.width() * 45 / 100, page.height() * 45 / 100);
    let small = imageops::resize(&page, width, height, FilterType::Triangle);
    scan::jpeg(&imageops::blur(&small, 0.9))
}

fn passing(codes: &[Code]) -> Vec<&str> {
    let ok = |code: &&Code| code.check.as_ref().is_some_and(|check| check.ok);
    codes
        .iter()
        .filter(ok)
        .map(|code| code.value.as_str())
        .collect()
}

#[test]
fn the_second_pass_reads_a_poor_scan_correctly() {
    let lines = LEIS.map(|lei| format!("LEI {lei}"));
    let document = poor_scan(&lines.each_ref().map(String::as_str));
    let server = Server::start(&["--workers", "1"]);
    assert_eq!(
        server.readiness().1.engine.pp_ocr.as_deref(),
        Some("pp-ocrv6"),
        "run service/fetch-pp-ocr.sh before the tests"
    );
    // PP-OCR would read all of them at once.
    let query = "?codes=lei&engine=tesseract";
    let answer = server.answer(query, &document);
    let found = passing(&answer.codes);
    assert!(found.iter().all(|value| LEIS.contains(value)), "{found:?}");
    let once = Server::start(&["--workers", "1", "--second-looks", "0"]);
    let at_first = once.answer(query, &document);
    assert!(at_first.codes.iter().all(|code| code.readings.is_empty()));
    let before = passing(&at_first.codes).len();
    assert!(
        before < LEIS.len(),
        "nothing was misread: the scan is too good"
    );
    assert!(found.len() > before, "{} of {before} at first", found.len());

    // Tesseract reads first, and misreads some of them again.
    let repaired = answer.codes.iter().find(|code| {
        let reads = |recognizer| {
            let mut readings = code.readings.iter();
            let one = readings.find(|one| one.recognizer == recognizer);
            one.map(|one| one.text.replace(' ', "") == code.value)
        };
        code.raw != code.value
            && reads(Recognizer::Tesseract) == Some(false)
            && reads(Recognizer::PpOcr) == Some(true)
    });
    let repaired = repaired.expect("one that only the second recognizer could read");
    assert!(repaired.edits.is_empty() && !repaired.repaired);
}

#[test]
fn reports_a_misprinted_code_without_repairing_it() {
    let server = Server::start(&["--workers", "1"]);
    let page = scan::page(&[WRONG]);
    // Pixels, and a page that is drawn again for the second pass.
    for (query, document) in [
        ("", scan::png_with_dpi(&page, 300)),
        ("?mode=ocr", Pdf::default().text_page(&[WRONG]).build()),
    ] {
        let answer = server.answer(query, &document);
        let [code] = &answer.codes[..] else {
            panic!("one code: {:?}", answer.codes);
        };
        assert_eq!(code.value, "DE88370400440532013000");
        assert!(!code.check.as_ref().unwrap().ok && !code.repaired);
        let read: Vec<(Recognizer, String)> = code
            .readings
            .iter()
            .map(|one| (one.recognizer, one.text.replace(' ', "")))
            .collect();
        let value = || code.value.clone();
        assert_eq!(
            read,
            [
                (Recognizer::Tesseract, value()),
                (Recognizer::PpOcr, value())
            ]
        );
        let [warning] = &answer.warnings[..] else {
            panic!("one warning: {:?}", answer.warnings);
        };
        assert!(warning.starts_with("Page 1: ") && warning.contains(&code.value));
    }
}

#[test]
fn limits_the_lines_of_the_second_pass() {
    let server = Server::start(&["--workers", "1", "--second-looks", "3"]);
    let answer = server.answer("", &scan::png_with_dpi(&scan::page(&[WRONG; 8]), 300));
    assert_eq!(answer.codes.len(), 8);
    let looked_at = answer.codes.iter().filter(|code| !code.readings.is_empty());
    assert_eq!(looked_at.count(), 3);
}
