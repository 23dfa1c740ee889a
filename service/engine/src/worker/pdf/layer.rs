//! Text and words of a page's text layer.

use ocr_api::answer::Word;

use super::Frame;
use crate::worker::ffi::pdfium::{Glyph, Page, Points};

/// Least share of a character's width and height that its shadow covers. The letters of a word overlap less.
const SHADOW: f64 = 0.6;

/// A text layer, with boxes in pixels of a page of this size.
pub(in crate::worker) struct Layer {
    pub(in crate::worker) width: u32,
    pub(in crate::worker) height: u32,
    pub(in crate::worker) dpi: u32,
    pub(in crate::worker) text: String,
    pub(in crate::worker) words: Vec<Word>,
    /// The layer's words that are not visible on the page.
    pub(in crate::worker) hidden: Vec<Word>,
    /// Whether it has text in a font that neither the document nor PDFium has, so that it was not compared with the page.
    pub(in crate::worker) undrawn: bool,
}

/// `seen` says of each character whether it is seen on the page.
pub(super) fn read(glyphs: &[Glyph], seen: &[bool], page: &Page<'_>, frame: Frame) -> Layer {
    let (text, words) = split(glyphs, seen);
    let words = words
        .into_iter()
        .map(|word| {
            let [left, bottom, right, top] = word.bounds;
            let a = page.to_pixels((left, bottom), frame.width, frame.height);
            let b = page.to_pixels((right, top), frame.width, frame.height);
            Word {
                text: word.text,
                confidence: 100.0,
                bounds: [
                    a.0.min(b.0).clamp(0, frame.width),
                    a.1.min(b.1).clamp(0, frame.height),
                    a.0.max(b.0).clamp(0, frame.width),
                    a.1.max(b.1).clamp(0, frame.height),
                ],
                hidden: word.hidden,
            }
        })
        .collect();
    Layer {
        width: frame.width.unsigned_abs(),
        height: frame.height.unsigned_abs(),
        dpi: frame.dpi,
        text,
        words,
        hidden: Vec::new(),
        undrawn: false,
    }
}

/// Removes characters outside of the visible part of the page, and the spaces between them.
pub(super) fn keep_seen(glyphs: &mut Vec<Glyph>, seen: Option<Points>) {
    let Some([left, bottom, right, top]) = seen else {
        return;
    };
    keep(glyphs, |_, glyph| {
        let [a, b, c, d] = glyph.bounds;
        let (x, y) = (f64::midpoint(a, c), f64::midpoint(b, d));
        (left..=right).contains(&x) && (bottom..=top).contains(&y)
    });
}

/// Removes characters that another object has drawn at nearly the same place: shadows and outlines of letters. PDFium removes
/// those that are nearer.
pub(super) fn drop_shadows(glyphs: &mut Vec<Glyph>) {
    glyphs.dedup_by(|glyph, last| {
        let shared = |low: usize, high: usize| {
            let [a, b] = [glyph.bounds, last.bounds];
            let side = (a[high] - a[low]).min(b[high] - b[low]);
            side > 0.0 && a[high].min(b[high]) - a[low].max(b[low]) > side * SHADOW
        };
        glyph.char == last.char
            && glyph.object != last.object
            && glyph.invisible == last.invisible
            && !glyph.generated
            && !last.generated
            && shared(0, 2)
            && shared(1, 3)
    });
}

/// Removes the characters for which `wanted` returns false for their index. White space that separates the other
/// characters stays.
pub(super) fn keep(glyphs: &mut Vec<Glyph>, wanted: impl Fn(usize, &Glyph) -> bool) {
    let mut at = 0;
    // True if the last character was removed, and if the kept text ends with white space, or with a line end.
    let (mut left_out, mut ends_blank, mut ends_line) = (false, true, true);
    glyphs.retain(|glyph| {
        let line_end = matches!(glyph.char, Some('\r' | '\n'));
        let kept = if glyph.generated || line_end {
            !left_out || !(ends_blank && (ends_line || !line_end))
        } else {
            let kept = wanted(at, glyph);
            left_out = !kept;
            kept
        };
        at += 1;
        if kept && glyph.char != Some('\r') {
            ends_line = line_end;
            ends_blank = glyph.char.is_some_and(char::is_whitespace);
        }
        kept
    });
}

#[derive(Debug, PartialEq)]
struct Span {
    text: String,
    /// Left, bottom, right, top, in points.
    bounds: [f64; 4],
    /// A character of it is not seen on the page.
    hidden: bool,
}

/// The whole text, and its words: what stands between white space. PDFium puts in the spaces and line ends that a
/// page shows but does not contain.
fn split(glyphs: &[Glyph], seen: &[bool]) -> (String, Vec<Span>) {
    let mut text = String::new();
    let mut words: Vec<Span> = Vec::new();
    let mut within = false;
    for (at, glyph) in glyphs.iter().enumerate() {
        let Some(char) = glyph.char.and_then(plain) else {
            continue;
        };
        text.push(char);
        if char.is_whitespace() {
            within = false;
            continue;
        }
        if !within {
            words.push(Span {
                text: String::new(),
                bounds: glyph.bounds,
                hidden: false,
            });
            within = true;
        }
        if let Some(word) = words.last_mut() {
            word.text.push(char);
            word.bounds = union(word.bounds, glyph.bounds);
            word.hidden |= seen.get(at) == Some(&false);
        }
    }
    (text, words)
}

