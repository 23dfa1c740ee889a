//! Merges text of a page's layer with text that was recognized beside it, into one page in reading order.

use ocr_api::answer::{Method, Page, PageStatus, Word};
use ocr_codes::lines;

use super::page::answer::mean_confidence;

/// Least confidence of a recognized line. Below it, a picture or a pattern was taken for text. Short lines need a
/// higher one.
pub(super) const CONFIDENT: f32 = 60.0;
const CONFIDENT_IF_SHORT: f32 = 80.0;
const SHORT: usize = 4;
/// Fewest letters and digits of a line.
const FEWEST: usize = 2;
/// Least confidence of a word in a line that is kept, and of a short one in capitals, digits or signs at its ends. Ticks,
/// bullets and parts of a frame are taken for such words: of those in 34 pages of public PDFs, nearly all below are marks.
const CONFIDENT_WORD: f32 = 25.0;
const CONFIDENT_AT_END: f32 = 75.0;
const SHORT_WORD: usize = 2;
/// Least vertical overlap of two parts of one line, as a share of the lower one's height.
const SHARED: f64 = 0.6;
/// Largest distance between two parts of one line, in heights.
const APART: i32 = 3;
/// Highest confidence of recognized words. Only words of a layer have 100.
const MOST_CONFIDENT: f32 = 99.9;
/// Largest overlap of neighbouring words, in pixels.
const OVERLAP: i32 = 3;

/// The page with its recognized lines inserted at their places. Lines without enough confidence are left out.
pub(super) fn merge(layer: Page, recognized: &Page) -> Page {
    let found: Vec<Line> = lines::paragraphs(recognized)
        .into_iter()
        .flatten()
        .filter_map(|line| Line::recognized(&recognized.words[line])?.without(&layer.words))
        .collect();
    if found.is_empty() {
        return layer;
    }
    let has_layer = !layer.words.is_empty();
    let mut lines = of_layer(&layer);
    for line in found {
        put(&mut lines, line);
    }
    let texts: Vec<&str> = lines.iter().map(|line| line.text.as_str()).collect();
    let text = format!("{}\n", texts.join("\n"));
    let words: Vec<Word> = lines.into_iter().flat_map(|line| line.words).collect();
    Page {
        status: PageStatus::Ok,
        method: Some(if has_layer {
            Method::Mixed
        } else {
            Method::Ocr
        }),
        confidence: mean_confidence(&words),
        text,
        words,
        ..layer
    }
}

/// A line of a page. Blank lines have no words.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    text: String,
    words: Vec<Word>,
}

impl Line {
    /// A recognized line. Returns `None` if it is not certain to be text.
    fn recognized(words: &[Word]) -> Option<Self> {
        let letters = |word: &Word| word.text.chars().filter(|c| c.is_alphanumeric()).count();
        let words: Vec<Word> = words
            .iter()
            .filter(|word| word.confidence >= CONFIDENT_WORD)
            .map(|word| Word {
                confidence: word.confidence.min(MOST_CONFIDENT),
                ..word.clone()
            })
            .collect();
        let is_mark = |word: &Word| {
            let may_be = |c: char| c.is_ascii() && !c.is_ascii_lowercase();
            letters(word) <= SHORT_WORD
                && word.confidence < CONFIDENT_AT_END
                && word.text.chars().all(may_be)
        };
        let first = words.iter().position(|word| !is_mark(word))?;
        let last = words.iter().rposition(|word| !is_mark(word))?;
        let words = words[first..=last].to_vec();
        let count: usize = words.iter().map(letters).sum();
        let sum: f32 = words
            .iter()
            .map(|word| word.confidence * letters(word) as f32)
            .sum();
        let least = if count < SHORT {
            CONFIDENT_IF_SHORT
        } else {
            CONFIDENT
        };
        (count >= FEWEST && sum / count as f32 >= least).then(|| Self {
            text: joined(&words),
            words,
        })
    }

    /// The line without words that are known. A filling may draw the same letters again.
    fn without(mut self, known: &[Word]) -> Option<Self> {
        let count = self.words.len();
        self.words
            .retain(|word| !known.iter().any(|other| is_same(word, other)));
        if self.words.len() < count {
            self.text = joined(&self.words);
        }
        (!self.words.is_empty()).then_some(self)
    }

    fn bounds(&self) -> Option<[i32; 4]> {
        (!self.words.is_empty()).then(|| lines::union(self.words.iter().map(|word| word.bounds)))
    }
}

