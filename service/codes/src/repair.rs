//! Repair of misread characters: look-alikes are exchanged so that a code matches its form and passes its check.

use ocr_api::code::Edit;

use super::spec::{Place, Repair, Spec};

/// Most exchanges that the form may force. With more of them, the text is something else.
const MOST_FORCED: usize = 4;

/// The only text that passes the check, and the exchanges that lead to it. Returns `None` if there is none, or more
/// than one. If `strict`, characters that a place avoids are exchanged as if they were forbidden.
pub(super) fn repair(spec: &Spec, read: &[char], strict: bool) -> Option<(String, Vec<Edit>)> {
    let upper: String = read.iter().map(char::to_ascii_uppercase).collect();
    let places = (spec.places)(&upper)?;
    let mut edits = Vec::new();
    let mut fixed = Vec::with_capacity(read.len());
    for (at, (&from, &place)) in read.iter().zip(&places).enumerate() {
        let upper = from.to_ascii_uppercase();
        if place.takes(upper) && !(strict && place.avoids(upper)) {
            fixed.push(upper);
            continue;
        }
        let to = twin(from).filter(|to| place.takes(*to))?;
        edits.push(Edit { at, from, to });
        fixed.push(to);
    }
    if edits.len() > MOST_FORCED {
        return None;
    }
    let mut passing = Vec::new();
    let whole: String = fixed.iter().collect();
    if (spec.check)(&whole) {
        passing.push((whole, edits.clone()));
    }
    for (at, (&from, &place)) in read.iter().zip(&places).enumerate() {
        let both = spec.repair == Repair::Either
            && place == Place::Any
            && fixed[at] == from.to_ascii_uppercase();
        let Some(to) = twin(from).filter(|to| both && place.takes(*to)) else {
            continue;
        };
        let mut other = fixed.clone();
        other[at] = to;
        let whole: String = other.iter().collect();
        if (spec.check)(&whole) {
            let mut edits = edits.clone();
            edits.push(Edit { at, from, to });
            edits.sort_by_key(|edit| edit.at);
            passing.push((whole, edits));
        }
    }
    if passing.len() > 1 {
        None
    } else {
        passing.pop()
    }
}

/// A value in which letters that its type avoids are replaced by the digits that they look like.
pub(super) fn likelier(spec: &Spec, value: &str) -> String {
    let places = (spec.places)(value).unwrap_or_default();
    let avoided = |(c, place): (char, Place)| match twin(c) {
        Some(digit) if place.avoids(c) => digit,
        _ => c,
    };
    value.chars().zip(places).map(avoided).collect()
}

/// The digit that a letter looks like, or the letter that a digit looks like.
fn twin(c: char) -> Option<char> {
    Some(match c {
        'O' | 'o' => '0',
        'I' | 'l' | 'i' => '1',
        'S' | 's' => '5',
        'B' => '8',
        'Z' | 'z' => '2',
        'G' => '6',
        '0' => 'O',
        '1' => 'I',
        '5' => 'S',
        '8' => 'B',
        '2' => 'Z',
        '6' => 'G',
        _ => return None,
    })
}
