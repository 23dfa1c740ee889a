//! Answers as NDJSON and as hOCR, and strict mode.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use ocr_api::answer::{Answer, PageStatus};
use ocr_api::event::Event;
use ocr_api::problem::ProblemKind;
use rustix::process::Signal;

use crate::seen::{metrics, start};
use crate::support::client::{connect, read_some};
use crate::support::pdf::Pdf;
use crate::support::process::{signal, wait_for};
use crate::support::{Reply, Request, Server, scan};

const HUGE: &str = "/MediaBox[0 0 300000 300000]";

fn ask(server: &Server, accept: &str, query: &str, document: &[u8]) -> Reply {
    let request = Request::post(&format!("/v1/ocr{query}"), document).header("Accept", accept);
    server.send_with_key(request)
}

fn events(reply: &Reply) -> Vec<Event> {
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some("application/x-ndjson"));
    let parse = |line: &str| serde_json::from_str(line).unwrap();
    reply.text().lines().map(parse).collect()
}

/// Two pages that can be read, and one that is too large.
fn with_a_hole() -> Vec<u8> {
    Pdf::default()
        .text_page(&["First IBAN DE89 3704 0044 0532 0130 00"])
        .text_page_with(HUGE, &["vast"])
        .text_page(&["Third, the same IBAN DE89 3704 0044 0532 0130 00"])
        .build()
}

#[test]
fn ndjson_has_the_content_of_json() {
    let server = Server::start(&["--workers", "2"]);
    let document = with_a_hole();
    let answer: Answer = server.answer("", &document);
    let reply = ask(&server, "application/x-ndjson", "", &document);
    assert_eq!(reply.header("x-accel-buffering"), Some("no"));
    let mut events = events(&reply);
    let Some(Event::End(end)) = events.pop() else {
        panic!("the last line is the end");
    };
    assert_eq!((end.complete, end.codes), (false, answer.codes));
    assert_eq!(end.warnings, answer.warnings);
    let Event::Document(begin) = events.remove(0) else {
        panic!("the first line is of the document");
    };
    assert_eq!(begin.document, answer.document);
    assert_eq!(begin.requested, [1, 2, 3]);
    let mut pages: Vec<_> = events
        .into_iter()
        .map(|event| match event {
            Event::Page(page) => *page,
            other => panic!("{other:?} among the pages"),
        })
        .collect();
    pages.sort_by_key(|page| page.page);
    let texts = |pages: &[ocr_api::answer::Page]| -> Vec<(PageStatus, String)> {
        pages
            .iter()
            .map(|page| (page.status, page.text.clone()))
            .collect()
    };
    assert_eq!(texts(&pages), texts(&answer.pages));
    assert_eq!(pages[1].status, PageStatus::TooLarge);
}

