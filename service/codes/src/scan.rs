//! Candidates of one type on a page, and the decision which of them are reported.

use ocr_api::code::{Edit, Reading};

use super::flow::Flow;
use super::kind::CodeType;
use super::label::Labels;
use super::repair::repair;
use super::spec::{Repair, Seen, Spec};
use super::types;

/// Most groups in which a code may be printed.
const MOST_GROUPS: usize = 12;

/// A code on a page: the tokens from `first` to `last`.
#[derive(Debug)]
pub(super) struct Found<'a> {
    pub(super) spec: &'a Spec,
    pub(super) first: usize,
    pub(super) last: usize,
    pub(super) value: String,
    pub(super) ok: bool,
    pub(super) labelled: bool,
    pub(super) edits: Vec<Edit>,
    /// Readings of the second pass.
    pub(super) readings: Vec<Reading>,
    /// Confidence of the reading that it was taken from. `None` for the page's own words.
    pub(super) confidence: Option<f32>,
}

impl Found<'_> {
    /// The value for the answer. Zeros that only pad a GTIN are removed.
    pub(super) fn shown(&self) -> String {
        match self.spec.kind {
            CodeType::Gtin => types::gtin_value(&self.value),
            _ => self.value.clone(),
        }
    }
}

/// Everything on the page that may be of this type. Candidates may overlap. `recognized` is true if the page was read
/// by OCR, which may misread characters as their look-alikes.
pub(super) fn scan<'a>(flow: &Flow<'_>, spec: &'a Spec, recognized: bool) -> Vec<Found<'a>> {
    let labels = Labels::of(flow, spec.labels);
    let mentioned = labels.any();
    scan_labelled(flow, spec, recognized, mentioned, |first| {
        labels.reach(first)
    })
}

/// The same, with labels that are known in another way: `has_label` for the number that begins at a token, and
/// `mentioned` for the whole page.
pub(super) fn scan_labelled<'a>(
    flow: &Flow<'_>,
    spec: &'a Spec,
    recognized: bool,
    mentioned: bool,
    has_label: impl Fn(usize) -> bool,
) -> Vec<Found<'a>> {
    let mut found = Vec::new();
    for first in (0..flow.tokens.len()).filter(|first| flow.begins(*first)) {
        let mut read: Vec<char> = Vec::new();
        let mut groups = Vec::new();
        let mut hyphens = true;
        for (last, &token) in flow.tokens.iter().enumerate().skip(first).take(MOST_GROUPS) {
            let chars = flow.chars(token);
            let fits = read.len() + chars.len() <= spec.length.1;
            if !fits
                || !chars.iter().all(char::is_ascii)
                || is_word(chars)
                || types::is_label(&flow.lower[last])
            {
                break;
            }
            read.extend(chars);
            groups.push(chars.len());
            if read.len() >= spec.length.0 && flow.ends(last) && has_digit(&read) {
                let labelled = has_label(first);
                let judged = judge(
                    spec,
                    &read,
                    &groups,
                    hyphens,
                    (labelled, mentioned),
                    recognized,
                );
                found.extend(judged.map(|(value, ok, edits)| Found {
                    spec,
                    first,
                    last,
                    value,
                    ok,
                    labelled,
                    edits,
                    readings: Vec::new(),
                    confidence: None,
                }));
            }
            match flow.between(last) {
                [' ' | '\n'] => hyphens = false,
                [sign] if spec.separators.contains(sign) => {}
                // A hyphen at the end of a line.
                [sign, '\n'] if spec.separators.contains(sign) => {}
                _ => break,
            }
        }
    }
    found
}

/// The value, whether it passes its check, and the exchanges that made it pass. `None` if it is not reported.
fn judge(
    spec: &Spec,
    read: &[char],
    groups: &[usize],
    hyphens: bool,
    (labelled, mentioned): (bool, bool),
    recognized: bool,
) -> Option<(String, bool, Vec<Edit>)> {
    let upper: String = read.iter().map(char::to_ascii_uppercase).collect();
    let places = (spec.places)(&upper)?;
    let fits = places
        .iter()
        .zip(upper.chars())
        .all(|(place, c)| place.takes(c));
    let believed = |value: &str, ok| {
        (spec.believe)(&Seen {
            value,
            groups,
            hyphens: hyphens && groups.len() > 1,
            labelled,
            mentioned,
            ok,
        })
    };
    let as_read = if fits && (spec.check)(&upper) {
        Some((upper.clone(), Vec::new()))
    } else {
        recognized.then(|| repair(spec, read, false)).flatten()
    };
    let avoided = recognized
        && places
            .iter()
            .zip(upper.chars())
            .any(|(place, c)| place.avoids(c));
    let likelier = avoided.then(|| repair(spec, read, true)).flatten();
    match (as_read, likelier) {
        // Both pass, so it is unknown which one is printed.
        (Some(_), Some(_)) => {}
        (Some((value, edits)), None) | (None, Some((value, edits))) => {
            // In unlabelled text, exchanged characters are one guess too many for a check of 1 in 10.
            let vouched = edits.is_empty() || labelled || spec.repair == Repair::Either;
            return (vouched && believed(&value, true)).then_some((value, true, edits));
        }
        (None, None) => {}
    }
    (fits && believed(&upper, false)).then_some((upper, false, Vec::new()))
}

/// True for a capitalized or lower-case word. Codes are printed in capitals, or all in lower case.
fn is_word(chars: &[char]) -> bool {
    let small = chars.iter().filter(|c| c.is_ascii_lowercase()).count();
    chars.len() > 3 && small + 1 >= chars.len() && chars.iter().all(char::is_ascii_alphabetic)
}

/// Skips the words that make up most of a page.
fn has_digit(read: &[char]) -> bool {
    read.iter().any(char::is_ascii_digit)
}