/// True if two words have the same text at the same place.
pub(super) fn is_same(one: &Word, other: &Word) -> bool {
    let is_within = |word: &Word, [left, top, right, bottom]: [i32; 4]| {
        let [a, b, c, d] = word.bounds;
        (left..right).contains(&i32::midpoint(a, c)) && (top..bottom).contains(&i32::midpoint(b, d))
    };
    one.text == other.text && is_within(one, other.bounds) && is_within(other, one.bounds)
}

fn joined(words: &[Word]) -> String {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    texts.join(" ")
}

/// Lines of a text layer. Its words are separated by white space.
fn of_layer(page: &Page) -> Vec<Line> {
    let mut words = page.words.iter();
    page.text
        .lines()
        .map(|text| Line {
            text: text.to_owned(),
            words: words
                .by_ref()
                .take(text.split_whitespace().count())
                .cloned()
                .collect(),
        })
        .collect()
}

/// Inserts a line at its place: into the line that it belongs to, or between the lines above and below it.
fn put(lines: &mut Vec<Line>, new: Line) {
    let Some(bounds) = new.bounds() else {
        return;
    };
    if let Some((at, word)) = lines
        .iter()
        .enumerate()
        .find_map(|(at, line)| Some((at, gap_in(line, bounds)?)))
    {
        let line = &mut lines[at];
        line.text = if word == line.words.len() {
            format!("{} {}", line.text.trim_end(), new.text)
        } else if word == 0 {
            format!("{} {}", new.text, line.text.trim_start())
        } else {
            let (before, after) = line.words.split_at(word);
            [joined(before), new.text, joined(after)].join(" ")
        };
        line.words.splice(word..word, new.words);
        return;
    }
    lines.insert(place(lines, bounds), new);
}

/// Index of the word of a line before which there is room for a part. Returns `None` if the part belongs elsewhere.
fn gap_in(line: &Line, [left, top, right, bottom]: [i32; 4]) -> Option<usize> {
    let of_line = line.bounds()?;
    let (own, other) = (bottom - top, of_line[3] - of_line[1]);
    let shared = bottom.min(of_line[3]) - top.max(of_line[1]);
    if f64::from(shared) < f64::from(own.min(other)) * SHARED || own.max(other) > 2 * own.min(other)
    {
        return None;
    }
    let word = line
        .words
        .iter()
        .position(|word| word.bounds[2] > left + OVERLAP)
        .unwrap_or(line.words.len());
    let near = own.max(other) * APART;
    let before = word.checked_sub(1).map(|at| line.words[at].bounds[2]);
    let after = line.words.get(word).map(|word| word.bounds[0]);
    let free = after.is_none_or(|after| right <= after + OVERLAP);
    let close = before.is_some_and(|before| left - before <= near)
        || after.is_some_and(|after| after - right <= near);
    (free && close).then_some(word)
}