#[test]
fn sends_each_line_as_soon_as_its_page_is_read() {
    let server = start(&["--workers", "1"]);
    let dense = scan::dense_page();
    let (jpeg, (width, height)) = (scan::jpeg(&dense), dense.dimensions());
    let document = Pdf::default()
        .text_page(&["quick"])
        .scan_page(&jpeg, width, height)
        .scan_page(&jpeg, width, height)
        .build();
    let mut stream = connect(&server.address).unwrap();
    Request::post("/v1/ocr", document)
        .key(&server.key)
        .header("Accept", "application/x-ndjson")
        .send_over(&mut *stream);
    let mut seen = String::new();
    let mut buffer = [0; 4096];
    while !seen.contains("\"text\":\"quick") {
        let read = read_some(&mut *stream, &mut buffer).unwrap();
        assert!(read > 0, "{seen}");
        seen.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    assert!(!seen.contains("\"page\":2"), "nothing waits for the scans");
    // A client that disconnects now frees the worker, which stops or is replaced. The other pages are not read.
    drop(stream);
    wait_for("the log reports it", || {
        server
            .log()
            .contains("the client disconnected before the last line")
    });
    let next = Pdf::default().text_page(&["next"]).build();
    assert_eq!(server.answer("", &next).pages[0].text, "next\n");
    let read = metrics(&server);
    assert!(
        !read.contains_key("ocr_pages_total{method=\"ocr\",status=\"ok\"}"),
        "{read:?}"
    );
}

#[test]
fn answers_a_problem_if_no_line_was_sent() {
    let server = Server::start(&["--workers", "1"]);
    let vast = Pdf::default().text_page_with(HUGE, &["vast"]).build();
    let reply = ask(&server, "application/x-ndjson", "", &vast);
    assert_eq!(reply.problem().kind, ProblemKind::PageTooLarge);
    // No page is read in time.
    signal(server.spares(1)[0], Signal::STOP);
    let request = Request::post("/v1/ocr", with_a_hole())
        .header("Accept", "application/x-ndjson")
        .header("X-Deadline-Ms", "300");
    let reply = server.send_with_key(request);
    assert_eq!(reply.problem().kind, ProblemKind::Deadline);
}

#[test]
fn disconnects_a_client_that_does_not_read_after_the_deadline() {
    let server = Server::start(&["--workers", "1", "--queue", "1"]);
    let mut pdf = Pdf::default();
    for _ in 0..400 {
        pdf = pdf.dense_page();
    }
    let mut stream = connect(&server.address).unwrap();
    Request::post("/v1/ocr", pdf.build())
        .key(&server.key)
        .header("Accept", "application/x-ndjson")
        .header("X-Deadline-Ms", "2000")
        .send_over(&mut *stream);
    thread::sleep(Duration::from_millis(500));
    let started = Instant::now();
    let small = Pdf::default().text_page(&["small"]).build();
    assert_eq!(server.ocr("", &small).status, 503, "it has the only place");
    wait_for("its place is free again", || {
        server.ocr("", &small).status == 200
    });
    assert!(started.elapsed() < Duration::from_secs(20));
    let mut rest = Vec::new();
    // The connection may be reset or closed, but does not end correctly.
    let _ = stream.read_to_end(&mut rest);
    assert!(!rest.ends_with(b"0\r\n\r\n"));
}

#[test]
fn strict_mode_rejects_incomplete_answers() {
    let server = Server::start(&["--workers", "2"]);
    let document = with_a_hole();
    for accept in [
        "application/json",
        "text/plain",
        "text/html",
        "application/pdf",
    ] {
        let problem = ask(&server, accept, "?strict=1", &document).problem();
        assert_eq!(problem.kind, ProblemKind::Incomplete, "{accept}");
        assert_eq!(problem.status, 422);
        let [page] = problem.pages.as_slice() else {
            panic!("one page is missing: {problem:?}");
        };
        assert_eq!((page.page, page.status), (2, PageStatus::TooLarge));
        assert!(
            problem.detail.starts_with("Page 2: The PDF page is"),
            "{}",
            problem.detail
        );
    }
    let lines = events(&ask(
        &server,
        "application/x-ndjson",
        "?strict=1",
        &document,
    ));
    let Some(Event::Problem(problem)) = lines.last() else {
        panic!("the last line is the problem: {lines:?}");
    };
    assert_eq!(
        (problem.kind, problem.pages.len()),
        (ProblemKind::Incomplete, 1)
    );
    assert!(problem.request_id.is_some());
    let whole = server.answer("?strict=1&pages=1,3", &document);
    assert!(whole.complete);
    let codes = Request::post("/v1/codes?strict=1", document);
    assert_eq!(
        server.send_with_key(codes).problem().kind,
        ProblemKind::Incomplete
    );
}

#[test]
fn hocr_has_pages_lines_and_words() {
    let server = Server::start(&["--workers", "1"]);
    let document = scan::png_with_dpi(&scan::page(&["Fish & <chips>", "second line"]), 300);
    let request = Request::form("/v1/ocr", "file", "a\"b.png", "image/png", &document);
    let reply = server.send_with_key(request.header("Accept", "text/html"));
    assert_eq!(
        reply.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert_eq!(reply.header("x-ocr-complete"), Some("true"));
    let html = reply.text();
    let page = &server.answer("", &document).pages[0];
    assert!(
        html.contains("bbox 0 0 2480 3510; ppageno 0; scan_res 300 300"),
        "{html}"
    );
    assert!(html.contains("ocr-capabilities"));
    assert_eq!(html.matches("class=\"ocr_line\"").count(), 2);
    assert_eq!(
        html.matches("class=\"ocrx_word\"").count(),
        page.words.len()
    );
    let [left, top, right, bottom] = page.words[0].bounds;
    let word = format!(
        "bbox {left} {top} {right} {bottom}; x_wconf {:.0}\">Fish<",
        page.words[0].confidence
    );
    assert!(html.contains(&word), "{word} in {html}");
    assert!(
        html.contains(">&amp;<") && html.contains("&lt;chips&gt;") && !html.contains("<chips>")
    );
}
