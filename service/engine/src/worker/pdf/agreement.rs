//! Comparison of a text layer's characters with those that its fonts draw: a few words of each font are read as they look. A
//! font may state any characters for its glyphs, and some state wrong ones.

pub(super) mod readings;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use crate::worker::ffi::pdfium::Glyph;
use readings::{FEWEST, confirm, disagree};
use words::{is_plain, shapes, worth};

/// Words that are read at a time, of a font and of a page.
const WORDS_OF_FONT: usize = 3;
const WORDS_OF_PAGE: usize = 8;
/// By how much the ratio of a character's width to its height may differ where it is the same font.
const SAME_SHAPE: f64 = 0.06;
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
}
