//! Comparison of the sources of a document's codes.

use std::collections::{BTreeSet, HashMap};

use ocr_api::code::{Code, Source};

use super::types::identity;

/// Most characters by which two values may differ and still stand for the same code.
const SLIP: usize = 2;
/// Most codes per page that are compared with each other. A page is not trusted to have few.
const MOST_COMPARED: usize = 200;

/// Lists the sources of codes that several sources found, in the whole document.
pub fn agree(codes: &mut [Code]) {
    let mut sources: HashMap<(String, String), BTreeSet<Source>> = HashMap::new();
    for code in codes.iter().filter(|code| may_vouch(code)) {
        sources.entry(key(code)).or_default().insert(code.source);
    }
    for code in codes.iter_mut().filter(|code| may_vouch(code)) {
        if let Some(sources) = sources.get(&key(code)).filter(|sources| sources.len() > 1) {
            code.agreement = sources.iter().copied().collect();
        }
    }
}

/// True if a code may confirm another one. A code that fails its check may not.
fn may_vouch(code: &Code) -> bool {
    code.check.as_ref().is_none_or(|check| check.ok)
}

fn key(code: &Code) -> (String, String) {
    (code.kind.clone(), identity(&code.kind, &code.value))
}

/// Sentences about codes for which two sources have different values. The two codes are of one type and on one page,
/// have the same length and differ in at most two characters. No other source confirms either. They are next to each
/// other, like a barcode and the digits under it, or each is the only one of its type and source on the page. Called
/// after [`agree`].
pub fn differences(codes: &[Code]) -> Vec<String> {
    let mut sentences = Vec::new();
    let mut counts: HashMap<(u32, &str, Source), usize> = HashMap::new();
    for code in codes {
        *counts
            .entry((code.page, &code.kind, code.source))
            .or_default() += 1;
    }
    let is_only =
        |code: &Code| counts.get(&(code.page, code.kind.as_str(), code.source)) == Some(&1);
    let doubtful = |code: &&Code| code.agreement.is_empty();
    for (at, one) in codes.iter().enumerate().filter(|(_, code)| doubtful(code)) {
        for other in codes[at + 1..]
            .iter()
            .take_while(|other| other.page == one.page)
            .take(MOST_COMPARED)
            .filter(doubtful)
        {
            let same_kind = one.kind == other.kind && one.source != other.source;
            if same_kind
                && is_slip(&one.value, &other.value)
                && (near(one, other) || is_only(one) && is_only(other))
            {
                sentences.push(format!(
                    "Page {}: {} is {} according to {} and {} according to {}; check which one is right.",
                    one.page,
                    one.kind,
                    one.value,
                    name(one.source),
                    other.value,
                    name(other.source),
                ));
            }
        }
    }
    sentences
}

fn name(source: Source) -> &'static str {
    match source {
        Source::Barcode => "the barcode",
        Source::Text => "the text layer",
        Source::Ocr => "OCR",
    }
}

/// True if two values differ as if one or two characters were misread.
fn is_slip(a: &str, b: &str) -> bool {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let apart = a.iter().zip(&b).filter(|(a, b)| a != b).count();
    a.len() == b.len() && a.len() >= 6 && (1..=SLIP).contains(&apart)
}

/// True if one box is in the other, or right above or below it.
fn near(a: &Code, b: &Code) -> bool {
    let [l, t, r, _] = a.bounds;
    let height = |code: &Code| code.bounds[3].saturating_sub(code.bounds[1]);
    // The smaller height of a barcode and its digits. The box of a barcode may be as flat as the rows that were read.
    let reach = height(a).max(height(b)).clamp(1, 10_000);
    let across = l < b.bounds[2] && b.bounds[0] < r;
    let gap = b.bounds[1]
        .saturating_sub(a.bounds[3])
        .max(t.saturating_sub(b.bounds[3]));
    across && gap <= reach
}
