//! Searchable PDFs, as poppler's tools see them.
#![allow(
    clippy::disallowed_methods,
    reason = "the tests inspect files with poppler's programs"
)]

use std::path::Path;
use std::process::Command;

use image::GrayImage;
use ocr_api::answer::{Page, Word};
use tempfile::TempDir;

use crate::support::pdf::Pdf;
use crate::support::{Request, Server, scan};

const LINES: [&str; 3] = [
    "Invoice number 20417 of today",
    "Payable, by Quincy & Young, at once",
    "Total amount due 318.50",
];

/// The answer as a PDF, in a file.
fn searchable(server: &Server, query: &str, document: &[u8]) -> (TempDir, Vec<u8>) {
    let request = Request::post(&format!("/v1/ocr{query}"), document);
    let reply = server.send_with_key(request.header("Accept", "application/pdf"));
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/pdf"));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("a.pdf"), &reply.body).unwrap();
    (directory, reply.body)
}

/// Output of one of poppler's programs about the file.
fn poppler(directory: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(directory)
        .output()
        .expect("poppler-utils should be installed");
    assert!(output.status.success(), "{output:?}");
    // A message on standard error would mean that the file is malformed.
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    String::from_utf8(output.stdout).unwrap()
}

fn lines(text: &str) -> Vec<String> {
    let tidy = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines = text.replace('\u{c}', "\n");
    lines
        .lines()
        .map(tidy)
        .filter(|line| !line.is_empty())
        .collect()
}

/// Words and their boxes in pixels of the page, as `pdftotext -bbox` finds them, page by page.
fn boxes(directory: &Path, pages: &[Page]) -> Vec<Vec<(String, [f64; 4])>> {
    let html = poppler(directory, "pdftotext", &["-bbox", "-cropbox", "a.pdf", "-"]);
    let number = |line: &str, name: &str| -> f64 {
        let start = line.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
        line[start..].split('"').next().unwrap().parse().unwrap()
    };
    html.split("<page ")
        .skip(1)
        .zip(pages)
        .map(|(html, page)| {
            // An image that states no resolution counts as 300 dpi.
            let scale = f64::from(page.dpi.unwrap_or(300)) / 72.0;
            html.lines()
                .filter(|line| line.contains("<word "))
                .map(|line| {
                    let sides = ["xMin", "yMin", "xMax", "yMax"];
                    let text = line.split(['>', '<']).nth(2).unwrap();
                    let text = text.replace("&amp;", "&");
                    (text, sides.map(|side| number(line, side) * scale))
                })
                .collect()
        })
        .collect()
}

/// Checks that each word is found where it was read: the same sides, and over the same middle.
fn assert_over(found: &[(String, [f64; 4])], words: &[Word]) {
    let texts: Vec<&str> = found.iter().map(|(text, _)| text.as_str()).collect();
    let wanted: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(texts, wanted);
    for ((text, [left, top, right, bottom]), word) in found.iter().zip(words) {
        let [x0, y0, x1, y1] = word.bounds.map(f64::from);
        assert!(
            (left - x0).abs() < 4.0 && (right - x1).abs() < 4.0,
            "{text}: {left} {right}, not {x0} {x1}"
        );
        let middle = (y0 + y1) / 2.0;
        assert!(
            *top < middle && *bottom > middle,
            "{text}: {top} to {bottom}, not {y0} to {y1}"
        );
        assert!(bottom - top < 3.0 * (y1 - y0), "{text}");
    }
}

#[test]
fn keeps_the_pixels_of_a_scan_and_places_its_words() {
    let server = Server::start(&["--workers", "1"]);
    let page = scan::page(&LINES);
    for document in [scan::png_with_dpi(&page, 300), scan::png(&page)] {
        let (directory, _) = searchable(&server, "", &document);
        let path = directory.path();
        assert_eq!(lines(&poppler(path, "pdftotext", &["a.pdf", "-"])), LINES);
        let answer = server.answer("", &document);
        assert_over(&boxes(path, &answer.pages)[0], &answer.pages[0].words);
        poppler(path, "pdfimages", &["-png", "a.pdf", "kept"]);
        // PDFium, which browsers search with, finds the same.
        let found = server.answer("?mode=text", &std::fs::read(path.join("a.pdf")).unwrap());
        assert_eq!(lines(&found.pages[0].text), LINES);
        let kept = image::open(path.join("kept-000.png")).unwrap();
        assert!(kept.to_luma8() == page, "pixels have changed");
    }
}

#[test]
fn embeds_a_jpeg_unchanged_in_its_stated_orientation() {
    let server = Server::start(&["--workers", "1"]);
    let page = scan::page(&LINES);
    let stored = image::imageops::rotate270(&page);
    let jpeg = scan::with_orientation(&scan::jpeg(&stored), 6);
    let (directory, pdf) = searchable(&server, "", &jpeg);
    assert!(pdf.windows(jpeg.len()).any(|bytes| bytes == jpeg));
    let answer = server.answer("", &jpeg);
    assert_over(
        &boxes(directory.path(), &answer.pages)[0],
        &answer.pages[0].words,
    );
    // The drawn page looks like the scanned one.
    let drawn = draw(directory.path(), page.width());
    assert!(
        difference(&drawn, &page) < 3.0,
        "{}",
        difference(&drawn, &page)
    );
}