/// A character as answers contain it. Control characters could end a page of `text/plain` or control a terminal, so
/// they become spaces. Invisible signs that reverse the order of the text behind them are removed, because the page
/// does not show their effect.
pub(in crate::worker) fn plain(c: char) -> Option<char> {
    match c {
        // PDFium's signs for a hyphen at a line's end.
        '\u{2}' | '\u{fffe}' => Some('-'),
        '\n' | '\t' => Some(c),
        // PDFium ends a line with both.
        '\r' => None,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => None,
        c if c.is_control() => Some(' '),
        c => Some(c),
    }
}

fn union(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
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

    #[test]
    fn removes_shadows_and_no_double_letters() {
        let glyph = |char, left: f64, object| Glyph {
            char: Some(char),
            bounds: [left, 0.0, left + 5.0, 8.0],
            generated: false,
            unmapped: false,
            invisible: false,
            font: 0,
            object,
        };
        for (glyphs, wanted) in [
            (vec![glyph('t', 0.0, 1), glyph('t', 1.0, 2)], "t"),
            (vec![glyph('t', 0.0, 1), glyph('t', 4.5, 2)], "tt"),
            (vec![glyph('t', 0.0, 1), glyph('t', 1.0, 1)], "tt"),
            (vec![glyph('t', 0.0, 1), glyph('l', 1.0, 2)], "tl"),
        ] {
            let mut glyphs = glyphs;
            drop_shadows(&mut glyphs);
            let left: String = glyphs.iter().filter_map(|glyph| glyph.char).collect();
            assert_eq!(left, wanted);
        }
    }

    #[test]
    fn removes_cropped_characters() {
        let glyph = |char, y, generated| Glyph {
            char: Some(char),
            bounds: [1.0, y, 2.0, y + 5.0],
            generated,
            unmapped: false,
            invisible: false,
            font: 0,
            object: 0,
        };
        let mut glyphs = vec![
            glyph('a', 100.0, false),
            glyph('\n', 0.0, true),
            glyph('b', 50.0, false),
            glyph('\n', 0.0, true),
        ];
        keep_seen(&mut glyphs, Some([0.0, 0.0, 80.0, 90.0]));
        let left: String = glyphs.iter().filter_map(|glyph| glyph.char).collect();
        assert_eq!(left, "b\n");
        keep_seen(&mut glyphs, None);
        assert_eq!(glyphs.len(), 2);
    }

    #[test]
    fn keeps_words_apart_when_characters_are_removed() {
        for (text, wanted) in [
            ("a H b", "a b"),
            ("H b", "b"),
            ("a H\r\nb", "a \r\nb"),
            ("a\r\nH\r\nb", "a\r\nb"),
            ("aHb", "ab"),
            ("aH b", "a b"),
            ("a  b", "a  b"),
        ] {
            let glyph = |char: char| Glyph {
                char: Some(char),
                bounds: [0.0, 0.0, 5.0, 5.0],
                generated: char.is_whitespace(),
                unmapped: false,
                invisible: false,
                font: 0,
                object: 0,
            };
            let mut glyphs: Vec<Glyph> = text.chars().map(glyph).collect();
            keep(&mut glyphs, |_, glyph| glyph.char != Some('H'));
            let left: String = glyphs.iter().filter_map(|glyph| glyph.char).collect();
            assert_eq!(left, wanted, "{text:?}");
        }
    }

    #[test]
    fn splits_words_at_white_space_with_boxes_around_all_letters() {
        let glyphs: Vec<Glyph> = "ab c\r\nd\u{2}"
            .chars()
            .zip(0u8..)
            .map(|(char, at)| Glyph {
                char: Some(char),
                bounds: [f64::from(at), 0.0, f64::from(at) + 1.0, 5.0],
                generated: char.is_whitespace(),
                unmapped: false,
                invisible: false,
                font: 0,
                object: 0,
            })
            .collect();
        let (text, words) = split(&glyphs, &[]);
        assert_eq!(text, "ab c\nd-");
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["ab", "c", "d-"]);
        assert_eq!(words[0].bounds, [0.0, 0.0, 2.0, 5.0]);
        assert_eq!(words[2].bounds, [6.0, 0.0, 8.0, 5.0]);
        assert!(words.iter().all(|word| !word.hidden));
        let mut seen = [true; 8];
        seen[1] = false;
        let hidden: Vec<bool> = split(&glyphs, &seen)
            .1
            .iter()
            .map(|word| word.hidden)
            .collect();
        assert_eq!(hidden, [true, false, false]);
    }

    #[test]
    fn replaces_control_characters_and_removes_reversing_signs() {
        let glyphs: Vec<Glyph> = "a\u{c}b\u{1b}[2J\u{9b}c\u{7f}d\u{202e}e\u{2066}f\u{200f}"
            .chars()
            .map(|char| Glyph {
                char: Some(char),
                bounds: [0.0; 4],
                generated: false,
                unmapped: false,
                invisible: false,
                font: 0,
                object: 0,
            })
            .collect();
        let (text, words) = split(&glyphs, &[]);
        assert_eq!(text, "a b [2J c def\u{200f}");
        assert_eq!(words.len(), 5);
    }
}
