//! How many pages a document has, whatever it says of them, and how many are answered at a time.

use std::thread;
use std::time::{Duration, Instant};

use ocr_api::answer::{CodesAnswer, PageStatus};
use ocr_api::inspection::Inspection;
use ocr_api::issue::{Issue, IssueCode};
use ocr_api::problem::ProblemKind;

use crate::support::hostile;
use crate::support::pdf::Pdf;
use crate::support::process::peak_memory;
use crate::support::{Reply, Request, Server};

/// A page, and a page tree that states `count` of them.
fn stating(count: u32) -> Vec<u8> {
    let pdf = Pdf::default().text_page(&["The only page"]).build();
    let text = String::from_utf8(pdf).unwrap();
    // The table of offsets is wrong then, and PDFium makes its own.
    text.replace("/Count 1", &format!("/Count {count}")).into()
}

fn codes_of(issues: &[Issue]) -> Vec<IssueCode> {
    issues.iter().map(|issue| issue.code).collect()
}

#[track_caller]
fn is_small(reply: &Reply) {
    assert!(reply.body.len() < 10_000, "{} bytes", reply.body.len());
}

#[test]
fn pages_that_are_only_stated_are_not_answered_one_by_one() {
    let server = Server::start(&[]);
    for count in [200, 100_000, 1_048_574] {
        let document = stating(count);
        let reply = server.ocr("", &document);
        is_small(&reply);
        let answer = reply.answer();
        assert_eq!(answer.pages.len(), 1, "{count}");
        assert_eq!(answer.pages[0].text, "The only page\n");
        assert_eq!(answer.document.pages, 1);
        assert!(!answer.complete);
        assert_eq!(codes_of(&answer.issues), [IssueCode::MissingPages]);
        assert!(
            answer.warnings[0].contains(&count.to_string()),
            "{:?}",
            answer.warnings
        );

        let problem = server.ocr("?strict=1", &document).problem();
        assert_eq!(problem.kind, ProblemKind::Incomplete);
        assert_eq!(codes_of(&problem.issues), [IssueCode::MissingPages]);
        for route in ["/v1/codes", "/v1/inspect"] {
            let reply = server.send_with_key(Request::post(route, document.clone()));
            assert_eq!(reply.status, 200, "{}", reply.text());
            is_small(&reply);
            let (pages, issues) = if route == "/v1/codes" {
                let answer: CodesAnswer = serde_json::from_slice(&reply.body).unwrap();
                (answer.pages.len(), answer.issues)
            } else {
                let answer: Inspection = serde_json::from_slice(&reply.body).unwrap();
                (answer.pages.len(), answer.issues)
            };
            assert_eq!(pages, 1);
            assert_eq!(codes_of(&issues), [IssueCode::MissingPages]);
        }
        let lines = Request::post("/v1/ocr", document).header("Accept", "application/x-ndjson");
        let reply = server.send_with_key(lines);
        is_small(&reply);
        assert_eq!(reply.text().lines().count(), 3, "document, page, end");
        assert!(reply.text().contains("\"missing_pages\""));
    }
}

#[test]
fn a_few_pages_that_are_missing_are_damaged_ones() {
    let server = Server::start(&[]);
    let answer = server.answer("", &stating(3));
    let statuses: Vec<PageStatus> = answer.pages.iter().map(|page| page.status).collect();
    assert_eq!(
        statuses,
        [PageStatus::Ok, PageStatus::Corrupt, PageStatus::Corrupt]
    );
    assert!(!answer.complete);
}

#[test]
fn documents_that_state_a_million_pages_hold_up_nobody() {
    let server = Server::start(&[]);
    let started = Instant::now();
    thread::scope(|scope| {
        for number in 0..16 {
            let server = &server;
            scope.spawn(move || {
                let count = 1_048_574 - number;
                assert_eq!(server.answer("", &stating(count)).pages.len(), 1);
            });
        }
        let other = Pdf::default().text_page(&["Another client"]).build();
        for _ in 0..10 {
            assert_eq!(server.answer("", &other).pages[0].text, "Another client\n");
        }
    });
    assert!(started.elapsed() < Duration::from_secs(60));
    let memory = peak_memory(server.pid());
    assert!(memory < 100 << 20, "{memory} bytes");
}

#[test]
fn more_pages_than_are_answered_at_a_time_are_asked_for_in_parts() {
    let server = Server::start(&["--max-pages", "20"]);
    let long = hostile::pdf_of_pages(50);
    for route in ["/v1/ocr", "/v1/codes", "/v1/inspect"] {
        for (query, kind) in [
            ("", Some(ProblemKind::TooManyPages)),
            ("?pages=1-21", Some(ProblemKind::TooManyPages)),
            ("?pages=31-", None),
        ] {
            let reply =
                server.send_with_key(Request::post(&format!("{route}{query}"), long.clone()));
            match kind {
                Some(kind) => {
                    let problem = reply.problem();
                    assert_eq!((problem.kind, problem.status), (kind, 422));
                    assert!(problem.detail.contains("at most 20"), "{}", problem.detail);
                    assert!(problem.detail.contains("`pages`"), "{}", problem.detail);
                }
                None => assert_eq!(reply.status, 200, "{route}{query}: {}", reply.text()),
            }
        }
    }
    let answer = server.answer("?pages=1-10", &long);
    assert_eq!((answer.pages.len(), answer.document.pages), (10, 50));
    assert!(answer.complete && answer.issues.is_empty());
    let preview = server.send_with_key(Request::post("/v1/preview", long));
    assert_eq!(preview.status, 200);
}

#[test]
fn a_tiff_of_more_pages_than_are_counted_is_not_complete() {
    let server = Server::start(&[]);
    let answer = server.answer("?pages=1", &hostile::tiff_of_pages(10_050));
    assert_eq!(answer.document.pages, 10_050);
    assert!(answer.issues.is_empty());
    let endless = hostile::tiff_of_pages(100_050);
    let answer = server.answer("?pages=1-2", &endless);
    assert!(answer.complete, "those two were read");
    assert_eq!(codes_of(&answer.issues), [IssueCode::MissingPages]);
    let answer = server.answer("?pages=99999-", &endless);
    assert!(!answer.complete);
    assert_eq!(server.ocr("?pages=99999-&strict=1", &endless).status, 422);
}
