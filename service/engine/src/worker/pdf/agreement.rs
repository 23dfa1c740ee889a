//! Whether a text layer's characters are those that its fonts draw: a few words of each font are read as they look. A font may
//! state any characters for its glyphs, and some state wrong ones.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::worker::ffi::pdfium::Glyph;

/// Different letters and digits of a font after which it is believed, if they agree.
const LETTERS: usize = 6;
const DIGITS: usize = 3;
/// Words that are read at a time, of a font and of a page, and their characters.
const WORDS_OF_FONT: usize = 3;
const WORDS_OF_PAGE: usize = 8;
const LONGEST: usize = 12;
/// By how much the ratio of a character's width to its height may differ where it is the same font.
const SAME_SHAPE: f64 = 0.06;
/// Points that the largest character of a word has at least.
const SMALLEST: f64 = 3.0;
/// Of a kind of characters, fewer prove nothing.
const FEWEST: usize = 3;
/// The share of a layer's characters that are read as such, where readings have errors: below it, the layer is wrong. Two
/// readings that agree with each other to this share are right.
const AGREE: f64 = 0.5;
/// The share of digits, and of letters, that look like what the layer says in a font that is believed for that.
const ALIKE: f64 = 0.7;

/// Fonts of a document that were compared with what they draw.
#[derive(Debug, Default)]
pub(super) struct Fonts(Vec<Font>);

#[derive(Debug)]
struct Font {
    name: String,
    /// The ratio of width to height of each character's ink. A font of the same name with other ratios is another one.
    shapes: BTreeMap<char, f64>,
    compared: BTreeSet<char>,
    lies: bool,
}

/// The place in [`Fonts`] of each font of a page.
pub(super) type OfPage = BTreeMap<usize, usize>;

/// A word to be read, of the font with this place in [`Fonts`].
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample {
    pub(super) font: usize,
    pub(super) text: String,
    /// Left, bottom, right, top, in points.
    pub(super) bounds: [f64; 4],
    /// Of each of its characters.
    pub(super) letters: Vec<[f64; 4]>,
}

impl Fonts {
    /// The words of a page that are to be read, and the place in this list of each font of the page. `names` are those of the
    /// page's fonts.
    pub(super) fn samples(
        &mut self,
        glyphs: &[Glyph],
        words: &[Range<usize>],
        names: &[String],
    ) -> (Vec<Sample>, OfPage) {
        let mut of_font: BTreeMap<usize, Vec<&[Glyph]>> = BTreeMap::new();
        for word in words.iter().map(|word| &glyphs[word.clone()]) {
            if let Some(first) = word.first().filter(|_| is_plain(word)) {
                of_font.entry(first.font).or_default().push(word);
            }
        }
        let mut samples = Vec::new();
        let mut of_page = OfPage::new();
        for (font, words) in of_font {
            let name = names.get(font).map_or("", String::as_str);
            let known = self.known(name, &shapes(&words));
            of_page.insert(font, known);
            if !self.0[known].lies {
                samples.extend(self.choose(known, &words));
            }
        }
        // Those of all fonts before the second ones of any.
        samples.sort_by_key(|(rank, _)| *rank);
        samples.truncate(WORDS_OF_PAGE);
        (
            samples.into_iter().map(|(_, sample)| sample).collect(),
            of_page,
        )
    }

    /// The fonts of a page that are known to lie.
    pub(super) fn lying(&self, of_page: &OfPage) -> BTreeSet<usize> {
        let lying = of_page.iter().filter(|(_, known)| self.0[**known].lies);
        lying.map(|(font, _)| *font).collect()
    }

    /// The place of a font, which is added where it is new.
    fn known(&mut self, name: &str, shapes: &BTreeMap<char, f64>) -> usize {
        let same = |font: &Font| {
            font.name == name
                && shapes.iter().all(|(c, ratio)| {
                    let before = font.shapes.get(c).unwrap_or(ratio);
                    (before - ratio).abs() <= before.max(*ratio) * SAME_SHAPE
                })
        };
        let at = self.0.iter().position(same).unwrap_or_else(|| {
            self.0.push(Font {
                name: name.to_owned(),
                shapes: BTreeMap::new(),
                compared: BTreeSet::new(),
                lies: false,
            });
            self.0.len() - 1
        });
        for (c, ratio) in shapes {
            self.0[at].shapes.entry(*c).or_insert(*ratio);
        }
        at
    }