#[test]
fn converts_each_page_of_a_tiff() {
    let server = Server::start(&[]);
    let tiff = scan::tiff(&[scan::page(&[LINES[0]]), scan::page(&[LINES[1]])]);
    let (directory, _) = searchable(&server, "", &tiff);
    let text = poppler(directory.path(), "pdftotext", &["a.pdf", "-"]);
    assert_eq!(lines(&text), LINES[..2]);
    let fax = scan::fax(&scan::page(&[LINES[2]]));
    let (directory, pdf) = searchable(&server, "", &fax);
    let text = poppler(directory.path(), "pdftotext", &["a.pdf", "-"]);
    assert_eq!(lines(&text), LINES[2..]);
    assert!(
        pdf.len() < 100_000,
        "{} bytes of black and white",
        pdf.len()
    );
}

#[test]
fn keeps_the_pages_of_a_pdf_and_adds_words_only_to_scans() {
    let server = Server::start(&[]);
    let scanned = scan::page(&LINES);
    let jpeg = scan::jpeg(&scanned);
    let (width, height) = scanned.dimensions();
    let document = Pdf::default()
        .text_page(&["A text layer of its own"])
        .scan_page(&jpeg, width, height)
        .scan_page_with(&jpeg, width, height, "/Rotate 90/CropBox[20 300 595 842]")
        .build();
    let (directory, pdf) = searchable(&server, "", &document);
    let path = directory.path();
    let text = poppler(path, "pdftotext", &["-l", "2", "a.pdf", "-"]);
    assert_eq!(lines(&text)[0], "A text layer of its own");
    assert_eq!(lines(&text)[1..], LINES);
    assert!(
        pdf.windows(jpeg.len()).any(|bytes| bytes == jpeg),
        "the scan is kept"
    );
    let answer = server.answer("", &document);
    let found = boxes(path, &answer.pages);
    assert_over(&found[1], &answer.pages[1].words);

    let (directory, one) = searchable(&server, "?pages=2", &document);
    let text = poppler(directory.path(), "pdftotext", &["a.pdf", "-"]);
    assert_eq!(lines(&text), LINES);
    assert!(poppler(directory.path(), "pdfinfo", &["a.pdf"]).contains("Pages:           1\n"));
    assert!(one.len() < pdf.len());
}

#[test]
fn adds_no_words_that_would_change_a_page_or_be_found_twice() {
    let server = Server::start(&["--workers", "1"]);
    let scanned = scan::page(&LINES);
    let jpeg = scan::jpeg(&scanned);
    let (width, height) = scanned.dimensions();
    let document = Pdf::default()
        .text_page(&["A text layer of its own"])
        .borrowing_page(&jpeg, width, height)
        .scan_page(&jpeg, width, height)
        .build();
    let request = Request::post("/v1/ocr?mode=ocr", document).header("Accept", "application/pdf");
    let reply = server.send_with_key(request);
    assert_eq!(reply.header("x-ocr-unsearchable"), Some("2"));
    let pages = server.answer("?mode=text", &reply.body).pages;
    assert_eq!(pages[0].text.trim(), "A text layer of its own");
    assert_eq!(pages[1].text.trim(), "borrowed");
    assert_eq!(lines(&pages[2].text), LINES);
}

#[test]
fn places_words_on_rotated_and_cropped_pages() {
    let server = Server::start(&["--workers", "1"]);
    let upright = scan::page(&LINES);
    for (extra, turned) in [
        ("/Rotate 90", image::imageops::rotate270(&upright)),
        ("/Rotate 180", image::imageops::rotate180(&upright)),
        ("/CropBox[40 500 500 842]", upright.clone()),
    ] {
        let jpeg = scan::jpeg(&turned);
        let document = Pdf::default()
            .scan_page_with(&jpeg, turned.width(), turned.height(), extra)
            .build();
        let (directory, _) = searchable(&server, "", &document);
        let answer = server.answer("", &document);
        let page = &answer.pages[0];
        assert_eq!(lines(&page.text), LINES, "{extra}");
        assert_over(&boxes(directory.path(), &answer.pages)[0], &page.words);
    }
}

/// The first page as pdftoppm draws it.
fn draw(directory: &Path, width: u32) -> GrayImage {
    let width = width.to_string();
    let size = [
        "-gray",
        "-png",
        "-scale-to-x",
        &width,
        "-scale-to-y",
        "-1",
        "-singlefile",
        "a.pdf",
        "drawn",
    ];
    poppler(directory, "pdftoppm", &size);
    image::open(directory.join("drawn.png")).unwrap().to_luma8()
}

/// Mean difference of the pixels of two pictures.
fn difference(a: &GrayImage, b: &GrayImage) -> f64 {
    assert_eq!(a.width(), b.width());
    let sum: u64 = a
        .pixels()
        .zip(b.pixels())
        .map(|(a, b)| u64::from(a.0[0].abs_diff(b.0[0])))
        .sum();
    sum as f64 / f64::from(a.width() * a.height())
}
