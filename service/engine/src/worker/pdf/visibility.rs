//! Visibility of the characters of a text layer. Characters are visible if they make a difference to the drawn page and
//! are large enough to be read.

use std::collections::BTreeSet;
use std::ops::Range;

use super::look::Look;
use crate::worker::ffi::pdfium::{Glyph, Page, Points};

/// Difference of gray, out of 255, that is certainly visible in a small drawing of the page.
const SURE: u8 = 48;
/// Difference below which text is invisible at reading resolution: text of 4 % gray on white.
const SEEN: u8 = 12;
/// Least share of a character's box with such a difference.
const SHARE: f64 = 0.02;
/// Share of a box that belongs to its neighbours, which may lean into it.
const EDGE: f64 = 0.1;
/// Size of a word's largest letter below which the word is invisible: in points, and as a share of the page's longer
/// side.
const SMALLEST: f64 = 0.9;
const SMALLEST_SHARE: f64 = 1.0 / 900.0;
/// The same for its shorter side, as a share of that size. An `I` is narrow, but not a line.
const FLAT: f64 = 0.1;
/// Share of a word that another word covers if both are at the same place, and most words that are compared with each.
const COVERED: f64 = 0.4;
const NEAR: usize = 200;
/// Resolution for doubtful characters, in pixels per point, and most pixels.
const CLOSE: f64 = 300.0 / 72.0;
const MOST_PIXELS: f64 = 6_000_000.0;
/// Share of that resolution below which words are drawn one by one, and most words for which that is done.
const COARSE: f64 = 0.6;
const MOST_WORDS: usize = 40;

/// For each character, true if it is visible. White space always is.
pub(super) fn of(glyphs: &[Glyph], page: &Page<'_>, look: &Look) -> Vec<bool> {
    let words = words(glyphs);
    let mut seen: Vec<bool> = glyphs
        .iter()
        .map(|glyph| !has_ink(glyph) || (!glyph.invisible && is_surely_seen(look, glyph.bounds)))
        .collect();
    let doubtful = doubtful(&words, &seen);
    if !doubtful.is_empty() {
        let close = draw(page, glyphs, doubtful.iter());
        // A page that is too large for this is drawn word by word.
        let coarse = close
            .as_ref()
            .is_none_or(|close| close.scale < CLOSE * COARSE);
        let mut left = if coarse { MOST_WORDS } else { 0 };
        let close = close.filter(|close| close.scale > look.scale);
        for word in doubtful {
            let own = (left > 0)
                .then(|| draw(page, glyphs, [&word].into_iter()))
                .flatten();
            left = left.saturating_sub(1);
            let look = own.as_ref().or(close.as_ref()).unwrap_or(look);
            for at in word.clone().filter(|at| has_ink(&glyphs[*at])) {
                seen[at] = !glyphs[at].invisible
                    && (is_seen(look, glyphs[at].bounds)
                        || is_seen(look, reach(&glyphs[word.clone()], at - word.start)));
            }
        }
    }
    hide_beneath(glyphs, &words, page, &mut seen);
    let smallest = {
        let (width, height) = page.size();
        SMALLEST.min(f64::from(width.max(height)) * SMALLEST_SHARE)
    };
    for word in words {
        let size = largest(&glyphs[word.clone()]);
        let minute = |(long, short): (f64, f64)| long < smallest || short < smallest * FLAT;
        // Some fonts state no boxes.
        if size.is_some_and(|size| size.0 > 0.0 && minute(size)) {
            seen[word].fill(false);
        } else {
            follow(&glyphs[word.clone()], &mut seen[word]);
        }
    }
    // The spaces of a text belong to the character before them.
    for at in 1..glyphs.len() {
        if glyphs[at].char == Some(' ') && !glyphs[at].generated {
            seen[at] = seen[at - 1];
        }
    }
    seen
}

/// Draws words at reading resolution, in one drawing.
fn draw<'a>(
    page: &Page<'_>,
    glyphs: &[Glyph],
    words: impl Iterator<Item = &'a Range<usize>>,
) -> Option<Look> {
    let places = words.flat_map(|word| &glyphs[word.clone()]);
    let places = places
        .filter(|glyph| has_ink(glyph))
        .map(|glyph| glyph.bounds);
    Look::around(page, places, CLOSE, MOST_PIXELS, |_| true)
}