    /// Words with the most characters that were not compared yet, with their rank.
    fn choose(&self, font: usize, words: &[&[Glyph]]) -> Vec<(usize, Sample)> {
        let mut compared = self.0[font].compared.clone();
        let mut chosen = Vec::new();
        while chosen.len() < WORDS_OF_FONT {
            let best = words
                .iter()
                .map(|word| (worth(word, &compared), word))
                .filter(|(worth, _)| *worth > 0)
                // The first of those that are worth the same.
                .reduce(|best, other| if other.0 > best.0 { other } else { best });
            let Some((_, word)) = best else {
                break;
            };
            let text: String = word.iter().filter_map(|glyph| glyph.char).collect();
            compared.extend(text.chars());
            let bounds = word.iter().map(|glyph| glyph.bounds).reduce(around);
            let sample = Sample {
                font,
                text,
                bounds: bounds.unwrap_or_default(),
                letters: word.iter().map(|glyph| glyph.bounds).collect(),
            };
            chosen.push((chosen.len(), sample));
        }
        chosen
    }

    /// Believes a font of which most of the samples' characters look like what the layer says: for each sample, how many may be
    /// that by their shape, and how many were looked at. Returns which samples need not be read.
    pub(super) fn believe(&mut self, samples: &[Sample], alike: &[Likeness]) -> Vec<bool> {
        let mut of_font: BTreeMap<usize, Likeness> = BTreeMap::new();
        for (sample, one) in samples.iter().zip(alike) {
            let sum = of_font.entry(sample.font).or_default();
            *sum = sum.and(*one);
        }
        let believed = |sample: &Sample| {
            of_font
                .get(&sample.font)
                .is_some_and(|sum| sum.is_convincing())
        };
        for sample in samples.iter().filter(|sample| believed(sample)) {
            self.0[sample.font].compared.extend(sample.text.chars());
        }
        samples.iter().map(believed).collect()
    }

    /// Notes how samples were read, and so which fonts lie: by one recognizer and, where that disagrees with the layer, by
    /// another.
    pub(super) fn compare(
        &mut self,
        samples: &[Sample],
        first: &[String],
        second: impl FnOnce() -> Vec<String>,
    ) {
        let mut fonts: Vec<usize> = samples.iter().map(|sample| sample.font).collect();
        fonts.dedup();
        fonts.sort_unstable();
        fonts.dedup();
        let texts = |font: usize| {
            samples
                .iter()
                .enumerate()
                .filter(move |(_, one)| one.font == font)
        };
        let joined = |font: usize, readings: &[String]| {
            let of_font = texts(font).filter_map(|(at, _)| readings.get(at));
            of_font.map(String::as_str).collect::<Vec<_>>().join(" ")
        };
        let layer: Vec<String> = samples.iter().map(|sample| sample.text.clone()).collect();
        let doubtful: Vec<usize> = fonts
            .iter()
            .copied()
            .filter(|font| disagree(&joined(*font, &layer), &joined(*font, first)))
            .collect();
        for (_, sample) in fonts.iter().flat_map(|font| texts(*font)) {
            self.0[sample.font].compared.extend(sample.text.chars());
        }
        if doubtful.is_empty() {
            return;
        }
        let second = second();
        for font in doubtful {
            let (layer, first) = (joined(font, &layer), joined(font, first));
            let second = joined(font, &second);
            if disagree(&layer, &second) && confirm(&layer, &first, &second) {
                self.0[font].lies = true;
            }
        }
    }
}

/// How many characters may be what the layer says by their shape, of how many.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Likeness {
    pub(super) digits: (usize, usize),
    pub(super) letters: (usize, usize),
}

impl Likeness {
    pub(super) fn add(&mut self, c: char, alike: bool) {
        let count = if c.is_ascii_digit() {
            &mut self.digits
        } else {
            &mut self.letters
        };
        count.0 += usize::from(alike);
        count.1 += 1;
    }

    fn and(self, other: Self) -> Self {
        let sum = |a: (usize, usize), b: (usize, usize)| (a.0 + b.0, a.1 + b.1);
        Self {
            digits: sum(self.digits, other.digits),
            letters: sum(self.letters, other.letters),
        }
    }

    fn is_convincing(self) -> bool {
        let most = |(alike, all): (usize, usize)| alike as f64 >= all as f64 * ALIKE;
        self.digits.1 + self.letters.1 >= FEWEST && most(self.digits) && most(self.letters)
    }
}

