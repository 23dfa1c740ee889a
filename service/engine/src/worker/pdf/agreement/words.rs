//! Words of a text layer that are worth being compared with what their font draws.

use std::collections::{BTreeMap, BTreeSet};

use crate::worker::ffi::pdfium::Glyph;

/// Different letters and digits of a font after which it is believed, if they agree.
const LETTERS: usize = 6;
const DIGITS: usize = 3;
/// Most characters of a word.
const LONGEST: usize = 12;
/// Points that the largest character of a word has at least.
const SMALLEST: f64 = 3.0;

/// True if a word can be read and compared: of one font, upright, large enough, in characters that any recognizer knows.
pub(super) fn is_plain(word: &[Glyph]) -> bool {
    let largest = word
        .iter()
        .map(|glyph| glyph.bounds[3] - glyph.bounds[1])
        .fold(0.0, f64::max);
    let upright = word.windows(2).all(|two| {
        let [a, b] = [two[0].bounds, two[1].bounds];
        let (gap, low) = (b[0] - a[2], a[1].max(b[1]) - a[3].min(b[3]));
        // One after the other, not apart, not above each other.
        b[0] + b[2] > a[0] + a[2] && gap < largest * 0.4 && low < largest * 0.5
    });
    (2..=LONGEST).contains(&word.len())
        && largest >= SMALLEST
        && upright
        && word.iter().all(|glyph| {
            glyph.font == word[0].font
                && !glyph.generated
                && glyph.char.is_some_and(|c| c.is_ascii_graphic())
                && glyph.bounds[2] > glyph.bounds[0]
        })
        // A row of dots or a rule.
        && word.iter().any(|glyph| glyph.char != word[0].char)
}

/// Ratio of width to height of each letter and digit.
pub(super) fn shapes(words: &[&[Glyph]]) -> BTreeMap<char, f64> {
    let mut shapes = BTreeMap::new();
    for glyph in words.iter().copied().flatten() {
        let [left, bottom, right, top] = glyph.bounds;
        if let Some(c) = glyph.char.filter(char::is_ascii_alphanumeric)
            && top - bottom > 1.0
        {
            shapes.entry(c).or_insert((right - left) / (top - bottom));
        }
    }
    shapes
}

/// Gain of comparing a word: its characters that were not compared yet, if a font is not believed already.
pub(super) fn worth(word: &[Glyph], compared: &BTreeSet<char>) -> usize {
    let count = |kind: fn(&char) -> bool| compared.iter().filter(|c| kind(c)).count();
    let letters = count(char::is_ascii_alphabetic) < LETTERS;
    let digits = count(char::is_ascii_digit) < DIGITS;
    let new: BTreeSet<char> = word
        .iter()
        .filter_map(|glyph| glyph.char)
        .filter(|c| !compared.contains(c))
        .collect();
    let wanted = |c: &&char| match c {
        c if c.is_ascii_digit() => digits,
        c if c.is_ascii_alphabetic() => letters,
        _ => compared.is_empty(),
    };
    let new: usize = new
        .iter()
        .filter(wanted)
        .map(|c| if c.is_ascii_digit() { 2 } else { 1 })
        .sum();
    // A single character more is not worth a look, unless nothing is known yet.
    if new < 2 && !compared.is_empty() {
        0
    } else {
        new
    }
}
