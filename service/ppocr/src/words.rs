//! Words of a line that was read, and their places.

use image::GrayImage;

use crate::cut::HEIGHT;
use crate::decode::Glyph;
use crate::line::Word;
use crate::recognizer::ReadLine;
use crate::rectangle::{LEVEL, Rectangle};

/// Least difference to the paper, as a share of the line's contrast, that is ink.
const INK: f32 = 0.35;
/// Least width of a gap that the recognizer read over and that is a space, in heights of the line's letters, and the
/// least probability that the recognizer saw in it.
const SPACE: f32 = 0.35;
const LEAST_SPACE: f32 = 0.02;
/// Least contrast of a line with ink, out of 255.
const LEAST_CONTRAST: u8 = 12;

/// Mean probabilities of a word's characters, and the share of such words that are right: of 3,786 words on 30 of the
/// receipts of ICDAR 2019's SROIE that are for tuning.
const CALIBRATION: [(f32, f32); 8] = [
    (0.0, 0.0),
    (0.75, 0.4),
    (0.85, 0.57),
    (0.925, 0.72),
    (0.97, 0.9),
    (0.994, 0.96),
    (0.9995, 0.993),
    (1.0, 1.0),
];

/// Probability that a word is right.
fn calibrated(mean: f32) -> f32 {
    let upper = CALIBRATION.iter().position(|(raw, _)| mean <= *raw);
    let upper = upper.unwrap_or(CALIBRATION.len() - 1).max(1);
    let ((from, low), (to, high)) = (CALIBRATION[upper - 1], CALIBRATION[upper]);
    let place = ((mean - from) / (to - from)).clamp(0.0, 1.0);
    low + (high - low) * place
}

/// Splits a line at its spaces, and finds the part of the place that has ink. A word's box encloses its ink between the
/// middles of the spaces around it.
pub(crate) fn of(read: &ReadLine, line: &GrayImage, place: &Rectangle) -> (Vec<Word>, Rectangle) {
    let ink = Ink::of(line);
    let width = line.width() as f32;
    let spaced = ink.spaced(read);
    let mut words = Vec::new();
    for glyphs in spaced.split(|glyph| glyph.text == " ") {
        let [first, .., last] = glyphs else {
            if let [only] = glyphs {
                words.push((only.at * width, only.at * width, glyphs));
            }
            continue;
        };
        words.push((first.at * width, last.at * width, glyphs));
    }
    let gaps: Vec<f32> = words
        .windows(2)
        .map(|two| ink.gap(two[0].1, two[1].0))
        .collect();
    let (across, down) = (place.length / width, place.height / HEIGHT as f32);
    let part = |from: f32, to: f32| {
        let (columns, rows) = ink.extent(from, to);
        place.part(
            (columns.0 * across, columns.1 * across),
            (rows.0 * down, rows.1 * down),
        )
    };
    let placed = words.iter().enumerate().map(|(at, (_, _, glyphs))| {
        let from = at.checked_sub(1).map_or(0.0, |before| gaps[before]);
        let to = gaps.get(at).copied().unwrap_or(width);
        let sum: f32 = glyphs.iter().map(|glyph| glyph.confidence).sum();
        Word {
            text: glyphs.iter().map(|glyph| glyph.text.as_str()).collect(),
            confidence: calibrated(sum / glyphs.len() as f32),
            bounds: part(from, to).bounds(LEVEL),
        }
    });
    let words = placed.filter(|word| !word.text.is_empty()).collect();
    (words, part(0.0, width))
}

/// True for Chinese and Japanese characters, which are written without spaces.
fn is_unspaced(glyph: &Glyph) -> bool {
    let is_hangul = |c| ('\u{ac00}'..='\u{d7ff}').contains(&c);
    glyph.text.chars().any(|c| c >= '\u{2e80}' && !is_hangul(c))
}

/// The ink of a line. Paper and ink are told apart by the line's own brightness, so that light letters on dark ground
/// are ink, too.
struct Ink {
    width: usize,
    inked: Vec<bool>,
    columns: Vec<u32>,
}

impl Ink {
    fn of(line: &GrayImage) -> Self {
        let width = line.width() as usize;
        let mut sorted = line.as_raw().clone();
        sorted.sort_unstable();
        let last = sorted.len().saturating_sub(1);
        let grays = [0.02, 0.5, 0.98].map(|share| {
            let at = (last as f32 * share) as usize;
            sorted.get(at).copied().unwrap_or_default()
        });
        let [dark, paper, light] = grays;
        let contrast = (paper - dark).max(light - paper);
        let is_dark = paper - dark >= light - paper;
        let least = (f32::from(contrast) * INK) as u8;
        let is_ink = |gray: &u8| {
            let off = if is_dark {
                paper.saturating_sub(*gray)
            } else {
                gray.saturating_sub(paper)
            };
            contrast >= LEAST_CONTRAST && off > least
        };
        let inked: Vec<bool> = line.as_raw().iter().map(is_ink).collect();
        let mut columns = vec![0; width];
        for row in inked.chunks_exact(width.max(1)) {
            for (column, is_ink) in columns.iter_mut().zip(row) {
                *column += u32::from(*is_ink);
            }
        }
        Self {
            width,
            inked,
            columns,
        }
    }

