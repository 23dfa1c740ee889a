//! Parts of a line that the fast recognizer may have misread.

use std::ops::Range;

use crate::decode::Glyph;

/// Confidence of a character below which its word is read again.
const DOUBTFUL: f32 = 0.9;

/// Doubtful words of a line, one after the other.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Span {
    pub(crate) glyphs: Range<usize>,
    /// Its edges, in the middle of the spaces around it, as shares of the line's width.
    pub(crate) from: f32,
    pub(crate) to: f32,
}

impl Span {
    pub(crate) fn width(&self) -> f32 {
        self.to - self.from
    }

    /// Its first column in a picture of the line, and the one behind it.
    pub(crate) fn columns(&self, width: u32) -> (u32, u32) {
        let column = |share: f32| ((share * width as f32).round() as u32).min(width);
        let left = column(self.from).min(width - 1);
        (left, column(self.to).max(left + 1))
    }
}

/// Words with a doubtful character, or beside a space with less than this confidence, neighbours together.
pub(crate) fn spans(glyphs: &[Glyph], least_space: f32) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let mut start = 0;
    for word in glyphs.split(|glyph| glyph.text == " ") {
        let range = start..start + word.len();
        start = range.end + 1;
        // A doubtful space may be none, or hide a letter.
        let spaces = [range.start.checked_sub(1), Some(range.end)];
        let mut spaces = spaces.into_iter().flatten().filter_map(|at| glyphs.get(at));
        let is_clear = spaces.all(|space| space.confidence >= least_space);
        if is_clear && !word.iter().any(is_doubtful) {
            continue;
        }
        let space = |at: Option<usize>| at.and_then(|at| glyphs.get(at)).map(|glyph| glyph.at);
        let from = space(range.start.checked_sub(1)).unwrap_or(0.0);
        let to = space(Some(range.end)).unwrap_or(1.0);
        match spans.last_mut() {
            Some(last) if last.glyphs.end + 1 == range.start => {
                last.glyphs.end = range.end;
                last.to = to;
            }
            _ => spans.push(Span {
                glyphs: range,
                from,
                to,
            }),
        }
    }
    spans
}

/// The confidence does not show an accent that was missed beside others, or a letter that the fast recognizer does not know.
fn is_doubtful(glyph: &Glyph) -> bool {
    glyph.confidence < DOUBTFUL || !glyph.text.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, doubtful: &[usize]) -> Vec<Glyph> {
        let count = text.chars().count() as f32;
        let glyph = |(at, c): (usize, char)| Glyph {
            text: c.to_string(),
            confidence: if doubtful.contains(&at) { 0.5 } else { 0.99 },
            at: at as f32 / count,
            space_before: 0.0,
        };
        text.chars().enumerate().map(glyph).collect()
    }

    #[test]
    fn joins_doubtful_neighbours_and_cuts_at_spaces() {
        let glyphs = line("ab cd ef gh ü", &[4, 7]);
        let found = spans(&glyphs, 0.9);
        let ranges: Vec<_> = found.iter().map(|span| span.glyphs.clone()).collect();
        assert_eq!(ranges, [3..8, 12..13]);
        assert_eq!((found[0].from, found[0].to), (2.0 / 13.0, 8.0 / 13.0));
        assert_eq!(found[1].to, 1.0);
        assert_eq!(found[1].columns(130), (110, 130));
        assert!(spans(&line("ab cd", &[]), 0.9).is_empty());
        let doubtful_space = line("ab cd ef", &[2]);
        assert_eq!(spans(&doubtful_space, 0.9)[0].glyphs, 0..5);
        assert!(spans(&doubtful_space, 0.5).is_empty());
    }
}
