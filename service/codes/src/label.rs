//! Labels: words that state the meaning of a number.

use super::flow::{Flow, folded};

/// Words before a number among which its label is searched for.
const REACH: usize = 6;
/// Words allowed between a label and its number. Any other word means that the number has another meaning.
const FILLERS: [&str; 26] = [
    "no", "nr", "num", "number", "nummer", "numéro", "numero", "número", "numer", "n", "nº",
    "code", "id", "is", "ist", "lautet", "der", "the", "of", "reg", "8", "10", "12", "13", "14",
    "18",
];
/// Largest distance of a table's heading above a number, as a multiple of the heading's height.
const COLUMN: i32 = 60;
/// Most headings that are considered. A page is not trusted to have few.
const MOST_HEADINGS: usize = 200;

/// Labels of one type on one page.
#[derive(Debug)]
pub(super) struct Labels<'a> {
    flow: &'a Flow<'a>,
    /// Labels as folded words.
    labels: Vec<Vec<String>>,
    /// Boxes of labels that may head a column, and the bottom end of that column.
    headings: Vec<([i32; 4], i32)>,
    /// True if there is any label.
    any: bool,
}

impl<'a> Labels<'a> {
    pub(super) fn of(flow: &'a Flow<'a>, labels: &[&str]) -> Self {
        let labels: Vec<Vec<String>> = labels
            .iter()
            .map(|label| label.split(' ').map(folded).collect())
            .collect();
        let mut any = false;
        let headings = (0..flow.tokens.len()).filter_map(|first| {
            let is_here = |label: &&Vec<String>| flow.folded[first..].starts_with(label);
            let longest = labels.iter().filter(is_here).map(Vec::len).max()?;
            any = true;
            let last = first + longest - 1;
            (heads(flow, last) && !in_sentence(flow, first, last))
                .then(|| flow.around(flow.tokens[first].start, flow.tokens[last].end))
        });
        let headings = headings
            .take(MOST_HEADINGS)
            .map(|bounds| (bounds, foot(flow, bounds)))
            .collect();
        Self {
            flow,
            any,
            labels,
            headings,
        }
    }

    /// True if there is a label anywhere on the page.
    pub(super) fn any(&self) -> bool {
        self.any
    }

    /// True if a label is right before a token, with only fillers between them, or heads the token's column.
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
        if has_own_word(self.flow, token) {
            return false;
        }
        self.headings.iter().any(|&([l, t, r, b], foot)| {
            let near = top.saturating_sub(t) < COLUMN * height && top < foot;
            // If a word touches a frame, its box is too high.
            t.midpoint(b) <= top && near && l < right && left < r
        })
    }

    /// True if a label ends right before a token, apart from fillers.
    fn stand_before(&self, token: usize) -> bool {
        let start = token.saturating_sub(REACH);
        let (before, plain) = (
            &self.flow.folded[start..token],
            &self.flow.lower[start..token],
        );
        let ends = |head: &[String], label: &[String]| {
            let start = head.len().checked_sub(label.len());
            start.is_some_and(|start| {
                let words = &head[start..];
                words == label || self.flow.recognized && nearly(words, label)
            })
        };
        for end in (1..=before.len()).rev() {
            // An application identifier is in parentheses. Without them, it is just a number.
            let number = plain[end - 1].bytes().all(|byte| byte.is_ascii_digit());
            let closed = self.flow.between(start + end - 1).first() == Some(&')');
            let is_here = |label: &Vec<String>| {
                ends(&before[..end], label) && (label.len() > 1 || !number || closed)
            };
            if self.labels.iter().any(is_here) {
                return true;
            }
            if !FILLERS.contains(&plain[end - 1].as_str()) {
                return false;
            }
        }
        false
    }
}

/// True if the first of `words` match a label, with one wrong character allowed in a long label. Short labels must
/// match exactly, because a few letters make another word: "our order" is not "your order".
pub(super) fn nearly(words: &[String], label: &[impl AsRef<str>]) -> bool {
    const LONG: usize = 6;
    let mut differing = words.iter().zip(label).filter(|(a, b)| *a != b.as_ref());
    let (Some((a, b)), None) = (differing.next(), differing.next()) else {
        return false;
    };
    let b = b.as_ref();
    words.len() >= label.len() && b.len() >= LONG && one_apart(a, b)
}

