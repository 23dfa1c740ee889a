//! Languages that need not be named: PP-OCR reads those with Latin letters, and Tesseract others by their script.

use std::path::{Path, PathBuf};

use ocr_api::answer::PageStatus;
use ocr_api::code::Recognizer;
use ocr_api::problem::ProblemKind;

use crate::support::Server;

/// Largest share of characters that are wrong.
const ERRORS: f64 = 0.01;
/// In Czech, PP-OCR misses the carons of ď and ť, which stand in this text for the sake of having all letters.
const CZECH: f64 = 0.013;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// Least number of characters to insert, to remove and to exchange (Levenshtein 1966).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (at, of_a) in a.chars().enumerate() {
        let mut before = row[0];
        row[0] = at + 1;
        for (place, of_b) in b.iter().enumerate() {
            let exchanged = before + usize::from(of_a != *of_b);
            before = row[place + 1];
            row[place + 1] = exchanged.min(before + 1).min(row[place] + 1);
        }
    }
    row[b.len()]
}

#[test]
fn reads_accents_of_twelve_languages_without_their_names() {
    let server = Server::start(&[]);
    let texts = std::fs::read_to_string(fixtures().join("languages.tsv")).unwrap();
    let mut wrong = Vec::new();
    for row in texts.lines() {
        let (name, text) = row.split_once('\t').unwrap();
        let page = std::fs::read(fixtures().join(format!("languages/{name}.png"))).unwrap();
        let answer = server.answer("", &page);
        let page = &answer.pages[0];
        assert_eq!(page.engine, Some(Recognizer::PpOcr));
        let read = page.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let most = if name == "czech" { CZECH } else { ERRORS };
        if distance(&read, text) as f64 > text.chars().count() as f64 * most {
            wrong.push((name, read));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn reads_other_scripts_by_tesseract_where_their_languages_are_installed() {
    let server = Server::start(&["--languages", "eng,rus,ell,ara,hin,kor"]);
    for (name, engine, words) in [
        (
            "cyrillic",
            Recognizer::Tesseract,
            ["достоинстве", "совестью"],
        ),
        (
            "greek",
            Recognizer::Tesseract,
            ["γεννιούνται", "αδελφοσύνης"],
        ),
        ("arabic", Recognizer::Tesseract, ["الناس", "والحقوق"]),
        ("devanagari", Recognizer::Tesseract, ["अधिकारों", "बर्ताव"]),
        ("korean", Recognizer::Tesseract, ["인간은", "자유로우며"]),
        (
            "chinese",
            Recognizer::PpOcr,
            ["生而自由在尊严", "关系的精神相对待"],
        ),
        (
            "japanese",
            Recognizer::PpOcr,
            ["すべての人間", "をもって行動"],
        ),
    ] {
        let page = std::fs::read(fixtures().join(format!("scripts/{name}.png"))).unwrap();
        let answer = server.answer("", &page);
        let page = &answer.pages[0];
        assert_eq!(
            (page.engine, page.status),
            (Some(engine), PageStatus::Ok),
            "{name}"
        );
        for word in words {
            assert!(page.text.contains(word), "{name}: {}", page.text);
        }
    }
}

#[test]
fn a_request_names_its_engine() {
    let server = Server::start(&[]);
    let page = std::fs::read(fixtures().join("languages/german.png")).unwrap();
    for (query, engine) in [
        ("", Recognizer::PpOcr),
        ("?engine=auto&lang=deu", Recognizer::PpOcr),
        ("?engine=ppocr", Recognizer::PpOcr),
        ("?engine=tesseract", Recognizer::Tesseract),
    ] {
        let answer = server.answer(query, &page);
        assert_eq!(answer.pages[0].engine, Some(engine), "{query}");
    }
    let problem = server.ocr("?engine=fast", &page).problem();
    assert_eq!(problem.kind, ProblemKind::Malformed);
    assert!(problem.detail.contains("`ppocr`"), "{}", problem.detail);
}
