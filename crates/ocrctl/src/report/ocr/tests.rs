use ocr_api::answer::PageStatus;

use ocr_api::answer::{Document, DocumentType, Method, Page};
use ocr_api::code::{Check, Edit};

use super::super::Options;
use super::super::tests::{Console, console, json};
use super::*;
use serde_json::Value;

fn code(kind: &str, value: &str, check: Option<bool>) -> Code {
    Code {
        kind: kind.into(),
        value: value.into(),
        raw: value.into(),
        page: 1,
        bounds: [1, 2, 3, 4],
        source: Source::Ocr,
        format: None,
        label: None,
        confidence: 91.0,
        check: check.map(|ok| Check {
            scheme: "iso7064-mod97-10".into(),
            ok,
        }),
        repaired: false,
        edits: vec![],
        agreement: vec![],
        readings: vec![],
    }
}

fn answer(texts: &[&str], codes: Vec<Code>) -> Answer {
    let page = |(at, text): (usize, &&str)| Page {
        page: at as u32 + 1,
        status: PageStatus::Ok,
        method: Some(Method::Ocr),
        engine: None,
        width: None,
        height: None,
        dpi: None,
        rotation: 0,
        confidence: None,
        text: (*text).to_owned(),
        words: vec![],
        ms: 7,
    };
    Answer {
        id: "r1".into(),
        release: "1.0".into(),
        engine: ocr_api::health::Engine::default(),
        complete: true,
        document: Document {
            name: Some("a.pdf".into()),
            kind: DocumentType::Pdf,
            sha256: "00".into(),
            pages: 2,
            attachments: vec![],
        },
        pages: texts.iter().enumerate().map(page).collect(),
        codes,
        warnings: vec![],
        issues: vec![],
    }
}

fn shown(options: Options, documents: &[(&str, Read)]) -> Console {
    let console = console(options, None);
    let mut readings = console.report.readings(documents.iter().map(|it| it.0));
    for (done, (file, read)) in documents.iter().enumerate() {
        readings.done(&console.report, done);
        let progress = Progress::Pages { done: 1, of: 2 };
        console.report.reading(file, progress);
        readings.show(&console.report, &Reading { file, read });
    }
    readings.done(&console.report, documents.len());
    console
}

#[test]
fn text_is_the_services_own_and_of_several_below_their_names() {
    let one = Read::Text(answer(&["A\n", "B\n"], vec![]));
    let console = shown(Options::default(), &[("a.pdf", one)]);
    assert_eq!(console.stdout.text(), "A\n\x0cB\n");
    assert_eq!(console.stderr.text(), "");

    let two = [
        ("a.pdf", Read::Text(answer(&["A\n"], vec![]))),
        ("b.pdf", Read::Text(answer(&["B\n"], vec![]))),
    ];
    let console = shown(Options::default(), &two);
    assert_eq!(
        console.stdout.text(),
        "==> a.pdf <==\nA\n\n==> b.pdf <==\nB\n\n"
    );
}

#[test]
fn warns_of_missing_pages() {
    let mut incomplete = answer(&["A\n", ""], vec![]);
    incomplete.complete = false;
    incomplete.pages[1].status = PageStatus::TooLarge;
    incomplete.warnings = vec!["Two dates differ.".to_owned()];
    let read = Read::Text(incomplete);
    let reading = Reading {
        file: "a.pdf",
        read: &read,
    };
    assert!(!reading.is_complete());
    let console = shown(Options::default(), &[("a.pdf", read)]);
    assert_eq!(
        console.stderr.text(),
        "warning: a.pdf: page 2 was not read (too large)\nwarning: a.pdf: Two dates differ.\n"
    );
}

#[test]
fn codes_are_one_table_over_all_documents() {
    let repaired = Code {
        repaired: true,
        edits: vec![Edit {
            at: 6,
            from: 'O',
            to: '0',
        }],
        ..code("iban", "DE89370400440532013000", Some(true))
    };
    let agreed = Code {
        page: 12,
        agreement: vec![Source::Barcode, Source::Ocr],
        ..code("gtin", "4006381333931", Some(true))
    };
    let several = [
        (
            "letter.pdf",
            Read::Codes(answer(&[""], vec![repaired, agreed]).into()),
        ),
        ("none.pdf", Read::Codes(answer(&[""], vec![]).into())),
        (
            "b.tif",
            Read::Codes(
                answer(
                    &[""],
                    vec![
                        code("vin", "WVWZZZ1JZ3W386752", Some(false)),
                        code("barcode", "two\nlines\x1b[2J", None),
                    ],
                )
                .into(),
            ),
        ),
    ];
    let console = shown(Options::default(), &several);
    insta::assert_snapshot!(console.stdout.text());
}

#[test]
fn an_answer_is_a_line_that_can_be_read_again() {
    let whole = answer(&["A\n"], vec![code("iban", "DE1", None)]);
    let console = shown(Options::default(), &[("a.pdf", Read::Whole(whole.clone()))]);
    let line = console.stdout.text();
    assert_eq!(line.lines().count(), 1);
    assert_eq!(serde_json::from_str::<Answer>(&line).unwrap(), whole);
}

#[test]
fn with_json_each_document_is_a_line_of_its_own_type() {
    let read = || answer(&["A\n"], vec![code("iban", "DE1", None)]);
    let documents = [
        ("a.pdf", Read::Text(read())),
        ("b.pdf", Read::Codes(read().into())),
        ("c.pdf", Read::Whole(read())),
    ];
    let console = shown(json(), &documents);
    let text = console.stdout.text();
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[1]["type"], "read");
    assert_eq!(lines[1]["file"], "a.pdf");
    assert_eq!(lines[1]["pages"][0]["text"], "A\n");
    assert_eq!(lines[2]["codes"][0]["type"], "iban");
    assert_eq!(lines[3]["answer"]["pages"][0]["text"], "A\n");
    assert_eq!(console.stderr.text(), "");
}
