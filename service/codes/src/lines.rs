//! A page's words in lines and paragraphs, by the line breaks of its text.

use std::ops::Range;

use ocr_api::answer::Page;

/// Most bytes of white space before a word in the page's text.
const NEAR: usize = 64;

/// Separator before a word in its page's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Before {
    Space,
    LineBreak,
    /// A line break and an empty line.
    Paragraph,
}

/// The separator before each word of the page. A word that is not in the text counts as separated by a space.
pub fn before_words(page: &Page) -> Vec<Before> {
    let mut rest = page.text.as_str();
    let of_word = |text: &String| {
        // The word is close by. A search to the page's end for each word could be made to take long.
        let mut near = rest.len().min(text.len() + NEAR);
        while !rest.is_char_boundary(near) {
            near -= 1;
        }
        let at = rest[..near].find(text.as_str());
        let before = at.and_then(|at| rest.get(..at)).unwrap_or_default();
        if let Some(at) = at {
            rest = &rest[at + text.len()..];
        }
        match before.bytes().filter(|byte| *byte == b'\n').count() {
            0 => Before::Space,
            1 => Before::LineBreak,
            _ => Before::Paragraph,
        }
    };
    page.words
        .iter()
        .map(|word| &word.text)
        .map(of_word)
        .collect()
}

/// Paragraphs of a page. Each consists of lines, and each line is a range of `page.words`. No line is empty.
pub fn paragraphs(page: &Page) -> Vec<Vec<Range<usize>>> {
    let mut paragraphs: Vec<Vec<Range<usize>>> = Vec::new();
    for (at, before) in before_words(page).into_iter().enumerate() {
        let last = paragraphs.last_mut();
        match (last, before) {
            (Some(lines), Before::Space) => {
                if let Some(line) = lines.last_mut() {
                    line.end = at + 1;
                }
            }
            (Some(lines), Before::LineBreak) => lines.push(line(at)),
            (None, _) | (_, Before::Paragraph) => paragraphs.push(Vec::from_iter([line(at)])),
        }
    }
    paragraphs
}

fn line(at: usize) -> Range<usize> {
    at..at + 1
}

/// The box around all of these boxes: left, top, right, bottom.
pub fn union(boxes: impl IntoIterator<Item = [i32; 4]>) -> [i32; 4] {
    boxes
        .into_iter()
        .reduce(|a, b| {
            [
                a[0].min(b[0]),
                a[1].min(b[1]),
                a[2].max(b[2]),
                a[3].max(b[3]),
            ]
        })
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocr_api::answer::{PageStatus, Word};

    fn page(text: &str, words: &[&str]) -> Page {
        let word = |text: &&str| Word {
            text: (*text).into(),
            confidence: 90.0,
            bounds: [0, 0, 1, 1],
            hidden: false,
        };
        Page {
            page: 1,
            status: PageStatus::Ok,
            method: None,
            engine: None,
            width: None,
            height: None,
            dpi: None,
            rotation: 0,
            confidence: None,
            text: text.into(),
            words: words.iter().map(word).collect(),
            ms: 0,
        }
    }

    #[test]
    fn groups_words_by_the_line_breaks_of_the_text() {
        let of = |text, words: &[&str]| -> Vec<Vec<(usize, usize)>> {
            let lines = |lines: Vec<Range<usize>>| {
                let ends = |line: &Range<usize>| (line.start, line.end);
                lines.iter().map(ends).collect()
            };
            let paragraphs = paragraphs(&page(text, words));
            paragraphs.into_iter().map(lines).collect()
        };
        assert_eq!(
            of("\n a b\nc\n\nd a\n", &["a", "b", "c", "d", "a"]),
            [vec![(0, 2), (2, 3)], vec![(3, 5)]]
        );
        // A word that is not in the text stays on its line.
        assert_eq!(of("a c\nd", &["a", "x", "c", "d"]), [vec![(0, 3), (3, 4)]]);
        assert_eq!(of("", &["a", "b"]), [vec![(0, 2)]]);
        assert!(of("a", &[]).is_empty());
    }
}