/// Index in the list of lines for a line with these bounds.
fn place(lines: &[Line], [left, top, right, bottom]: [i32; 4]) -> usize {
    let middle = i32::midpoint(top, bottom);
    let of_lines = lines.iter().enumerate();
    let boxes: Vec<(usize, [i32; 4])> = of_lines
        .filter_map(|(at, line)| Some((at, line.bounds()?)))
        .collect();
    let height = |bounds: &[i32; 4]| i32::midpoint(bounds[1], bounds[3]);
    let over = |bounds: &[i32; 4]| bounds[0] < right && left < bounds[2];
    let above = boxes.iter().filter(|(_, bounds)| height(bounds) <= middle);
    let below = boxes.iter().filter(|(_, bounds)| height(bounds) > middle);
    let nearest_above = above.clone().filter(|(_, bounds)| over(bounds));
    let nearest_below = below.clone().filter(|(_, bounds)| over(bounds));
    if let Some((at, _)) = nearest_above.max_by_key(|(_, bounds)| height(bounds)) {
        at + 1
    } else if let Some((at, _)) = nearest_below.min_by_key(|(_, bounds)| height(bounds)) {
        *at
    } else if let Some((at, _)) = above.max_by_key(|(_, bounds)| height(bounds)) {
        at + 1
    } else {
        below
            .min_by_key(|(_, bounds)| height(bounds))
            .map_or(0, |(at, _)| *at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A word with 10 pixels per letter and 20 pixels high.
    fn word(text: &str, left: i32, top: i32, confidence: f32) -> Word {
        let width = 10 * i32::try_from(text.len()).unwrap();
        Word {
            text: text.into(),
            confidence,
            bounds: [left, top, left + width, top + 20],
            hidden: false,
        }
    }

    fn page(text: &str, words: Vec<Word>) -> Page {
        Page {
            page: 1,
            status: if words.is_empty() {
                PageStatus::Empty
            } else {
                PageStatus::Ok
            },
            method: Some(Method::Text),
            engine: None,
            width: Some(1000),
            height: Some(1000),
            dpi: Some(300),
            rotation: 0,
            confidence: mean_confidence(&words),
            text: text.into(),
            words,
            ms: 0,
        }
    }

    fn layer() -> Page {
        let words = vec![
            word("Total", 100, 100, 100.0),
            word("EUR", 300, 100, 100.0),
            word("Thanks", 100, 300, 100.0),
        ];
        page("Total  EUR\n\nThanks\n", words)
    }

    fn merged(recognized: &[(&str, i32, i32)]) -> Page {
        let words = recognized
            .iter()
            .map(|(text, left, top)| word(text, *left, *top, 90.0));
        let text: Vec<&str> = recognized.iter().map(|(text, ..)| *text).collect();
        merge(layer(), &page(&text.join("\n"), words.collect()))
    }

    #[test]
    fn inserts_lines_at_their_places() {
        for (found, wanted) in [
            (("Head", 100, 10), "Head\nTotal  EUR\n\nThanks\n"),
            (("Between", 100, 200), "Total  EUR\nBetween\n\nThanks\n"),
            (("Foot", 100, 900), "Total  EUR\n\nThanks\nFoot\n"),
            (("12.50", 180, 102), "Total 12.50 EUR\n\nThanks\n"),
            (("12.50", 360, 102), "Total  EUR 12.50\n\nThanks\n"),
            (("The", 50, 102), "The Total  EUR\n\nThanks\n"),
        ] {
            let page = merged(&[found]);
            assert_eq!(page.text, wanted);
            assert_eq!(page.method, Some(Method::Mixed));
            let words: Vec<&str> = page.words.iter().map(|word| word.text.as_str()).collect();
            assert_eq!(words, page.text.split_whitespace().collect::<Vec<_>>());
        }
    }

    #[test]
    fn keeps_lines_of_a_block_together() {
        let page = merged(&[
            ("First", 400, 180),
            ("Second", 400, 210),
            ("Third", 400, 240),
        ]);
        assert_eq!(page.text, "Total  EUR\nFirst\nSecond\nThird\n\nThanks\n");
    }

    #[test]
    fn leaves_out_uncertain_lines() {
        for (text, confidence) in [("Hk", 70.0), ("Building", 40.0), ("~~", 99.0), ("x", 99.0)] {
            let found = page(text, vec![word(text, 100, 500, confidence)]);
            let merged = merge(layer(), &found);
            assert_eq!(
                (merged.text, merged.method),
                (layer().text, Some(Method::Text))
            );
        }
    }

    #[test]
    fn leaves_out_marks_at_the_ends_of_a_line() {
        let line = |left, right| {
            let words = [
                ("V", 0, left),
                ("is", 40, 60.0),
                ("APPROVED", 100, 93.0),
                ("|", 200, right),
            ];
            let words: Vec<Word> = words
                .map(|(text, at, confidence)| word(text, 100 + at, 500, confidence))
                .to_vec();
            Line::recognized(&words).unwrap().text
        };
        assert_eq!(line(62.0, 60.0), "is APPROVED");
        assert_eq!(line(95.0, 60.0), "V is APPROVED");
        assert_eq!(line(62.0, 90.0), "is APPROVED |");
    }

    #[test]
    fn words_of_the_layer_are_not_repeated() {
        assert_eq!(merged(&[("Total", 102, 101)]).text, layer().text);
        assert_eq!(
            merged(&[("Thanks", 400, 600)]).text,
            "Total  EUR\n\nThanks\nThanks\n"
        );
    }

    #[test]
    fn accepts_a_page_without_a_layer() {
        let found = page("Scanned", vec![word("Scanned", 100, 500, 95.0)]);
        let merged = merge(page("", Vec::new()), &found);
        assert_eq!(
            (merged.method, merged.status),
            (Some(Method::Ocr), PageStatus::Ok)
        );
        assert_eq!(merged.text, "Scanned\n");
    }
}