/// Whether a word can be read and compared: of one font, upright, large enough, in characters that any recognizer knows.
fn is_plain(word: &[Glyph]) -> bool {
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

fn shapes(words: &[&[Glyph]]) -> BTreeMap<char, f64> {
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

/// What is learnt by comparing a word: its characters that were not compared yet, if a font is not believed already.
fn worth(word: &[Glyph], compared: &BTreeSet<char>) -> usize {
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

/// Whether a reading says that these are other characters: digits, letters, or both.
fn disagree(layer: &str, read: &str) -> bool {
    let pairs = aligned(layer, read);
    let share = |kind: fn(&char) -> bool, fewest: usize| {
        let of_kind = pairs.iter().filter(|(c, _)| kind(c));
        let all = of_kind.clone().count();
        let same = of_kind.filter(|(_, same)| *same).count();
        all >= fewest && (same as f64) < all as f64 * AGREE
    };
    // Digits that are all wrong by one may look as if they stood one place further.
    let (of_layer, of_reading) = (digits(layer), digits(read));
    let both = of_layer.bytes().zip(of_reading.bytes());
    let same = both.filter(|(a, b)| a == b).count();
    let wrong_in_place = of_layer.len() == of_reading.len()
        && of_layer.len() >= FEWEST
        && (same as f64) < of_layer.len() as f64 * AGREE;
    wrong_in_place
        || share(char::is_ascii_digit, FEWEST)
        || share(char::is_ascii_alphabetic, FEWEST + 1)
        || share(char::is_ascii_graphic, FEWEST + 1)
}

/// Whether two readings of what the layer is wrong about are the same.
fn confirm(layer: &str, first: &str, second: &str) -> bool {
    let pairs = aligned(first, second);
    let same = pairs.iter().filter(|(_, same)| *same).count();
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).count();
    let of_digits = aligned(&digits(first), &digits(second));
    let same_digits = of_digits.iter().filter(|(_, same)| *same).count();
    // What is wrong may be the digits alone, or what is no letter at all.
    let much = letters(first) + digits(first).len() >= FEWEST;
    let enough = pairs.len() * 2 >= layer.chars().filter(char::is_ascii_graphic).count();
    much && enough
        && same as f64 > pairs.len() as f64 * AGREE
        && (of_digits.is_empty() || same_digits as f64 > of_digits.len() as f64 * AGREE)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Each visible character of the first text, and whether the second has it in its place.
fn aligned(one: &str, other: &str) -> Vec<(char, bool)> {
    let plain = |text: &str| -> Vec<char> { text.chars().filter(char::is_ascii_graphic).collect() };
    let (one, other) = (plain(one), plain(other));
    let same = |a: usize, b: usize| alike(one[a], other[b]);
    let width = other.len() + 1;
    let mut costs = vec![0usize; (one.len() + 1) * width];
    for a in 0..=one.len() {
        for b in 0..width {
            costs[a * width + b] = if a == 0 || b == 0 {
                a + b
            } else {
                let kept = costs[(a - 1) * width + b - 1] + usize::from(!same(a - 1, b - 1));
                let shorter = costs[(a - 1) * width + b].min(costs[a * width + b - 1]) + 1;
                kept.min(shorter)
            };
        }
    }
    let (mut a, mut b) = (one.len(), other.len());
    let mut pairs = Vec::with_capacity(one.len());
    while a > 0 {
        let cost = costs[a * width + b];
        if b > 0 && cost == costs[(a - 1) * width + b - 1] + usize::from(!same(a - 1, b - 1)) {
            pairs.push((one[a - 1], same(a - 1, b - 1)));
            (a, b) = (a - 1, b - 1);
        } else if cost == costs[(a - 1) * width + b] + 1 {
            pairs.push((one[a - 1], false));
            a -= 1;
        } else {
            b -= 1;
        }
    }
    pairs.reverse();
    pairs
}

/// Whether two characters are the same but for case, or are taken for each other.
pub(super) fn alike(a: char, b: char) -> bool {
    let folded = |c: char| match c.to_ascii_lowercase() {
        'o' | 'q' => '0',
        'i' | 'l' | '|' | '!' | 'j' => '1',
        'z' => '2',
        's' => '5',
        'b' => '8',
        ';' => ':',
        ',' => '.',
        '`' | '"' => '\'',
        '_' | '~' => '-',
        '{' | '[' => '(',
        '}' | ']' => ')',
        other => other,
    };
    folded(a) == folded(b)
}

pub(super) fn around(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    [
        a[0].min(b[0]),
        a[1].min(b[1]),
        a[2].max(b[2]),
        a[3].max(b[3]),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Words of a font, each letter as wide as `shape` says, 8 points high.
    fn page(text: &str, font: usize, shape: impl Fn(char) -> f64) -> Vec<Glyph> {
        let mut left = 0.0;
        text.chars()
            .map(|c| {
                let width = shape(c);
                left += width + 0.5;
                Glyph {
                    char: Some(c),
                    bounds: [left, 0.0, left + width, 8.0],
                    generated: c == ' ',
                    unmapped: false,
                    invisible: false,
                    font,
                    object: 0,
                }
            })
            .collect()
    }

    /// The words to be read, and whether the first font lies.
    fn samples(fonts: &mut Fonts, glyphs: &[Glyph]) -> (Vec<String>, bool) {
        let words = super::super::visibility::words(glyphs);
        let names = ["Arial".to_owned(), "Times".to_owned()];
        let (samples, of_page) = fonts.samples(glyphs, &words, &names);
        let texts = samples.into_iter().map(|sample| sample.text).collect();
        (texts, fonts.lying(&of_page).contains(&0))
    }

    fn compare(fonts: &mut Fonts, layer: &str, first: &str, second: &str) {
        let sample = Sample {
            font: fonts.known("Arial", &BTreeMap::new()),
            text: layer.to_owned(),
            bounds: [0.0; 4],
            letters: Vec::new(),
        };
        fonts.compare(&[sample], &[first.to_owned()], || vec![second.to_owned()]);
    }

    #[test]
    fn words_with_many_characters_are_chosen_and_no_more_once_compared() {
        let mut fonts = Fonts::default();
        let glyphs = page("a an Invoice 20240613 and and", 0, |_| 5.0);
        let chosen = samples(&mut fonts, &glyphs).0;
        assert_eq!(chosen, ["20240613", "Invoice"]);
        compare(
            &mut fonts,
            "20240613 Invoice and the rest of it",
            "20240613 Invoice and the rest of it",
            "",
        );
        assert_eq!(samples(&mut fonts, &glyphs).0, [""; 0]);
        // Another font, and another one of the same name.
        assert!(
            !samples(&mut fonts, &page("Invoice", 1, |_| 5.0))
                .0
                .is_empty()
        );
        assert!(
            !samples(&mut fonts, &page("Invoice", 0, |_| 7.0))
                .0
                .is_empty()
        );
    }

    #[test]
    fn what_no_recognizer_reads_for_sure_is_not_chosen() {
        let mut fonts = Fonts::default();
        for text in [
            "Größe",
            "фактура",
            "......",
            "x",
            "Donaudampfschifffahrtsgesellschaft",
        ] {
            let glyphs = page(text, 0, |_| 5.0);
            assert_eq!(samples(&mut fonts, &glyphs).0, [""; 0], "{text}");
        }
        let mut up = page("Invoice", 0, |_| 5.0);
        for glyph in &mut up {
            let [left, bottom, right, top] = glyph.bounds;
            glyph.bounds = [bottom, left, top, right];
        }
        assert_eq!(samples(&mut fonts, &up).0, [""; 0]);
    }

    #[test]
    fn a_font_lies_if_two_readings_say_the_same_other_thing() {
        for (layer, first, second, lies) in [
            ("Total 2345.61", "Total 1234.50", "Total 1234.50", true),
            ("Upubm", "Total", "Total", true),
            ("\"7+%-`", "Hello", "Hello", true),
            ("Total 1234.50", "Total 1234.50", "", false),
            ("Total 1234.50", "Tota1 l234,5O", "", false),
            ("Total 1234.50", "Total 1284.60", "Total 1284.60", false),
            ("Invoice", "", "", false),
            ("Invoice", "~~~", "|||", false),
            ("abcdefg", "mnvwxyz", "krtgpqh", false),
            ("INVOICE", "invoice", "", false),
        ] {
            let mut fonts = Fonts::default();
            compare(&mut fonts, layer, first, second);
            let next = samples(&mut fonts, &page("Another word", 0, |_| 5.0));
            assert_eq!(next.1, lies, "{layer}");
            assert!(!lies || next.0.is_empty(), "{layer}");
        }
    }

    #[test]
    fn a_font_is_believed_if_most_of_its_digits_and_of_its_letters_look_right() {
        for (digits, letters, believed) in [
            ((7, 8), (9, 10), true),
            ((0, 0), (3, 3), true),
            ((0, 0), (2, 2), false),
            ((1, 8), (10, 10), false),
            ((8, 8), (3, 10), false),
            ((0, 0), (0, 0), false),
        ] {
            let mut fonts = Fonts::default();
            let sample = Sample {
                font: fonts.known("Arial", &BTreeMap::new()),
                text: "Invoice".to_owned(),
                bounds: [0.0; 4],
                letters: Vec::new(),
            };
            let alike = Likeness { digits, letters };
            assert_eq!(fonts.believe(&[sample], &[alike]), [believed], "{alike:?}");
            assert_eq!(fonts.0[0].compared.is_empty(), !believed);
        }
    }

    #[test]
    fn readings_are_compared_where_they_belong() {
        let same = |one, other| {
            aligned(one, other)
                .into_iter()
                .filter(|(_, same)| *same)
                .count()
        };
        assert_eq!(same("abcdef", "abXcdef"), 6);
        assert_eq!(same("abcdef", "acdef"), 5);
        assert_eq!(same("", "abc"), 0);
        assert_eq!(aligned("a b", "").len(), 2);
    }
}
