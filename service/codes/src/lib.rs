//! Structured codes in a document's words. Pure functions: words in, codes out.
//!
//! Precision has priority. A number is reported if its check or its printed form leaves little doubt, or if its label
//! is next to it. A check digit of 1 in 10 alone is no proof. The rule of each type is its `believe`.

mod barcode;
mod compare;
mod digits;
mod fields;
mod flow;
mod kind;
mod label;
pub mod lines;
mod repair;
pub mod rules;
mod scan;
mod second_pass;
mod spec;
mod suspect;
mod types;

use std::cmp::Reverse;

use ocr_api::answer::{Method, Page, PageStatus, Word};
use ocr_api::code::{Check, Code, Source};

pub use barcode::{Barcode, Content, in_barcodes};
pub use compare::{agree, differences};
use flow::Flow;
pub use kind::{CodeType, Selection, UnknownType};
use rules::RuleFinder;
use scan::Found;
pub use second_pass::{Bounds, Reread, Settles};

/// Finds the codes of the wanted types on a page, by their place. Also returns warnings for people, as sentences.
/// [`agree`] fills in `agreement`.
///
/// Doubtful places of a recognized page are re-read: see [`Reread`].
pub fn on_page(
    page: &Page,
    wanted: &Selection,
    rules: &RuleFinder,
    reread: &mut Reread<'_>,
) -> (Vec<Code>, Vec<String>) {
    let source = match page.method {
        Some(Method::Text) => Source::Text,
        Some(Method::Ocr | Method::Mixed) => Source::Ocr,
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
    let recognized = source == Source::Ocr;
    let mut found = with_check(&flow, wanted, recognized);
    let mut warnings = if recognized {
        second_pass::reread_suspects(&flow, wanted, &mut found, reread)
    } else {
        Vec::new()
    };
    let mut codes: Vec<(usize, Code)> = Vec::new();
    for one in found {
        let (start, end) = (flow.tokens[one.first].start, flow.tokens[one.last].end);
        codes.push((start, of_type(one, &at(start, end))));
    }
    let (fields, more) = fields::on_page(&flow, wanted);
    warnings.extend(more);
    warnings.extend(flow.warning());
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

/// Finds codes with a check. Each character belongs to at most one code.
fn with_check(flow: &Flow<'_>, wanted: &Selection, recognized: bool) -> Vec<Found<'static>> {
    let mut found: Vec<Found<'static>> = types::SPECS
        .into_iter()
        .filter(|spec| wanted.has(spec.kind))
        .flat_map(|spec| scan::scan(flow, spec, recognized))
        .collect();
    // Order of preference: codes that pass their check unchanged, then labelled ones, then more specific types, then
    // longer ones.
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

fn of_type(found: Found<'_>, place: &Place<'_>) -> Code {
    let value = found.shown();
    let zeros = found.value.len() - value.len();
    let mut edits = found.edits;
    edits.retain(|edit| edit.at >= zeros);
    edits.iter_mut().for_each(|edit| edit.at -= zeros);
    let code = place.code(found.spec.kind.name(), value);
    Code {
        confidence: found.confidence.unwrap_or(code.confidence),
        check: Some(Check {
            scheme: found.spec.scheme.to_owned(),
            ok: found.ok,
        }),
        repaired: !edits.is_empty(),
        edits,
        readings: found.readings,
        ..code
    }
}

/// A page of a text without positions.
fn line_page(text: &str) -> Page {
    let words = text.split_whitespace().map(|text| Word {
        text: text.to_owned(),
        confidence: 0.0,
        bounds: [0; 4],
        hidden: false,
    });
    Page {
        page: 0,
        status: PageStatus::Ok,
        method: Some(Method::Ocr),
        engine: None,
        width: None,
        height: None,
        dpi: None,
        rotation: 0,
        confidence: None,
        text: text.to_owned(),
        words: words.collect(),
        ms: 0,
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
    /// A code at this place, without a check.
    fn code(&self, kind: &str, value: String) -> Code {
        let words = self.flow.words_of(self.start, self.end);
        Code {
            kind: kind.to_owned(),
            value,
            raw: self.flow.raw(self.start, self.end),
            page: self.page,
            bounds: self.flow.around(self.start, self.end),
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
            readings: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests;