/// True if the words differ by one added, lost or exchanged character.
fn one_apart(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let head = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[head..], &b[head..]);
    let tail = a.iter().rev().zip(b.iter().rev());
    let tail = tail.take_while(|(a, b)| a == b).count();
    let at_most_one = |rest: &[u8]| match rest {
        [] | [_] => true,
        // Exchanged letters of more than one byte may share the first byte.
        [first, rest @ ..] => *first >= 0xc0 && rest.iter().all(|byte| *byte & 0xc0 == 0x80),
    };
    at_most_one(&a[..a.len() - tail]) && at_most_one(&b[..b.len() - tail])
}

/// True if a word is right before a number, in the same line and cell. That word states the number's meaning.
pub(super) fn has_own_word(flow: &Flow<'_>, token: usize) -> bool {
    let Some(before) = token.checked_sub(1) else {
        return false;
    };
    let (word, here) = (flow.tokens[before], flow.tokens[token]);
    let chars = flow.chars(word);
    let is_word = chars.len() > 1 && chars.iter().all(|c| c.is_alphabetic());
    // The line between two cells is read as a bar.
    let is_border = |c: &char| matches!(c, '\n' | '\t' | '|' | '¦');
    let (left, right) = (
        flow.around(word.start, word.end),
        flow.around(here.start, here.end),
    );
    let gap = right[0].saturating_sub(left[2]);
    let height = right[3].saturating_sub(right[1]);
    is_word && !flow.between(before).iter().any(is_border) && gap <= height
}

/// Bottom end of a heading's column: the next word in it, which heads the part below.
fn foot(flow: &Flow<'_>, [left, top, right, bottom]: [i32; 4]) -> i32 {
    let height = bottom.saturating_sub(top);
    let words = flow.words.iter().enumerate().filter(|(at, word)| {
        let [l, t, r, _] = word.bounds;
        // A heading may have a second line.
        t > bottom.saturating_add(height) && l < right && left < r && says_something(flow, *at)
    });
    let tops = words.map(|(_, word)| word.bounds[1]);
    tops.min().unwrap_or(i32::MAX)
}

/// True for a word of a language, as opposed to noise or a group of letters within a code.
fn says_something(flow: &Flow<'_>, at: usize) -> bool {
    const LEAST_CONFIDENCE: f32 = 60.0;
    let word = &flow.words[at];
    let is_of_code = |text: &str| text.contains(|c: char| c.is_ascii_digit());
    let beside = |other: Option<usize>| {
        let other = other.and_then(|at| flow.words.get(at));
        other.is_some_and(|other| {
            let middle = word.bounds[1].midpoint(word.bounds[3]);
            (other.bounds[1]..other.bounds[3]).contains(&middle) && is_of_code(&other.text)
        })
    };
    let text = word.text.trim_end_matches([':', '.']);
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    letters >= 3
        && letters == text.chars().count()
        && word.confidence >= LEAST_CONFIDENCE
        && (text.contains(char::is_lowercase)
            || !beside(at.checked_sub(1)) && !beside(Some(at + 1)))
}

/// True if a text consists of one of these labels, with fillers behind it or not.
pub(super) fn is_label(flow: &Flow<'_>, labels: &[&str]) -> bool {
    labels.iter().any(|label| {
        let label: Vec<String> = label.split(' ').map(folded).collect();
        let filler = |word: &String| FILLERS.contains(&word.as_str());
        flow.folded.starts_with(&label) && flow.lower[label.len()..].iter().all(filler)
    })
}

/// True if a label that ends at a token can head a column. A label with its own number beside it can't.
fn heads(flow: &Flow<'_>, last: usize) -> bool {
    let next = flow.tokens.get(last + 1);
    let number = next.is_some_and(|next| flow.chars(*next).iter().any(char::is_ascii_digit));
    !number || matches!(flow.between(last), ['\n' | '\t'])
}

/// True if the words around a label form a sentence, which heads nothing: several words in lower case.
fn in_sentence(flow: &Flow<'_>, first: usize, last: usize) -> bool {
    const FEWEST: usize = 3;
    let ends = |token: usize| flow.between(token).iter().any(|c| matches!(c, '\n' | '\t'));
    let small = |token: &usize| {
        let chars = flow.chars(flow.tokens[*token]);
        let all = chars.iter().all(|c| c.is_lowercase());
        all && !FILLERS.contains(&flow.lower[*token].as_str())
    };
    let behind = (last..flow.tokens.len() - 1)
        .take(2 * REACH)
        .take_while(|token| !ends(*token))
        .map(|token| token + 1);
    let before = (0..first)
        .rev()
        .take(2 * REACH)
        .take_while(|token| !ends(*token));
    before.chain(behind).filter(small).count() >= FEWEST
}
