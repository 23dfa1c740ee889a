//! Codes in documents that real workers read.

use ocr_api::answer::CodesAnswer;
use ocr_api::code::Source;
use ocr_api::keys::{KeyFile, Scope};
use ocr_api::problem::ProblemKind;

use crate::support::pdf::Pdf;
use crate::support::process::wait_for;
use crate::support::{Request, Server, scan};

const LINES: [&str; 4] = [
    "IBAN: DE89 3704 0044 0532 0130 00",
    "VIN: 1M8GDM9AXKP042788",
    "ISBN 978-3-16-148410-0",
    "our order 4006381333931",
];
const WANTED: [(&str, &str); 3] = [
    ("iban", "DE89370400440532013000"),
    ("vin", "1M8GDM9AXKP042788"),
    ("isbn", "9783161484100"),
];

#[test]
fn finds_the_same_codes_in_a_text_layer_and_in_a_scan() {
    let server = Server::start(&["--workers", "1"]);
    let scanned = scan::page(&LINES);
    let (width, height) = scanned.dimensions();
    let document = Pdf::default()
        .text_page(&LINES)
        .scan_page(&scan::jpeg(&scanned), width, height)
        .build();
    let answer = server.answer("", &document);
    let found: Vec<(&str, &str)> = answer
        .codes
        .iter()
        .map(|code| (code.kind.as_str(), code.value.as_str()))
        .collect();
    assert_eq!(found, [WANTED, WANTED].concat());
    for code in &answer.codes {
        assert!(code.check.as_ref().unwrap().ok);
        assert_eq!(code.agreement, [Source::Text, Source::Ocr]);
        let page = &answer.pages[code.page as usize - 1];
        let [left, top, right, bottom] = code.bounds;
        assert!(
            page.words
                .iter()
                .any(|word| word.bounds[..2] == [left, top])
        );
        assert!(right > left && bottom > top);
    }
    assert_eq!(answer.codes[0].raw, "DE89 3704 0044 0532 0130 00");
    assert_eq!(answer.codes[0].source, Source::Text);
    assert_eq!(answer.codes[3].source, Source::Ocr);
}

#[test]
fn selects_types_of_codes() {
    let server = Server::start(&["--workers", "1"]);
    let document = Pdf::default().text_page(&LINES).build();
    let types = |query: &str| -> Vec<String> {
        let codes = server.answer(query, &document).codes;
        codes.into_iter().map(|code| code.kind).collect()
    };
    assert_eq!(types("?codes=vin,iban"), ["iban", "vin"]);
    assert!(types("?codes=none").is_empty());
    let problem = server.ocr("?codes=iban,swift", &document).problem();
    assert_eq!(problem.kind, ProblemKind::Malformed);
    assert!(problem.detail.contains("`swift`") && problem.detail.contains("iban, lei"));
}

#[test]
fn v1_codes_answers_only_codes_and_needs_its_scope() {
    let server = Server::start(&["--workers", "1"]);
    let document = Pdf::default().text_page(&LINES).build();
    let ask = |path: &str| server.send_with_key(Request::post(path, document.as_slice()));
    let only = |scope: Scope| {
        let mut file = KeyFile::parse(&std::fs::read(server.keys_file()).unwrap()).unwrap();
        file.keys[0].scopes = vec![scope];
        let beside = server.keys_file().with_extension("new");
        std::fs::write(&beside, file.to_json()).unwrap();
        std::fs::rename(beside, server.keys_file()).unwrap();
        wait_for("the file is loaded", || {
            server.readiness().1.keys.digest == Some(file.digest())
        });
    };
    only(Scope::Codes);
    let reply = ask("/v1/codes");
    assert_eq!(reply.status, 200, "{}", reply.text());
    let answer: CodesAnswer = serde_json::from_slice(&reply.body).unwrap();
    assert!(answer.complete);
    assert_eq!((answer.pages.len(), answer.codes.len()), (1, 3));
    assert!(!reply.text().contains("words") && !reply.text().contains("our order"));
    assert_eq!(ask("/v1/ocr").status, 403);
    let text = Request::post("/v1/codes", document.as_slice()).header("Accept", "text/plain");
    assert_eq!(server.send_with_key(text).status, 406);

    only(Scope::Ocr);
    assert_eq!(ask("/v1/codes").status, 403);
    assert_eq!(ask("/v1/ocr").answer().codes.len(), 3);
}