/// Hides text at the place of other text unless it makes a difference by itself.
fn hide_beneath(glyphs: &[Glyph], words: &[Range<usize>], page: &Page<'_>, seen: &mut [bool]) {
    let places: Vec<Place> = words
        .iter()
        .flat_map(|word| by_object(word, glyphs))
        .filter(|word| seen[word.start])
        .map(|word| Place::of(&word, glyphs))
        .collect();
    let pairs = overlaps(&places);
    for pick in [
        |pair: &(usize, usize)| pair.0,
        |pair: &(usize, usize)| pair.1,
    ] {
        let picked: Vec<&Place> = pairs.iter().map(|pair| &places[pick(pair)]).collect();
        let objects: BTreeSet<usize> = picked
            .iter()
            .map(|place| glyphs[place.word.start].object)
            .collect();
        let bounds = picked.iter().map(|place| place.bounds);
        let Some(look) = Look::around(page, bounds, CLOSE, MOST_PIXELS, |object| {
            objects.contains(&object)
        }) else {
            continue;
        };
        for at in picked.iter().flat_map(|place| place.word.clone()) {
            if has_ink(&glyphs[at]) && objects.contains(&glyphs[at].object) {
                seen[at] &= is_seen(&look, glyphs[at].bounds);
            }
        }
    }
}

/// Parts of a word that are each drawn by one object. Texts at the same place may be taken for one word.
fn by_object(word: &Range<usize>, glyphs: &[Glyph]) -> Vec<Range<usize>> {
    let mut start = word.start;
    let parts = glyphs[word.clone()].chunk_by(|a, b| a.object == b.object);
    let range = |part: &[Glyph]| {
        let range = start..start + part.len();
        start = range.end;
        range
    };
    parts.map(range).collect()
}

/// A word and its place, in points.
struct Place {
    word: Range<usize>,
    bounds: Points,
    text: String,
}

impl Place {
    fn of(word: &Range<usize>, glyphs: &[Glyph]) -> Self {
        let glyphs = &glyphs[word.clone()];
        let around = |a: Points, b: Points| {
            [
                a[0].min(b[0]),
                a[1].min(b[1]),
                a[2].max(b[2]),
                a[3].max(b[3]),
            ]
        };
        Self {
            word: word.clone(),
            bounds: glyphs
                .iter()
                .map(|glyph| glyph.bounds)
                .reduce(around)
                .unwrap_or_default(),
            text: glyphs.iter().filter_map(|glyph| glyph.char).collect(),
        }
    }

    fn area(&self) -> f64 {
        (self.bounds[2] - self.bounds[0]) * (self.bounds[3] - self.bounds[1])
    }
}

/// Pairs of different words of which one covers most of the other. Equal words are skipped, because text may be drawn
/// twice to be bold.
fn overlaps(places: &[Place]) -> Vec<(usize, usize)> {
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_by(|a, b| places[*a].bounds[1].total_cmp(&places[*b].bounds[1]));
    let mut pairs = Vec::new();
    for (at, low) in order.iter().enumerate() {
        let a = &places[*low];
        let near = order[at + 1..].iter().take(NEAR);
        for high in near.take_while(|high| places[**high].bounds[1] < a.bounds[3]) {
            let b = &places[*high];
            let side = |from: usize, to: usize| {
                (a.bounds[to].min(b.bounds[to]) - a.bounds[from].max(b.bounds[from])).max(0.0)
            };
            let shared = side(0, 2) * side(1, 3);
            if shared > COVERED * a.area().min(b.area()) && a.text != b.text {
                // In drawing order: each word is left out once together with the lower words, or with the upper ones.
                pairs.push((*low.min(high), *low.max(high)));
            }
        }
    }
    pairs
}

/// Words with characters that are not certainly visible, and their neighbours.
fn doubtful(words: &[Range<usize>], seen: &[bool]) -> Vec<Range<usize>> {
    let unsure = |at: usize| {
        words
            .get(at)
            .is_some_and(|word| seen[word.clone()].contains(&false))
    };
    let near = |at: usize| unsure(at) || unsure(at + 1) || at.checked_sub(1).is_some_and(unsure);
    let words = words.iter().enumerate().filter(|(at, _)| near(*at));
    words.map(|(_, word)| word.clone()).collect()
}

/// Punctuation has little ink, and its box may miss it. Within a word, it is visible if the letter before it is.
fn follow(word: &[Glyph], seen: &mut [bool]) {
    let letter = |glyph: &Glyph| glyph.char.is_some_and(char::is_alphanumeric);
    let Some(first) = word.iter().position(letter) else {
        return;
    };
    let mut last = seen[first];
    for (glyph, seen) in word.iter().zip(seen) {
        if letter(glyph) {
            last = *seen;
        } else {
            *seen = last;
        }
    }
}

/// Ranges of words in the list of characters.
pub(super) fn words(glyphs: &[Glyph]) -> Vec<Range<usize>> {
    let mut words: Vec<Range<usize>> = Vec::new();
    let mut within = false;
    for (at, glyph) in glyphs.iter().enumerate() {
        let blank = glyph.char.is_some_and(char::is_whitespace);
        match words.last_mut().filter(|_| within && !blank) {
            Some(word) => word.end = at + 1,
            None if !blank => words.push(Range {
                start: at,
                end: at + 1,
            }),
            None => {}
        }
        within = !blank;
    }
    words
}

