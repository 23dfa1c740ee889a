//! Places of a recognized page where a code may have been misread: there is a label, or most of a code's form, but no
//! code that passes its check.

use super::flow::Flow;
use super::kind::CodeType;
use super::label::Labels;
use super::spec::{Spec, as_letters};
use super::types;

/// Most groups in which a code may be printed. Noise adds some.
const MOST_GROUPS: usize = 14;
/// Most suspects. More could not be re-read, and a page is not trusted to have few.
const MOST_SUSPECTS: usize = 64;
/// Most characters that recognition loses from a code, or adds to it.
const SLACK: usize = 2;
/// Most characters that recognition puts between two groups: a separator and white space.
const WIDEST_GAP: usize = 3;

/// The tokens from `first` to `last`, and their possible types.
#[derive(Debug)]
pub(super) struct Suspect<'a> {
    pub(super) first: usize,
    pub(super) last: usize,
    /// Types, and whether their label is there.
    pub(super) kinds: Vec<(&'a Spec, bool)>,
}

/// All suspects, those with a label first. They don't share tokens. `settled` marks tokens of codes beyond doubt.
pub(super) fn suspects<'a>(
    flow: &Flow<'_>,
    specs: &[&'a Spec],
    settled: &[bool],
) -> Vec<Suspect<'a>> {
    let mut all: Vec<(usize, usize, &Spec, bool)> = Vec::new();
    for spec in specs {
        let labels = Labels::of(flow, spec.labels);
        for first in (0..flow.tokens.len()).filter(|first| !settled[*first]) {
            let Some(last) = extent(flow, spec, first, settled) else {
                continue;
            };
            let labelled = labels.reach(first);
            if labelled || has_form(flow, spec, first, last) {
                all.push((first, last, spec, labelled));
            }
        }
    }
    all.sort_by_key(|&(first, last, spec, labelled)| (!labelled, spec.kind, first, last));
    let mut suspects: Vec<Suspect<'a>> = Vec::new();
    for (first, last, spec, labelled) in all {
        let overlapping = |one: &&mut Suspect<'_>| one.first <= last && first <= one.last;
        if suspects.len() == MOST_SUSPECTS {
            break;
        }
        match suspects.iter_mut().find(overlapping) {
            Some(one) if one.first == first => {
                one.last = one.last.max(last);
                one.kinds.push((spec, labelled));
            }
            // The token belongs to another suspect already.
            Some(_) => {}
            None => suspects.push(Suspect {
                first,
                last,
                kinds: vec![(spec, labelled)],
            }),
        }
    }
    suspects
}

/// Last token of a possible code that begins at `first`: it has the code's number of characters, or nearly.
fn extent(flow: &Flow<'_>, spec: &Spec, first: usize, settled: &[bool]) -> Option<usize> {
    // A code does not begin with a label.
    if !flow
        .chars(flow.tokens[first])
        .iter()
        .any(char::is_ascii_digit)
    {
        return None;
    }
    let (fewest, most) = lengths(flow, spec, first);
    let mut read = 0;
    let mut digits = 0;
    let mut best: Option<(usize, usize)> = None;
    for (last, &token) in flow.tokens.iter().enumerate().skip(first).take(MOST_GROUPS) {
        let chars = flow.chars(token);
        let is_code = |c: &char| c.is_ascii_digit() || c.is_ascii_uppercase();
        let codelike = chars.iter().filter(|c| is_code(c)).count() * 2 > chars.len();
        read += chars.len();
        digits += chars.iter().filter(|c| is_digitlike(**c)).count();
        if settled[last] || !codelike || read > most + SLACK {
            break;
        }
        if read + SLACK >= fewest && digits * 3 >= read {
            // The length nearest to a valid one is best; of two, the longer.
            let distance = fewest.saturating_sub(read) + read.saturating_sub(most);
            if best.is_none_or(|(least, _)| distance <= least) {
                best = Some((distance, last));
            }
        }
        let between = flow.between(last);
        let wraps = between.contains(&'\n') && spec.kind != CodeType::Iban;
        if between.len() > WIDEST_GAP || between.contains(&'\t') || wraps {
            break;
        }
    }
    best.map(|(_, last)| last)
}

/// Possible lengths of a code that begins at a token.
fn lengths(flow: &Flow<'_>, spec: &Spec, first: usize) -> (usize, usize) {
    if spec.kind != CodeType::Iban {
        return spec.length;
    }
    let head: String = flow.chars(flow.tokens[first]).iter().take(2).collect();
    let country = as_letters(&head.to_ascii_uppercase());
    // If the country was misread too, only the label is known.
    let known = types::iban_length(&country).map(|length| (length, length));
    known.unwrap_or(spec.length)
}

/// True if a number without a label has nearly the printed form of its type.
fn has_form(flow: &Flow<'_>, spec: &Spec, first: usize, last: usize) -> bool {
    let groups: Vec<&[char]> = flow.tokens[first..=last]
        .iter()
        .map(|token| flow.chars(*token))
        .collect();
    let sizes: Vec<usize> = groups.iter().map(|group| group.len()).collect();
    let chars = groups.concat();
    let digits = chars.iter().filter(|c| c.is_ascii_digit()).count();
    let letters = chars.iter().filter(|c| c.is_ascii_uppercase()).count();
    let near = |length: usize| chars.len().abs_diff(length) <= 1;
    let in_one = groups.len() == 1;
    let like = |form: &[usize]| {
        let off: usize = form.iter().zip(&sizes).map(|(a, b)| a.abs_diff(*b)).sum();
        form.len() == sizes.len() && off <= 1
    };
    match spec.kind {
        CodeType::Iban => {
            let fours = sizes.len() > 3 && sizes[..3].iter().all(|size| size.abs_diff(4) <= 1);
            let country = as_letters(&chars.iter().take(2).collect::<String>());
            let known = types::iban_length(&country).is_some_and(near);
            known && digits >= 8 && (in_one || fours)
        }
        CodeType::Lei => groups.len() < 3 && near(20) && digits >= 5 && letters >= 3,
        CodeType::Vin => groups.len() < 3 && near(17) && digits >= 5 && letters >= 3,
        CodeType::Isbn => {
            let begins = chars.starts_with(&['9', '7', '8']) || chars.starts_with(&['9', '7', '9']);
            begins && near(13) && (in_one || sizes.len() == 5)
        }
        CodeType::Isin => {
            let begins = |form: &[char]| chars.starts_with(form);
            let country = begins(&['D', 'E']) || begins(&['G', 'B']) || begins(&['I', 'E']);
            let zeros = chars.iter().skip(2).take(2).all(|c| is_zerolike(*c));
            in_one && near(12) && country && zeros
        }
        CodeType::Gtin => like(&[1, 6, 6]) || like(&[1, 5, 5, 1]) || lacks_first(&sizes),
        CodeType::Imei => like(&[2, 6, 6, 1]),
        _ => false,
    }
}

/// True for a number under a barcode whose first digit, which is apart at its left, was not read.
pub(super) fn lacks_first(sizes: &[usize]) -> bool {
    matches!(sizes, [6, 6] | [5, 5, 1])
}

fn is_zerolike(c: char) -> bool {
    matches!(c, '0' | 'O' | 'o' | 'Q' | 'D')
}

fn is_digitlike(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, 'O' | 'o' | 'I' | 'l' | 'S' | 'B' | 'Z' | 'G' | 'Q' | 'D')
}
