//! PDFs: pages that are read and pages that are recognized, and places of words.

use ocr_api::answer::{Method, Page};

use crate::support::pdf::{FIRST_LINE, HEIGHT, Pdf, WIDTH};
use crate::support::{Server, scan};

const LINE: &str = "Purchase order 55120";

fn methods(pages: &[Page]) -> Vec<Option<Method>> {
    pages.iter().map(|page| page.method).collect()
}

#[test]
fn reads_a_text_layer_exactly_with_boxes_in_pixels() {
    let server = Server::start(&["--workers", "1"]);
    let answer = server.answer(
        "",
        &Pdf::default().text_page(&[LINE, "Qty 4, x-ray"]).build(),
    );
    let page = &answer.pages[0];
    assert_eq!(page.method, Some(Method::Text));
    assert_eq!(page.text, format!("{LINE}\nQty 4, x-ray\n"));
    assert_eq!(page.confidence, Some(100.0));
    assert_eq!(
        (page.width, page.height, page.dpi),
        (Some(2479), Some(3508), Some(300))
    );
    let words: Vec<&str> = page.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(words, ["Purchase", "order", "55120", "Qty", "4,", "x-ray"]);
    let [left, top, right, bottom] = page.words[0].bounds;
    let scale = 300.0 / 72.0;
    assert!(
        (f64::from(left) - FIRST_LINE.0 * scale).abs() < 12.0,
        "{left}"
    );
    let baseline = (HEIGHT - FIRST_LINE.1) * scale;
    assert!((f64::from(bottom) - baseline).abs() < 12.0, "{bottom}");
    assert!(right > left && bottom > top);
}

#[test]
fn chooses_the_method_for_each_page() {
    let server = Server::start(&[]);
    let scanned = scan::page(&["Scanned by hand"]);
    let jpeg = scan::jpeg(&scanned);
    let (width, height) = scanned.dimensions();
    let document = Pdf::default()
        .text_page(&[LINE])
        .scan_page(&jpeg, width, height)
        .unmapped_page(60)
        .scan_page_with_text(&jpeg, width, height, &["what a bad OCR once read"], 3)
        .scan_page_with_text(&jpeg, width, height, &["Page 5 of 5"], 0)
        .build();
    let answer = server.answer("", &document);
    assert!(answer.complete, "{:?}", answer.warnings);
    let (text, ocr) = (Some(Method::Text), Some(Method::Ocr));
    assert_eq!(methods(&answer.pages), [text, ocr, ocr, ocr, ocr]);
    assert_eq!(answer.pages[0].text.trim(), LINE);
    assert_eq!(answer.pages[1].text.trim(), "Scanned by hand");
    assert_eq!(answer.pages[1].dpi, Some(300));
    // An invisible layer is the guess of another program, and a stamp on a scan is not its text.
    assert_eq!(answer.pages[3].text.trim(), "Scanned by hand");
    assert!(answer.pages[4].text.contains("hand"));
}

#[test]
fn obeys_the_requested_mode() {
    let server = Server::start(&["--workers", "1"]);
    let scanned = scan::page(&["Scanned by hand"]);
    let (width, height) = scanned.dimensions();
    let document = Pdf::default()
        .text_page(&[LINE])
        .scan_page_with_text(&scan::jpeg(&scanned), width, height, &["hidden layer"], 3)
        .build();
    let ocr = server.answer("?mode=ocr", &document);
    assert_eq!(methods(&ocr.pages), [Some(Method::Ocr); 2]);
    assert_eq!(ocr.pages[0].text.trim(), LINE);
    let text = server.answer("?mode=text", &document);
    assert_eq!(methods(&text.pages), [Some(Method::Text); 2]);
    assert_eq!(text.pages[1].text.trim(), "hidden layer");
}

#[test]
fn reads_stamps_on_a_page() {
    let server = Server::start(&["--workers", "1"]);
    let document = Pdf::default().stamped_page(&[LINE], "PAID IN FULL").build();
    let answer = server.answer("", &document);
    assert_eq!(answer.pages[0].method, Some(Method::Text));
    assert!(answer.pages[0].text.contains(LINE));
    assert!(answer.pages[0].text.contains("PAID IN FULL"));
}

#[test]
fn places_boxes_correctly_on_rotated_and_cropped_pages() {
    let server = Server::start(&["--workers", "1"]);
    let scale = 300.0 / 72.0;
    let document = Pdf::default()
        .text_page_with("/Rotate 90", &[LINE])
        .text_page_with("/CropBox[60 400 400 800]", &[LINE])
        .build();
    for mode in ["text", "ocr"] {
        let answer = server.answer(&format!("?mode={mode}"), &document);
        let [rotated, cropped] = answer.pages.as_slice() else {
            panic!("two pages");
        };
        assert_eq!(rotated.width, Some((HEIGHT * scale).round() as u32));
        assert_eq!(rotated.height, Some((WIDTH * scale).round() as u32));
        if mode == "text" {
            // On a page rotated clockwise, text runs down the right side, and its baseline is a vertical line.
            let [left, top, ..] = rotated.words[0].bounds;
            assert!(
                (f64::from(left) - FIRST_LINE.1 * scale).abs() < 20.0,
                "{left}"
            );
            assert!(
                (f64::from(top) - FIRST_LINE.0 * scale).abs() < 12.0,
                "{top}"
            );
        }
        assert_eq!(cropped.width, Some((340.0 * scale).round() as u32));
        let [left, _, _, bottom] = cropped.words[0].bounds;
        assert!(
            (f64::from(left) - (FIRST_LINE.0 - 60.0) * scale).abs() < 12.0,
            "{left}"
        );
        assert!(
            (f64::from(bottom) - (800.0 - FIRST_LINE.1) * scale).abs() < 12.0,
            "{bottom}"
        );
    }
}
