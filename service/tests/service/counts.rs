//! The number of pages of a document, whatever it states, and the number that is answered at a time.

use std::thread;
use std::time::{Duration, Instant};

use ocr_api::answer::{CodesAnswer, PageStatus};
use ocr_api::inspection::Inspection;
use ocr_api::issue::{Issue, IssueCode};
use ocr_api::problem::ProblemKind;

use crate::support::hostile;
use crate::support::pdf::Pdf;
use crate::support::process::peak_memory;
use crate::support::streams::{deflate, stream};
use crate::support::{Reply, Request, Server};

/// A document with one page whose page tree states `count` pages.
fn stating(count: u32) -> Vec<u8> {
    let pdf = Pdf::default().text_page(&["The only page"]).build();
    let text = String::from_utf8(pdf).unwrap();
    // This makes the table of offsets wrong, so PDFium rebuilds it.
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
fn reports_pages_that_are_only_stated_once() {
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
fn reports_a_few_missing_pages_as_damaged() {
    let server = Server::start(&[]);
    let answer = server.answer("", &stating(3));
    let statuses: Vec<PageStatus> = answer.pages.iter().map(|page| page.status).collect();
    assert_eq!(
        statuses,
        [PageStatus::Ok, PageStatus::Corrupt, PageStatus::Corrupt]
    );
    assert!(!answer.complete);
}

/// Five pages in a page tree of these nodes: object 2 is its root, and the pages are objects 10 to 14.
fn tree(nodes: &[(usize, &str)]) -> Vec<u8> {
    let mut pdf = Pdf::default();
    // The root that the builder writes is not the document's.
    let mut objects: Vec<String> = (3..20).map(|_| "null".to_owned()).collect();
    for (number, node) in nodes {
        objects[number - 3] = format!("<</Type/Pages{node}>>");
    }
    for page in 1..=5 {
        objects[page + 6] = format!(
            "<</Type/Page/Parent 4 0 R/MediaBox[0 0 595 842]/Contents {} 0 R/Resources<</Font<</F 3 0 R>>>>>>",
            page + 14
        );
        let content = format!("BT /F 14 Tf 72 740 Td (Page number {page}) Tj ET");
        objects[page + 11] = format!("<</Length {}>>stream\n{content}\nendstream", content.len());
    }
    objects[0] = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>".to_owned();
    for object in objects {
        pdf.add(object);
    }
    let file = String::from_utf8(pdf.build()).unwrap();
    file.replace("/Pages 2 0 R", "/Pages 4 0 R").into()
}

/// The same file with all objects but streams in a compressed stream, as most programs write it.
fn compressed(file: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(file).unwrap();
    let objects: Vec<&str> = text
        .split(" 0 obj\n")
        .skip(1)
        .map(|object| object.split("\nendobj\n").next().unwrap())
        .collect();
    let (container, table) = (objects.len() + 1, objects.len() + 2);
    let (mut written, mut places, mut inner) =
        (b"%PDF-1.7\n".to_vec(), String::new(), String::new());
    // Type, place and index of each object (ISO 32000-1, 7.5.8.3); the first is the head of the free ones.
    let mut entries = vec![(0u8, 0u32, 0u16)];
    let put = |written: &mut Vec<u8>, number: usize, object: &[u8]| {
        let at = u32::try_from(written.len()).unwrap();
        written.extend(format!("{number} 0 obj\n").into_bytes());
        written.extend(object);
        written.extend(b"\nendobj\n");
        (1, at, 0)
    };
    let mut count = 0;
    for (number, object) in (1..).zip(objects) {
        if object.contains("stream\n") {
            entries.push(put(&mut written, number, object.as_bytes()));
        } else {
            entries.push((2, u32::try_from(container).unwrap(), count));
            count += 1;
            places.push_str(&format!("{number} {} ", inner.len()));
            inner.push_str(object);
            inner.push('\n');
        }
    }
    let dictionary = format!(
        "/Type/ObjStm/N {count}/First {}/Filter/FlateDecode",
        places.len()
    );
    let contained = stream(&dictionary, &deflate((places + &inner).as_bytes()));
    entries.push(put(&mut written, container, &contained));
    let start = written.len();
    entries.push((1, u32::try_from(start).unwrap(), 0));
    let rows: Vec<u8> = entries
        .iter()
        .flat_map(|(kind, place, index)| {
            [&[*kind][..], &place.to_be_bytes(), &index.to_be_bytes()].concat()
        })
        .collect();
    let dictionary = format!("/Type/XRef/Size {}/W[1 4 2]/Root 1 0 R", entries.len());
    put(&mut written, table, &stream(&dictionary, &rows));
    written.extend(format!("startxref\n{start}\n%%EOF\n").into_bytes());
    assert!(!String::from_utf8_lossy(&written).contains("/Kids"));
    written
}

#[test]
fn pages_that_the_tree_does_not_count_are_read_all_the_same() {
    const FLAT: &str = "/Kids[10 0 R 11 0 R 12 0 R 13 0 R 14 0 R]";
    let server = Server::start(&[]);
    let flat = |count: &str| tree(&[(4, &format!("{FLAT}{count}"))]);
    let nested = |root: &str, left: &str, right: &str| {
        tree(&[
            (4, &format!("/Kids[5 0 R 6 0 R]{root}")),
            (
                5,
                &format!("/Parent 4 0 R/Kids[10 0 R 11 0 R 12 0 R]{left}"),
            ),
            (6, &format!("/Parent 4 0 R/Kids[13 0 R 14 0 R]{right}")),
        ])
    };
    let cases = [
        ("right", flat("/Count 5")),
        ("too few", flat("/Count 1")),
        ("negative", flat("/Count -5")),
        ("none", flat("")),
        ("zero", flat("/Count 0")),
        ("no number", flat("/Count(five)")),
        ("nested, right", nested("/Count 5", "/Count 3", "/Count 2")),
        (
            "nested, too few at the root",
            nested("/Count 2", "/Count 3", "/Count 2"),
        ),
        (
            "nested, too few below",
            nested("/Count 5", "/Count 1", "/Count 1"),
        ),
        (
            "nested, none at the root and too few below",
            nested("", "/Count 1", "/Count -2"),
        ),
    ];
    for (name, document) in &cases {
        for document in [document.clone(), compressed(document)] {
            let answer = server.answer("", &document);
            let texts: Vec<&str> = answer.pages.iter().map(|page| page.text.trim()).collect();
            let wanted = [1, 2, 3, 4, 5].map(|page| format!("Page number {page}"));
            assert_eq!(texts, wanted, "{name}");
            assert_eq!(answer.document.pages, 5, "{name}");
            assert!(answer.complete && answer.issues.is_empty(), "{name}");
        }
    }
    let few = &cases[1].1;
    let last = server.answer("?pages=5", few);
    assert_eq!(last.pages[0].text, "Page number 5\n");
    let searchable = Request::post("/v1/ocr?pages=2-4", few.clone());
    let searchable = server.send_with_key(searchable.header("Accept", "application/pdf"));
    let again = server.answer("", &searchable.body);
    let texts: Vec<&str> = again.pages.iter().map(|page| page.text.trim()).collect();
    assert_eq!(texts, ["Page number 2", "Page number 3", "Page number 4"]);
}

#[test]
fn documents_that_state_a_million_pages_delay_no_other_request() {
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
fn limits_pages_per_request() {
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
fn marks_a_tiff_with_too_many_pages_as_incomplete() {
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

#[test]
fn leaves_out_requested_pages_behind_the_last_one() {
    let server = Server::start(&["--workers", "1"]);
    let three = hostile::pdf_of_pages(3);
    let request = |route: &str, accept: &str| {
        let request = Request::post(&format!("{route}?pages=2-8&strict=2"), three.clone());
        server.send_with_key(request.header("Accept", accept))
    };
    let answer = request("/v1/ocr", "application/json").answer();
    let numbers: Vec<u32> = answer.pages.iter().map(|page| page.page).collect();
    assert_eq!((numbers, answer.document.pages), (vec![2, 3], 3));
    assert!(answer.complete);
    assert_eq!(codes_of(&answer.issues), [IssueCode::PagesBeyondEnd]);
    assert_eq!(answer.issues[0].page, None);
    assert_eq!(
        answer.warnings,
        ["`pages` asks for page 8; the document has 3."]
    );
    let codes: CodesAnswer =
        serde_json::from_slice(&request("/v1/codes", "application/json").body).unwrap();
    assert_eq!(codes.pages.len(), 2);
    assert_eq!(codes_of(&codes.issues), [IssueCode::PagesBeyondEnd]);
    let inspection: Inspection =
        serde_json::from_slice(&request("/v1/inspect", "application/json").body).unwrap();
    assert_eq!(inspection.pages.len(), 2);
    assert_eq!(codes_of(&inspection.issues), [IssueCode::PagesBeyondEnd]);
    let lines = request("/v1/ocr", "application/x-ndjson").text();
    assert_eq!(lines.lines().count(), 4, "document, two pages, end");
    assert!(
        lines
            .lines()
            .last()
            .unwrap()
            .contains("\"pages_beyond_end\"")
    );
    for accept in ["text/plain", "text/html", "application/pdf"] {
        let reply = request("/v1/ocr", accept);
        assert_eq!(reply.status, 200, "{accept}: {}", reply.text());
        assert_eq!(reply.header("x-ocr-issues"), Some("pages_beyond_end"));
        assert_eq!(reply.header("x-ocr-complete"), Some("true"));
    }
    assert_eq!(request("/v1/preview", "image/png").status, 200);
    for route in ["/v1/ocr", "/v1/codes", "/v1/inspect", "/v1/preview"] {
        let none = Request::post(&format!("{route}?pages=4-8"), three.clone());
        let problem = server.send_with_key(none).problem();
        assert_eq!(
            (problem.kind, problem.status),
            (ProblemKind::Malformed, 400)
        );
        assert!(problem.detail.contains("has 3"), "{}", problem.detail);
    }
}
