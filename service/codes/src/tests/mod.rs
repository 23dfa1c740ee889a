//! Tests with pages as data: lines in, codes out.

mod bounds;
mod checked;
mod fields;
mod labels;
mod second_pass;
mod sources;

use ocr_api::answer::{Method, Page, PageStatus, Word};

use super::*;

/// A page whose lines have the words of `lines`. Boxes have ten pixels per character, and lines are 40 apart.
fn page(method: Method, lines: &[&str]) -> Page {
    let mut words = Vec::new();
    for (row, line) in (0i32..).zip(lines) {
        let mut x = 0;
        for text in line.split(' ') {
            let width = 10 * i32::try_from(text.chars().count()).unwrap();
            words.push(Word {
                text: text.into(),
                confidence: 90.0,
                bounds: [x, row * 40, x + width, row * 40 + 20],
                hidden: false,
            });
            x += width + 10;
        }
    }
    words.retain(|word| !word.text.is_empty());
    Page {
        page: 1,
        status: PageStatus::Ok,
        method: Some(method),
        engine: None,
        width: None,
        height: None,
        dpi: None,
        rotation: 0,
        confidence: None,
        text: lines.iter().map(|line| format!("{line}\n")).collect(),
        words,
        ms: 0,
    }
}

/// The codes of a document.
fn find(pages: &[Page], wanted: &Selection) -> Vec<Code> {
    let mut codes: Vec<Code> = pages
        .iter()
        .flat_map(|page| on_page(page, wanted, &RuleFinder::default(), &mut |_, _| None).0)
        .collect();
    agree(&mut codes);
    codes
}

/// Codes in the lines, as `type value`. `!` marks a check that fails, `~` a repair.
fn found(method: Method, lines: &[&str]) -> Vec<String> {
    find(&[page(method, lines)], &Selection::default())
        .into_iter()
        .map(|code| {
            let ok = code.check.is_some_and(|check| check.ok);
            let marks = [(!ok, "!"), (code.repaired, "~")];
            let marks: String = marks
                .iter()
                .filter(|(on, _)| *on)
                .map(|(_, mark)| *mark)
                .collect();
            format!("{} {}{marks}", code.kind, code.value)
        })
        .collect()
}

fn text(line: &str) -> Vec<String> {
    found(Method::Text, &[line])
}

fn ocr(line: &str) -> Vec<String> {
    found(Method::Ocr, &[line])
}
