//! Structured codes in what was read of a document. Pure: words in, codes out.
//!
//! Precision goes first. A number is reported when its check or its printed form leaves little doubt, or when its label
//! stands by it: a check digit of 1 in 10 alone is no proof. The rule of each type is its `believe`.

mod barcode;
mod compare;
mod digits;
mod fields;
mod flow;
mod kind;
mod label;
mod repair;
pub mod rules;
mod scan;
mod spec;
mod types;

use std::cmp::Reverse;

use ocr_api::answer::{Method, Page};
use ocr_api::code::{Check, Code, Source};

pub use barcode::{Barcode, Content, in_barcodes};
pub use compare::{agree, differences};
use flow::Flow;
pub use kind::{CodeType, Selection, UnknownType};
use rules::RuleFinder;
use scan::Found;

/// The codes of the wanted types on a page, by place, and what a person should know, in sentences. `agreement` is left to
/// [`agree`].
pub fn on_page(page: &Page, wanted: &Selection, rules: &RuleFinder) -> (Vec<Code>, Vec<String>) {
    let source = match page.method {
        Some(Method::Text) => Source::Text,
        Some(Method::Ocr) => Source::Ocr,
        Some(Method::Barcode) | None => return Default::default(),
    };
    if wanted.is_empty() {
        return Default::default();
    }
    let flow = Flow::of(page);
    let at = |start, end| Place {
        flow: &flow,
        page: page.page,
        source,
        start,
        end,
    };
    let mut codes: Vec<(usize, Code)> = Vec::new();
    for one in with_check(&flow, wanted, source == Source::Ocr) {
        let (start, end) = (flow.tokens[one.first].start, flow.tokens[one.last].end);
        codes.push((start, of_type(one, &at(start, end))));
    }
    let (fields, warnings) = fields::on_page(&flow, wanted);
    for one in fields {
        let code = at(one.start, one.end).code(one.kind.name(), one.value);
        let label = Some(flow.raw(one.label.0, one.label.1));
        codes.push((one.start, Code { label, ..code }));
    }
    for one in rules.on_page(&flow) {
        let check = one.check;
        let code = at(one.start, one.end).code(one.rule, one.value);
        codes.push((one.start, Code { check, ..code }));
    }
    codes.sort_by_key(|(start, _)| *start);
    let codes = codes.into_iter().map(|(_, code)| code).collect();
    (codes, warnings)
}

/// What has a check, each character in one code at most.
fn with_check<'a>(flow: &Flow<'a>, wanted: &Selection, recognized: bool) -> Vec<Found<'static>> {
    let mut found: Vec<Found<'static>> = types::SPECS
        .into_iter()
        .filter(|spec| wanted.has(spec.kind))
        .flat_map(|spec| scan::scan(flow, spec, recognized))
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
    taken
}

fn of_type(found: Found<'_>, place: &Place<'_>) -> Code {
    let mut value = found.value;
    let mut edits = found.edits;
    if found.spec.kind == CodeType::Gtin {
        let short = types::gtin_value(&value);
        let zeros = value.len() - short.len();
        edits.retain(|edit| edit.at >= zeros);
        edits.iter_mut().for_each(|edit| edit.at -= zeros);
        value = short;
    }
    Code {
        check: Some(Check {
            scheme: found.spec.scheme.to_owned(),
            ok: found.ok,
        }),
        repaired: !edits.is_empty(),
        edits,
        ..place.code(found.spec.kind.name(), value)
    }
}

/// Characters of a page's flow, from `start` up to `end`.
struct Place<'a> {
    flow: &'a Flow<'a>,
    page: u32,
    source: Source,
    start: usize,
    end: usize,
}

impl Place<'_> {
    /// A code that stands here, without a check.
    fn code(&self, kind: &str, value: String) -> Code {
        let words = self.flow.words_of(self.start, self.end);
        let edge = |at: usize, pick: fn(i32, i32) -> i32| {
            words
                .iter()
                .map(|word| word.bounds[at])
                .reduce(pick)
                .unwrap_or_default()
        };
        Code {
            kind: kind.to_owned(),
            value,
            raw: self.flow.raw(self.start, self.end),
            page: self.page,
            bounds: [
                edge(0, i32::min),
                edge(1, i32::min),
                edge(2, i32::max),
                edge(3, i32::max),
            ],
            source: self.source,
            format: None,
            label: None,
            confidence: words
                .iter()
                .map(|word| word.confidence)
                .fold(100.0, f32::min),
            check: None,
            repaired: false,
            edits: Vec::new(),
            agreement: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
