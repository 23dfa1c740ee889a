//! The second pass: places of a recognized page where a code may have been misread are re-read line by line, by more
//! than one recognizer. The checks of the readings decide. If the recognizers agree on a value that fails its check, it
//! is not repaired.

use ocr_api::code::{Edit, Reading, Recognizer};

use super::flow::Flow;
use super::kind::Selection;
use super::label::{has_own_word, is_label};
use super::repair::likelier;
use super::scan::{Found, scan_labelled};
use super::spec::{Repair, Spec};
use super::suspect::{Suspect, lacks_first, suspects};
use super::{line_page, types};

/// Most labels per page that are searched for in the second pass. Most numbers without a label have none.
const MOST_LABELS: usize = 4;
/// Least confidence, out of 100, of words that are certainly there.
const SURE: f32 = 80.0;

/// Left, top, right, bottom in pixels of the page.
pub type Bounds = [i32; 4];
/// Re-reads a line of a page with every recognizer, or until a reading [settles](Settles) it. Returns `None` if no more
/// lines may be re-read.
pub type Reread<'a> = dyn FnMut(Bounds, Settles<'_>) -> Option<Vec<Reading>> + 'a;
/// True if a reading makes those of further recognizers unnecessary.
pub type Settles<'a> = &'a dyn Fn(&Reading) -> bool;

/// Re-reads doubtful places of a page. Replaces misread codes, adds missed ones, and records the readings. Returns
/// warnings for people. `reread` is that of [`super::on_page`].
pub(super) fn reread_suspects(
    flow: &Flow<'_>,
    wanted: &Selection,
    found: &mut Vec<Found<'static>>,
    reread: &mut Reread<'_>,
) -> Vec<String> {
    let specs: Vec<&'static Spec> = types::SPECS
        .into_iter()
        .filter(|spec| wanted.has(spec.kind))
        .collect();
    let mut settled = vec![false; flow.tokens.len()];
    for one in found.iter().filter(|one| one.ok && one.edits.is_empty()) {
        settled[one.first..=one.last].fill(true);
    }
    let mut warnings = Vec::new();
    for suspect in suspects(flow, &specs, &settled) {
        let here = |one: &Found<'_>| one.first <= suspect.last && suspect.first <= one.last;
        let at = found.iter().position(here);
        let Some(readings) = read_lines(flow, &suspect, at.map(|at| &found[at]), reread) else {
            break;
        };
        let before = at.map(|at| found.remove(at));
        let (now, warning) = match judge(flow, &suspect, &readings) {
            Verdict::Passes(found) => (Some(found), None),
            Verdict::AgreedAgainst(found) => {
                let warning = format!(
                    "The {} {} fails its check, but the recognizers agree on it. It may be misprinted.",
                    found.spec.kind.name(),
                    found.shown()
                );
                (Some(found), Some(warning))
            }
            Verdict::Unclear => (before, None),
        };
        warnings.extend(warning);
        if let Some(now) = now {
            found.retain(|one| !here(one));
            found.push(Found { readings, ..now });
        }
    }
    find_labels(flow, &specs, found, reread);
    warnings
}

