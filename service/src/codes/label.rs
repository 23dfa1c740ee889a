//! Labels: the words that say what a number is.

use super::flow::Flow;

/// Words before a number in which its label is looked for.
const REACH: usize = 6;
/// What may stand between a label and its number. Any other word says that the number is something else's.
const FILLERS: [&str; 20] = [
    "no", "nr", "num", "number", "nummer", "code", "id", "is", "ist", "lautet", "der", "the", "of",
    "reg", "8", "10", "12", "13", "14", "18",
];
/// A table's heading may stand this many times its height above.
const COLUMN: i32 = 60;
/// Headings that are looked at: a page is not trusted to have few.
const MOST_HEADINGS: usize = 200;

/// The labels of one type on one page.
#[derive(Debug)]
pub(super) struct Labels<'a> {
    flow: &'a Flow<'a>,
    /// In lower case, word by word.
    labels: Vec<Vec<&'a str>>,
    /// Boxes of words that are labels, or have one in them.
    headings: Vec<[i32; 4]>,
    /// Whether there is one at all.
    any: bool,
}

impl<'a> Labels<'a> {
    pub(super) fn of(flow: &'a Flow<'a>, labels: &'a [&'a str]) -> Self {
        let is_label = |at: &usize| labels.contains(&flow.lower[*at].as_str());
        let bounds = |at: usize| {
            let token = flow.tokens[at];
            let word = flow.words_of(token.start, token.end).first();
            word.map(|word| word.bounds)
        };
        let headings = (0..flow.tokens.len()).filter(is_label).filter_map(bounds);
        let headings = headings.take(MOST_HEADINGS).collect();
        let labels: Vec<Vec<&str>> = labels
            .iter()
            .map(|label| label.split(' ').collect())
            .collect();
        let stands = |label: &Vec<&str>| {
            flow.lower
                .windows(label.len())
                .any(|words| words.iter().zip(label).all(|(a, b)| a == b))
        };
        Self {
            flow,
            any: labels.iter().any(stands),
            labels,
            headings,
        }
    }

    /// Whether a label stands anywhere on the page.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// Whether a label stands right before a token, with nothing but fillers between, or heads the column that the
    /// token stands in.
    pub(super) fn reach(&self, token: usize) -> bool {
        self.stand_before(token) || self.head_column(token)
    }

    fn head_column(&self, token: usize) -> bool {
        let here = self.flow.tokens[token];
        let [left, top, right, bottom] = match self.flow.words_of(here.start, here.end) {
            [word, ..] => word.bounds,
            [] => return false,
        };
        let height = bottom.saturating_sub(top).clamp(1, 10_000);
        self.headings.iter().any(|&[l, t, r, b]| {
            let near = top.saturating_sub(t) < COLUMN * height;
            b <= top && near && l < right && left < r
        })
    }

    /// Whether a label ends right before a token, but for fillers.
    fn stand_before(&self, token: usize) -> bool {
        let before = &self.flow.lower[token.saturating_sub(REACH)..token];
        let ends = |head: &[String], label: &[&str]| {
            let start = head.len().checked_sub(label.len());
            start.is_some_and(|start| head[start..].iter().zip(label).all(|(a, b)| a == b))
        };
        for end in (1..=before.len()).rev() {
            if self.labels.iter().any(|label| ends(&before[..end], label)) {
                return true;
            }
            if !FILLERS.contains(&before[end - 1].as_str()) {
                return false;
            }
        }
        false
    }
}