/// True if a character leaves a trace: no white space, and no mark that joins or separates others.
fn has_ink(glyph: &Glyph) -> bool {
    let traceless = |c: char| {
        c.is_whitespace()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    !glyph.generated && !glyph.char.is_some_and(traceless)
}

/// Longer and shorter side of a word's largest letters or digits, in points.
fn largest(word: &[Glyph]) -> Option<(f64, f64)> {
    let letters = word
        .iter()
        .filter(|glyph| glyph.char.is_some_and(char::is_alphanumeric));
    letters
        .map(|glyph| {
            let [left, bottom, right, top] = glyph.bounds;
            let (width, height) = (right - left, top - bottom);
            (width.max(height), width.min(height))
        })
        .reduce(|a, b| (a.0.max(b.0), a.1.max(b.1)))
}

/// Place between a character's neighbours. Some fonts draw letters next to the box that they state.
fn reach(word: &[Glyph], at: usize) -> Points {
    let [left, bottom, right, top] = word[at].bounds;
    let beside = |glyph: &Glyph| {
        let [_, low, _, high] = glyph.bounds;
        (top.min(high) - bottom.max(low)) * 2.0 > (top - bottom).min(high - low)
    };
    let neighbour =
        |at: Option<usize>| at.and_then(|at| word.get(at)).filter(|glyph| beside(glyph));
    let before = neighbour(at.checked_sub(1)).map_or(left, |glyph| glyph.bounds[2]);
    let after = neighbour(Some(at + 1)).map_or(right, |glyph| glyph.bounds[0]);
    [left.min(before), bottom, right.max(after), top]
}

fn is_surely_seen(look: &Look, bounds: Points) -> bool {
    let mut differences = look.differences(look.place(bounds));
    differences.any(|difference| difference >= SURE)
}

fn is_seen(look: &Look, bounds: Points) -> bool {
    let [left, top, right, bottom] = look.place(bounds);
    let (across, down) = ((right - left) * EDGE, (bottom - top) * EDGE);
    let within = [left + across, top + down, right - across, bottom - down];
    let (mut all, mut differ) = (0u32, 0u32);
    for difference in look.differences(within) {
        all += 1;
        differ += u32::from(difference >= SEEN);
    }
    differ > 0 && f64::from(differ) >= f64::from(all) * SHARE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn glyphs(text: &str) -> Vec<Glyph> {
        let glyph = |char| Glyph {
            char: Some(char),
            bounds: [0.0, 0.0, 5.0, 7.0],
            generated: false,
            unmapped: false,
            invisible: false,
            font: 0,
            object: 0,
        };
        text.chars().map(glyph).collect()
    }

    #[test]
    fn splits_words_at_white_space() {
        assert_eq!(words(&glyphs(" ab c\nd ")), [1..3, 4..5, 6..7]);
        assert!(words(&glyphs(" \n")).is_empty());
    }

    #[test]
    fn punctuation_is_visible_like_the_letter_before_it() {
        let mut seen = [false, true, false, false, true];
        follow(&glyphs("\"a.b-"), &mut seen);
        assert_eq!(seen, [true, true, true, false, false]);
        let mut seen = [true, false];
        follow(&glyphs("--"), &mut seen);
        assert_eq!(seen, [true, false]);
    }

    #[test]
    fn neighbours_of_a_doubtful_word_are_doubtful() {
        let words = words(&glyphs("a b c d e"));
        let mut seen = [true; 9];
        assert!(doubtful(&words, &seen).is_empty());
        seen[4] = false;
        assert_eq!(doubtful(&words, &seen), words[1..4]);
    }

    #[test]
    fn finds_different_words_at_the_same_place() {
        let place = |left: f64, bottom: f64, text: &str| Place {
            word: 0..1,
            bounds: [left, bottom, left + 40.0, bottom + 10.0],
            text: text.to_owned(),
        };
        let places = [
            place(0.0, 0.0, "one"),
            place(200.0, 0.0, "two"),
            place(5.0, 2.0, "hidden"),
            place(200.3, 0.0, "two"),
            place(0.0, 9.0, "above"),
        ];
        assert_eq!(overlaps(&places), [(0, 2)]);
    }

    #[test]
    fn uses_the_size_of_the_largest_letter() {
        let mut word = glyphs("a.");
        word[1].bounds = [0.0, 0.0, 90.0, 1.0];
        assert_eq!(largest(&word), Some((7.0, 5.0)));
        assert_eq!(largest(&word[1..]), None);
    }
}
