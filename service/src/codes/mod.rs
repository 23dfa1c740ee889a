//! Structured codes in what was read of a document. Pure: words in, codes out.
//!
//! Precision goes first. A number is reported when its check or its printed form leaves little doubt, or when its label
//! stands by it: a check digit of 1 in 10 alone is no proof. The rule of each type is its `believe`.

mod digits;
mod flow;
mod kind;
mod label;
mod repair;
mod scan;
mod second_look;
mod spec;
mod suspect;
mod types;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use ocr_api::answer::{Method, Page};
use ocr_api::code::{Check, Code, Reading, Source};

use flow::Flow;
pub use kind::{CodeType, Selection, UnknownType};
use scan::Found;
pub use second_look::Bounds;

/// The codes of the wanted types on a page, by place, and what a person should know of them. `agreement` is left to
/// [`agree`].
///
/// What is doubtful on a page that was recognized is looked at again: `look` reads a line of it by every recognizer that
/// there is, and gives `None` when no more looks are to be had.
pub fn on_page(
    page: &Page,
    wanted: &Selection,
    look: &mut dyn FnMut(Bounds) -> Option<Vec<Reading>>,
) -> (Vec<Code>, Vec<String>) {
    let source = match page.method {
        Some(Method::Text) => Source::Text,
        Some(Method::Ocr) => Source::Ocr,
        None => return Default::default(),
    };
    if wanted.is_empty() {
        return Default::default();
    }
    let flow = Flow::of(page);
    let mut found = in_flow(&flow, wanted, source);
    let warnings = match source {
        Source::Ocr => second_look::look_again(&flow, wanted, &mut found, look),
        Source::Text | Source::Barcode => Vec::new(),
    };
    found.sort_by_key(|one| one.first);
    let codes = found
        .into_iter()
        .map(|one| code(&flow, page.page, source, one))
        .collect();
    (codes, warnings)
}

fn in_flow(flow: &Flow<'_>, wanted: &Selection, source: Source) -> Vec<Found<'static>> {
    let mut found: Vec<Found<'static>> = types::SPECS
        .iter()
        .filter(|spec| wanted.has(spec.kind))
        .flat_map(|spec| scan::scan(flow, spec, source == Source::Ocr))
        .collect();
    // What passes its check unchanged, then what has a label, then the more telling type, then the longer.
    found.sort_by_key(|one| {
        let length = one.value.len();
        (
            !one.ok,
            !one.edits.is_empty(),
            !one.labelled,
            one.spec.kind,
            Reverse(length),
        )
    });
    let mut used = vec![false; flow.tokens.len()];
    let mut taken = Vec::new();
    for one in found {
        let tokens = &mut used[one.first..=one.last];
        if !tokens.contains(&true) {
            tokens.fill(true);
            taken.push(one);
        }
    }
    taken
}

fn code(flow: &Flow<'_>, page: u32, source: Source, found: Found<'_>) -> Code {
    let (start, end) = (flow.tokens[found.first].start, flow.tokens[found.last].end);
    let words = flow.words_of(start, end);
    let lowest = words
        .iter()
        .map(|word| word.confidence)
        .fold(100.0, f32::min);
    Code {
        kind: found.spec.kind.name().to_owned(),
        value: found.value,
        raw: flow.raw(start, end),
        page,
        bounds: flow.around(start, end),
        source,
        confidence: found.confidence.unwrap_or(lowest),
        check: Some(Check {
            scheme: found.spec.scheme.to_owned(),
            ok: found.ok,
        }),
        repaired: !found.edits.is_empty(),
        edits: found.edits,
        agreement: Vec::new(),
        readings: found.readings,
    }
}

/// Notes the sources of codes that more than one gave, in all of a document.
pub fn agree(codes: &mut [Code]) {
    let key = |code: &Code| {
        let passes = code.check.as_ref().is_some_and(|check| check.ok);
        passes.then(|| (code.kind.clone(), code.value.clone()))
    };
    let mut sources: HashMap<(String, String), BTreeSet<Source>> = HashMap::new();
    for code in codes.iter() {
        if let Some(key) = key(code) {
            sources.entry(key).or_default().insert(code.source);
        }
    }
    for code in codes {
        let sources = key(code).and_then(|key| sources.get(&key));
        if let Some(sources) = sources.filter(|sources| sources.len() > 1) {
            code.agreement = sources.iter().copied().collect();
        }
    }
}

#[cfg(test)]
mod tests;
