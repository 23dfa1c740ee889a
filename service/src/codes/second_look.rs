//! The second look: places of a recognized page where a code may have been misread are read again, a line at a time, by
//! more than one recognizer. Their checks decide. What the recognizers agree upon against the check is not repaired.

use ocr_api::code::{Edit, Reading, Recognizer};

use super::flow::Flow;
use super::kind::Selection;
use super::label::{has_own_word, is_label};
use super::repair::likelier;
use super::scan::{Found, scan_labelled};
use super::spec::{Repair, Spec};
use super::suspect::{Suspect, lacks_first, suspects};
use super::{line_page, types};

/// Labels that are looked for on a page: most numbers without one have none.
const MOST_LABELS: usize = 4;
/// The confidence, of 100, with which words are read that are there.
const SURE: f32 = 80.0;

/// Left, top, right, bottom in pixels of the page.
pub type Bounds = [i32; 4];
/// Reads a line of a page by every recognizer that there is, or until what one has read [settles](Settles) it. `None`: no
/// more looks are to be had.
pub type Look<'a> = dyn FnMut(Bounds, Settles<'_>) -> Option<Vec<Reading>> + 'a;
/// Whether a reading leaves nothing for another recognizer to say.
pub type Settles<'a> = &'a dyn Fn(&Reading) -> bool;

/// Looks again at what is doubtful on a page: replaces what was misread, adds what was missed, and notes what was read.
/// Returns what a person should know. `look` is [`super::on_page`]'s.
pub(super) fn look_again(
    flow: &Flow<'_>,
    wanted: &Selection,
    found: &mut Vec<Found<'static>>,
    look: &mut Look<'_>,
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
        let Some(readings) = read_lines(flow, &suspect, at.map(|at| &found[at]), look) else {
            break;
        };
        let before = at.map(|at| found.remove(at));
        let (now, warning) = match judge(flow, &suspect, &readings) {
            Verdict::Passes(found) => (Some(found), None),
            Verdict::AgreedAgainst(found) => {
                let warning = format!(
                    "The {} {} fails its check, but the recognizers agree on it: it may be printed wrongly.",
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
    find_labels(flow, &specs, found, look);
    warnings
}

/// The boxes of a form have labels in small type above the numbers, which get lost more easily. A number that passes the
/// check of a type but that nothing vouches for is one of its codes if a second look finds the type's label above it.
fn find_labels(
    flow: &Flow<'_>,
    specs: &[&'static Spec],
    found: &mut Vec<Found<'static>>,
    look: &mut Look<'_>,
) {
    let mut taken = vec![false; flow.tokens.len()];
    for one in &*found {
        taken[one.first..=one.last].fill(true);
    }
    let mut looks = 0;
    for spec in specs {
        let passing = scan_labelled(flow, spec, true, false, |first| !has_own_word(flow, first));
        for one in passing.into_iter().filter(|one| one.ok && one.labelled) {
            if taken[one.first..=one.last].contains(&true) {
                continue;
            }
            if looks == MOST_LABELS {
                return;
            }
            looks += 1;
            let (start, end) = (flow.tokens[one.first].start, flow.tokens[one.last].end);
            let place = above(flow.around(start, end));
            let is_label = |reading: &Reading| is_label_of(spec, &reading.text);
            let settles = |reading: &Reading| is_label(reading) || is_a_word(reading);
            let Some(readings) = look(place, &settles) else {
                return;
            };
            if readings.iter().any(is_label) {
                taken[one.first..=one.last].fill(true);
                found.push(one);
            }
        }
    }
}

/// Where the label of a number in a box is: a line right above its beginning.
fn above([left, top, right, bottom]: Bounds) -> Bounds {
    let height = (bottom - top).max(1);
    let right = right.min(left + 10 * height);
    [left, top - height * 4 / 3, right, top - height / 3]
}

fn is_label_of(spec: &Spec, text: &str) -> bool {
    let page = line_page(text);
    is_label(&Flow::of(&page), spec.labels)
}

/// Whether something else stands there, for certain.
fn is_a_word(reading: &Reading) -> bool {
    let mut words = reading.text.split_whitespace();
    reading.confidence >= SURE
        && words.any(|word| word.len() >= 3 && word.chars().all(char::is_alphabetic))
}

/// Each recognizer's text of all the lines that a suspect stands on, where the first look found `before`.
fn read_lines(
    flow: &Flow<'_>,
    suspect: &Suspect<'static>,
    before: Option<&Found<'static>>,
    look: &mut Look<'_>,
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
        let line = look(bounds, &settles)?;
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

/// What the readings say.
enum Verdict {
    /// One value passes its check.
    Passes(Found<'static>),
    /// The recognizers agree on a value that does not.
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
            // Two that pass: no one can tell which is printed.
            Some(_) if !passing.is_empty() => return Verdict::Unclear,
            // One recognizer's word and a check of 1 in 10 against two that agree.
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

/// A value of the code's form that fails its check, though Tesseract, in either look, and the second recognizer read the
/// same, or Tesseract letters that the type avoids where the other one reads digits.
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

/// Whether a text has one code, and that passes a check which hardly any misreading does.
fn is_beyond_doubt(text: &str, kinds: &[(&'static Spec, bool)]) -> bool {
    let mut passing = in_line(text, kinds, false).into_iter().filter(|one| one.ok);
    passing.next().is_some_and(|first| {
        first.spec.repair == Repair::Either && passing.all(|one| one.value == first.value)
    })
}

/// Whether a text has what the first look found by exchanging what can only be something else, and no other code that passes its check.
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

/// Codes in the text of a line, of types whose label is known to be there or not.
fn in_line(text: &str, kinds: &[(&'static Spec, bool)], repaired: bool) -> Vec<Found<'static>> {
    let page = line_page(text);
    let flow = Flow::of(&page);
    kinds
        .iter()
        .flat_map(|&(spec, labelled)| scan_labelled(&flow, spec, repaired, labelled, |_| labelled))
        .collect()
}
