//! Answers to good documents.

use ocr_api::answer::{DocumentType, Method, PageStatus};
use sha2::{Digest, Sha256};

use crate::support::{Request, Server, pdf, scan};

const LINES: [&str; 2] = ["Invoice number 20417", "Total amount due 318.50"];

#[test]
fn answers_text_words_boxes_and_confidences_of_a_scan() {
    let server = Server::start(&["--release", "r-42"]);
    let document = scan::png(&scan::page(&LINES));
    let request = Request::form("/v1/ocr", "file", "dir/scan.png", "image/png", &document)
        .header("X-Request-Id", "proxy-1");
    let reply = server.send_with_key(request);
    assert_eq!(reply.header("x-request-id"), Some("proxy-1"));
    assert_eq!(reply.header("content-type"), Some("application/json"));

    let answer = reply.answer();
    assert_eq!(answer.id, "proxy-1");
    assert_eq!(answer.release, "r-42");
    assert!(answer.complete);
    let codes: Vec<&str> = answer
        .codes
        .iter()
        .map(|code| code.value.as_str())
        .collect();
    assert_eq!(codes, ["20417", "318.50"]);
    assert!(answer.warnings.is_empty());
    assert_eq!(answer.document.name.as_deref(), Some("scan.png"));
    assert_eq!(answer.document.kind, DocumentType::Png);
    assert_eq!(answer.document.pages, 1);
    let digest: String = Sha256::digest(&document)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert_eq!(answer.document.sha256, digest);

    let [page] = answer.pages.as_slice() else {
        panic!("one page, one answer");
    };
    assert_eq!((page.page, page.status), (1, PageStatus::Ok));
    assert_eq!(page.method, Some(Method::Ocr));
    assert_eq!((page.width, page.height), (Some(2480), Some(3510)));
    assert_eq!(
        page.text.replace("\n\n", "\n"),
        format!("{}\n{}\n", LINES[0], LINES[1])
    );
    assert!(page.confidence.unwrap() > 85.0);
    assert!(page.ms > 0);

    let words: Vec<&str> = page.words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(words.join(" "), LINES.join(" "));
    // The first word begins where it was drawn, within a few pixels.
    let scale = 2480.0 / pdf::WIDTH;
    let [left, top, right, bottom] = page.words[0].bounds;
    assert!(
        (f64::from(left) - pdf::FIRST_LINE.0 * scale).abs() < 12.0,
        "{left}"
    );
    let baseline = (pdf::HEIGHT - pdf::FIRST_LINE.1) * scale;
    assert!((f64::from(bottom) - baseline).abs() < 12.0, "{bottom}");
    assert!(right > left && bottom > top);
}

#[test]
fn answers_a_blank_page_as_empty() {
    let server = Server::start(&["--workers", "1"]);
    let blank = image::GrayImage::from_pixel(800, 600, image::Luma([255]));
    let answer = server.answer("", &scan::png(&blank));
    assert!(answer.complete);
    assert_eq!(answer.pages[0].status, PageStatus::Empty);
    assert_eq!(answer.pages[0].text, "");
    assert_eq!(answer.pages[0].confidence, None);
}

#[test]
fn separates_pages_of_plain_text_by_form_feeds() {
    let server = Server::start(&["--workers", "1"]);
    let document = pdf::Pdf::default()
        .text_page(&["Alpha one", "second line"])
        .text_page(&["Beta two"])
        .build();
    let request = Request::post("/v1/ocr", document).header("Accept", "text/plain");
    let reply = server.send_with_key(request);
    assert_eq!(reply.status, 200);
    assert_eq!(
        reply.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(reply.header("x-ocr-complete"), Some("true"));
    assert_eq!(reply.text(), "Alpha one\nsecond line\n\x0cBeta two\n");
}

#[test]
fn health_needs_no_key_and_names_the_release() {
    let server = Server::start(&["--release", "r-7"]);
    let health = server.send(&Request::get("/healthz"));
    assert_eq!(health.status, 200);
    assert_eq!(health.text(), r#"{"status":"ok","release":"r-7"}"#);
    let (status, ready) = server.readiness();
    assert_eq!(status, 200);
    assert!(ready.ready);
    assert_eq!(ready.release, "r-7");
    assert_eq!((ready.workers.total, ready.workers.ready), (2, 2));
    let load = ready.load.unwrap();
    assert_eq!((load.busy, load.waiting, load.documents), (0, 0, 0));
    assert_eq!((ready.keys.loaded, ready.keys.error), (1, None));
    assert_eq!(ready.engine.languages, ["eng"]);
    assert!(ready.engine.tesseract.is_some());
}

#[test]
fn logs_requests_without_key_and_content() {
    let mut server = Server::start(&["--workers", "1"]);
    let secret_text = "Confidential merger talks";
    let document = pdf::Pdf::default().text_page(&[secret_text]).build();
    let request = Request::form(
        "/v1/ocr",
        "file",
        "merger.pdf",
        "application/pdf",
        &document,
    )
    .header("X-Request-Id", "log-1");
    assert!(server.send_with_key(request).text().contains(secret_text));
    server.terminate();
    server.wait();
    let log = server.log();
    let id = &server.key["ocrk_".len()..][..8];
    let line = log
        .lines()
        .find(|line| line.contains("log-1"))
        .expect("a line for the request");
    assert!(
        line.contains(id) && line.contains("application/pdf") && line.contains("\"status\":200")
    );
    let secret = &server.key["ocrk_".len() + 9..];
    for hidden in [secret, "Confidential", "merger"] {
        assert!(!log.contains(hidden), "{hidden} is in the log:\n{log}");
    }
}