/// Finds labels that were missed. Forms have labels in small type above the numbers, and small type is lost more
/// easily. A number that passes the check of a type without any other evidence is a code if the second pass finds the
/// type's label above it.
fn find_labels(
    flow: &Flow<'_>,
    specs: &[&'static Spec],
    found: &mut Vec<Found<'static>>,
    reread: &mut Reread<'_>,
) {
    let mut taken = vec![false; flow.tokens.len()];
    for one in &*found {
        taken[one.first..=one.last].fill(true);
    }
    let mut searched = 0;
    for spec in specs {
        let passing = scan_labelled(flow, spec, true, false, |first| !has_own_word(flow, first));
        for one in passing.into_iter().filter(|one| one.ok && one.labelled) {
            if taken[one.first..=one.last].contains(&true) {
                continue;
            }
            if searched == MOST_LABELS {
                return;
            }
            searched += 1;
            let (start, end) = (flow.tokens[one.first].start, flow.tokens[one.last].end);
            let place = above(flow.around(start, end));
            let is_label = |reading: &Reading| is_label_of(spec, &reading.text);
            let settles = |reading: &Reading| is_label(reading) || is_a_word(reading);
            let Some(readings) = reread(place, &settles) else {
                return;
            };
            if readings.iter().any(is_label) {
                taken[one.first..=one.last].fill(true);
                found.push(one);
            }
        }
    }
}

/// Place of the label of a number in a box: a line right above its beginning.
fn above([left, top, right, bottom]: Bounds) -> Bounds {
    let height = (bottom - top).max(1);
    let right = right.min(left + 10 * height);
    [left, top - height * 4 / 3, right, top - height / 3]
}

fn is_label_of(spec: &Spec, text: &str) -> bool {
    let page = line_page(text);
    is_label(&Flow::of(&page), spec.labels)
}

/// True if other words are there, with certainty.
fn is_a_word(reading: &Reading) -> bool {
    let mut words = reading.text.split_whitespace();
    reading.confidence >= SURE
        && words.any(|word| word.len() >= 3 && word.chars().all(char::is_alphabetic))
}

/// Each recognizer's text of all lines of a suspect. `before` is what the first pass found there.
fn read_lines(
    flow: &Flow<'_>,
    suspect: &Suspect<'static>,
    before: Option<&Found<'static>>,
    reread: &mut Reread<'_>,
) -> Option<Vec<Reading>> {
    let on_one_line = (suspect.first..suspect.last).all(|at| !flow.between(at).contains(&'\n'));
    let settles = |reading: &Reading| {
        on_one_line
            && (is_beyond_doubt(&reading.text, &suspect.kinds)
                || before.is_some_and(|before| confirms(&reading.text, &suspect.kinds, before)))
    };
    let tokens = &flow.tokens[suspect.first..=suspect.last];
    let sizes: Vec<usize> = tokens.iter().map(|token| token.end - token.start).collect();
    let mut whole: Vec<Reading> = Vec::new();
    let mut from = suspect.first;
    for last in suspect.first..=suspect.last {
        let line_ends = last == suspect.last || flow.between(last).contains(&'\n');
        if !line_ends {
            continue;
        }
        let (start, end) = (flow.tokens[from].start, flow.tokens[last].end);
        let mut bounds = flow.around(start, end);
        if lacks_first(&sizes) {
            bounds[0] -= 2 * (bounds[3] - bounds[1]);
        }
        let line = reread(bounds, &settles)?;
        from = last + 1;
        if whole.is_empty() {
            whole = line;
            continue;
        }
        for (all, one) in whole.iter_mut().zip(line) {
            all.text = format!("{} {}", all.text, one.text);
            all.confidence = all.confidence.min(one.confidence);
        }
    }
    Some(whole)
}

/// Decision by the readings.
enum Verdict {
    /// One value passes its check.
    Passes(Found<'static>),
    /// The recognizers agree on a value that fails its check.
    AgreedAgainst(Found<'static>),
    Unclear,
}

fn judge(flow: &Flow<'_>, suspect: &Suspect<'static>, readings: &[Reading]) -> Verdict {
    let at = |found: Found<'static>, confidence: f32| Found {
        first: suspect.first,
        last: suspect.last,
        confidence: Some(confidence),
        ..found
    };
    let agreed = agreed_against(flow, suspect, readings);
    for repaired in [false, true] {
        let mut passing: Vec<Found<'static>> = Vec::new();
        for reading in readings {
            let found = in_line(&reading.text, &suspect.kinds, repaired);
            for found in found.into_iter().filter(|found| found.ok) {
                if !passing.iter().any(|one| one.value == found.value) {
                    passing.push(at(found, reading.confidence));
                }
            }
        }
        match passing.pop() {
            // Two values pass, so it is unknown which one is printed.
            Some(_) if !passing.is_empty() => return Verdict::Unclear,
            // One recognizer with a check of 1 in 10 does not outweigh two that agree.
            Some(one) if agreed.is_some() && (repaired || one.spec.repair != Repair::Either) => {
                break;
            }
            Some(one) => return Verdict::Passes(one),
            None => {}
        }
    }
    let lowest = readings.iter().map(|one| one.confidence);
    let lowest = lowest.fold(100.0, f32::min);
    agreed.map_or(Verdict::Unclear, |found| {
        Verdict::AgreedAgainst(at(found, lowest))
    })
}

/// A value of the code's form that fails its check, although Tesseract, in either pass, and the second recognizer read
/// the same. Letters that the type avoids count as the digits that they look like.
fn agreed_against(
    flow: &Flow<'_>,
    suspect: &Suspect<'static>,
    readings: &[Reading],
) -> Option<Found<'static>> {
    let (start, end) = (
        flow.tokens[suspect.first].start,
        flow.tokens[suspect.last].end,
    );
    let first = flow.raw(start, end);
    let all = |text: &str| in_line(text, &suspect.kinds, false);
    let by = |recognizer: Recognizer| {
        let all = readings
            .iter()
            .filter(move |one| one.recognizer == recognizer);
        all.map(|one| one.text.as_str())
    };
    let tesseract: Vec<Found<'_>> = by(Recognizer::Tesseract)
        .chain([first.as_str()])
        .flat_map(all)
        .collect();
    let mut pp_ocr = by(Recognizer::PpOcr).flat_map(all);
    pp_ocr.find(|found| {
        let same = |one: &Found<'_>| {
            one.spec.kind == found.spec.kind && likelier(one.spec, &one.value) == found.value
        };
        !found.ok && tesseract.iter().any(same)
    })
}

/// True if a text has one code, and that code passes a check which hardly any misreading passes.
fn is_beyond_doubt(text: &str, kinds: &[(&'static Spec, bool)]) -> bool {
    let mut passing = in_line(text, kinds, false).into_iter().filter(|one| one.ok);
    passing.next().is_some_and(|first| {
        first.spec.repair == Repair::Either && passing.all(|one| one.value == first.value)
    })
}

/// True if a text has the code that the first pass found by forced exchanges only, and no other code that passes its
/// check.
fn confirms(text: &str, kinds: &[(&'static Spec, bool)], before: &Found<'_>) -> bool {
    let places = (before.spec.places)(&before.value).unwrap_or_default();
    let forced = |edit: &Edit| {
        places
            .get(edit.at)
            .is_some_and(|at| at.can_only_be(edit.to))
    };
    let mut passing = in_line(text, kinds, true).into_iter().filter(|one| one.ok);
    before.ok
        && before.edits.iter().all(forced)
        && passing.next().is_some_and(|first| {
            first.value == before.value && passing.all(|one| one.value == before.value)
        })
}

/// Codes in the text of a line, for types that are known to have a label or not.
fn in_line(text: &str, kinds: &[(&'static Spec, bool)], repaired: bool) -> Vec<Found<'static>> {
    let page = line_page(text);
    let flow = Flow::of(&page);
    kinds
        .iter()
        .flat_map(|&(spec, labelled)| scan_labelled(&flow, spec, repaired, labelled, |_| labelled))
        .collect()
}