    /// The line's characters, with spaces where wide gaps were read over.
    fn spaced(&self, read: &ReadLine) -> Vec<Glyph> {
        let width = self.width as f32;
        let glyphs = &read.glyphs;
        let (_, (top, bottom)) = self.extent(0.0, width);
        let mut spaced: Vec<Glyph> = Vec::with_capacity(glyphs.len());
        for glyph in glyphs {
            if let Some(before) = spaced.last()
                && before.text != " "
                && glyph.text != " "
                && !is_unspaced(before)
                && !is_unspaced(glyph)
                && glyph.space_before >= LEAST_SPACE
                && self.white(before.at * width, glyph.at * width) >= (bottom - top) * SPACE
            {
                spaced.push(Glyph {
                    text: " ".to_owned(),
                    confidence: 1.0,
                    at: f32::midpoint(before.at, glyph.at),
                    space_before: 0.0,
                });
            }
            spaced.push(glyph.clone());
        }
        spaced
    }

    /// Length of the longest run of columns without ink between two places.
    fn white(&self, from: f32, to: f32) -> f32 {
        let from = (from as usize).min(self.width);
        let to = (to as usize).clamp(from, self.width);
        let runs = self.columns[from..to].split(|ink| *ink > 0);
        runs.map(<[u32]>::len).max().unwrap_or(0) as f32
    }

    /// Middle of the widest run of columns with least ink between two places.
    fn gap(&self, from: f32, to: f32) -> f32 {
        let from = (from as usize).min(self.width);
        let to = (to as usize).clamp(from, self.width);
        let between = &self.columns[from..to];
        let Some(least) = between.iter().min() else {
            return from as f32;
        };
        let (mut best, mut start) = ((0, 0), 0);
        for (at, ink) in between.iter().enumerate() {
            if ink > least {
                start = at + 1;
            } else if at + 1 - start > best.1 - best.0 {
                best = (start, at + 1);
            }
        }
        from as f32 + (best.0 + best.1) as f32 / 2.0
    }

    /// Columns and rows of the ink between two places, or all of them if there is no ink.
    fn extent(&self, from: f32, to: f32) -> ((f32, f32), (f32, f32)) {
        let (first, end) = (from as usize, (to.ceil() as usize).min(self.width));
        let columns = || (first..end).filter(|x| self.columns[*x] > 0);
        let has_ink = |row: &[bool]| row[first..end].iter().any(|is_ink| *is_ink);
        let rows: Vec<bool> = match self.inked.get(..self.inked.len()) {
            Some(all) if first < end => all.chunks_exact(self.width.max(1)).map(has_ink).collect(),
            _ => Vec::new(),
        };
        let edges = |first: Option<usize>, last: Option<usize>, all: (f32, f32)| match (first, last)
        {
            (Some(first), Some(last)) => (first as f32, last as f32 + 1.0),
            _ => all,
        };
        (
            edges(columns().next(), columns().next_back(), (from, to)),
            edges(
                rows.iter().position(|has| *has),
                rows.iter().rposition(|has| *has),
                (0.0, HEIGHT as f32),
            ),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::Glyph;

    #[test]
    fn confidence_is_the_share_of_words_that_are_right() {
        assert_eq!([0.0, 0.97, 1.0].map(calibrated), [0.0, 0.9, 1.0]);
        assert!((calibrated(0.9) - 0.67).abs() < 0.01);
    }

    #[test]
    fn boxes_enclose_the_ink_of_their_words() {
        for invert in [false, true] {
            let line = GrayImage::from_fn(200, HEIGHT, |x, y| {
                let ink = (10..60).contains(&x) && (12..36).contains(&y)
                    || (90..190).contains(&x) && (8..36).contains(&y);
                image::Luma([if ink != invert { 20 } else { 230 }])
            });
            let glyph = |text: &str, at: f32| Glyph {
                text: text.to_owned(),
                confidence: 0.9,
                at: at / 200.0,
                space_before: 0.0,
            };
            let read = ReadLine {
                text: String::new(),
                confidence: 90.0,
                glyphs: vec![
                    glyph("a", 20.0),
                    glyph("b", 50.0),
                    glyph(" ", 70.0),
                    glyph("c", 100.0),
                    glyph("d", 180.0),
                ],
            };
            let place = Rectangle {
                center: (200.0, 48.0),
                along: (1.0, 0.0),
                length: 400.0,
                height: 96.0,
            };
            let (words, inked) = of(&read, &line, &place);
            let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            assert_eq!(texts, ["ab", "cd"]);
            assert_eq!(words[0].bounds, [20.0, 24.0, 120.0, 72.0]);
            assert_eq!(words[1].bounds, [180.0, 16.0, 380.0, 72.0]);
            assert_eq!(inked.bounds(LEVEL), [20.0, 16.0, 380.0, 72.0]);
        }
    }

    #[test]
    fn puts_spaces_at_wide_gaps_but_not_beside_chinese() {
        let line = GrayImage::from_fn(200, HEIGHT, |x, y| {
            let is_ink = x % 100 < 40 && (12..36).contains(&y);
            image::Luma([if is_ink { 20 } else { 230 }])
        });
        let place = Rectangle {
            center: (100.0, 24.0),
            along: LEVEL,
            length: 200.0,
            height: 48.0,
        };
        for (left, right, wanted) in [("a", "b", 2), ("a", "\u{4e00}", 1), ("\u{3042}", "b", 1)] {
            let glyph = |text: &str, at: f32| Glyph {
                text: text.to_owned(),
                confidence: 0.9,
                at,
                space_before: 0.1,
            };
            let read = ReadLine {
                text: String::new(),
                confidence: 90.0,
                glyphs: vec![glyph(left, 0.1), glyph(right, 0.6)],
            };
            let (words, _) = of(&read, &line, &place);
            assert_eq!(words.len(), wanted, "{words:?}");
        }
    }
}
