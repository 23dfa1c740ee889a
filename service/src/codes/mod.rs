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
mod spec;
mod types;

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use ocr_api::answer::{Method, Page};
use ocr_api::code::{Check, Code, Source};

use flow::Flow;
pub use kind::{CodeType, Selection, UnknownType};
use scan::Found;

/// What a person should know, where a page has more words than are looked at.
pub fn warning(page: &Page) -> Option<String> {
    (page.words.len() > flow::MOST_WORDS).then(|| {
        format!(
            "codes were looked for in the first {} words alone.",
            flow::MOST_WORDS
        )
    })
}

/// The codes of the wanted types on a page, by place. `agreement` is left to [`agree`].
pub fn on_page(page: &Page, wanted: &Selection) -> Vec<Code> {
    let source = match page.method {
        Some(Method::Text) => Source::Text,
        Some(Method::Ocr) => Source::Ocr,
        None => return Vec::new(),
    };
    if wanted.is_empty() {
        return Vec::new();
    }
    let flow = Flow::of(page);
    let mut found: Vec<Found<'_>> = types::SPECS
        .iter()
        .filter(|spec| wanted.has(spec.kind))
        .flat_map(|spec| scan::scan(&flow, spec, source == Source::Ocr))
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
    let mut taken: Vec<Found<'_>> = Vec::new();
    for one in found {
        let tokens = &mut used[one.first..=one.last];
        if !tokens.contains(&true) {
            tokens.fill(true);
            taken.push(one);
        }
    }
    taken.sort_by_key(|one| one.first);
    taken
        .into_iter()
        .map(|one| code(&flow, page.page, source, one))
        .collect()
}

fn code(flow: &Flow<'_>, page: u32, source: Source, found: Found<'_>) -> Code {
    let (start, end) = (flow.tokens[found.first].start, flow.tokens[found.last].end);
    let words = flow.words_of(start, end);
    let edge = |at: usize, pick: fn(i32, i32) -> i32| {
        words
            .iter()
            .map(|word| word.bounds[at])
            .reduce(pick)
            .unwrap_or_default()
    };
    Code {
        kind: found.spec.kind.name().to_owned(),
        value: found.value,
        raw: flow.raw(start, end),
        page,
        bounds: [
            edge(0, i32::min),
            edge(1, i32::min),
            edge(2, i32::max),
            edge(3, i32::max),
        ],
        source,
        confidence: words
            .iter()
            .map(|word| word.confidence)
            .fold(100.0, f32::min),
        check: Some(Check {
            scheme: found.spec.scheme.to_owned(),
            ok: found.ok,
        }),
        repaired: !found.edits.is_empty(),
        edits: found.edits,
        agreement: Vec::new(),
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
