//! A page's words as one flow of text in reading order, cut into tokens: runs of letters and digits.

use ocr_api::answer::{Page, Word};

use super::label::folded;

/// The flow. White space between words is one space, one `\n` where the page's text breaks the line, or one `\t` where
/// the gap is as wide as between the columns of a table: no number goes on behind it.
#[derive(Debug)]
pub(super) struct Flow<'a> {
    pub(super) words: &'a [Word],
    chars: Vec<char>,
    /// The word that each character belongs to; for white space, the word before.
    word_of: Vec<usize>,
    pub(super) tokens: Vec<Token>,
    /// Each token in lower case.
    pub(super) lower: Vec<String>,
    /// Each as labels are compared.
    pub(super) folded: Vec<String>,
}

/// A run of letters and digits: characters from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// Signs that glue what stands on both their sides into one longer run.
const GLUE: [char; 12] = ['-', '.', ',', '/', '_', '@', '+', '\\', '~', '&', '–', '\''];

/// Bytes of white space that may stand before a word in the page's text.
const NEAR: usize = 64;

impl<'a> Flow<'a> {
    pub(super) fn of(page: &'a Page) -> Self {
        let mut chars = Vec::new();
        let mut word_of = Vec::new();
        let mut rest = page.text.as_str();
        for (number, word) in page.words.iter().enumerate() {
            // Where a word is not found in the text, nothing is known of the line: a space does. It stands close by,
            // and a search to the page's end for each word could be made to take long.
            let mut near = rest.len().min(word.text.len() + NEAR);
            while !rest.is_char_boundary(near) {
                near -= 1;
            }
            let at = rest[..near].find(&word.text);
            let before = at.and_then(|at| rest.get(..at)).unwrap_or_default();
            if number > 0 {
                let apart = || is_column_gap(page.words[number - 1].bounds, word.bounds);
                chars.push(match before.contains('\n') {
                    true => '\n',
                    false if apart() => '\t',
                    false => ' ',
                });
                word_of.push(number - 1);
            }
            if let Some(at) = at {
                rest = &rest[at + word.text.len()..];
            }
            for c in word.text.chars() {
                chars.push(c);
                word_of.push(number);
            }
        }
        let tokens = tokens(&chars);
        let lower = |token: &Token| {
            let chars = &chars[token.start..token.end];
            chars.iter().flat_map(|c| c.to_lowercase()).collect()
        };
        let lower: Vec<String> = tokens.iter().map(lower).collect();
        Self {
            words: &page.words,
            folded: lower.iter().map(|word| folded(word)).collect(),
            lower,
            chars,
            word_of,
            tokens,
        }
    }

    /// Characters from `start` up to `end`, line ends as spaces.
    pub(super) fn raw(&self, start: usize, end: usize) -> String {
        let plain = |c: &char| if c.is_whitespace() { ' ' } else { *c };
        self.chars[start..end].iter().map(plain).collect()
    }

    pub(super) fn chars(&self, token: Token) -> &[char] {
        &self.chars[token.start..token.end]
    }

    /// What stands between a token and the next.
    pub(super) fn between(&self, token: usize) -> &[char] {
        let end = self.tokens[token].end;
        let start = self
            .tokens
            .get(token + 1)
            .map_or(self.chars.len(), |next| next.start);
        &self.chars[end..start]
    }

    /// The words that characters from `start` up to `end` belong to.
    pub(super) fn words_of(&self, start: usize, end: usize) -> &[Word] {
        match (self.word_of.get(start), self.word_of.get(end - 1)) {
            (Some(&first), Some(&last)) => &self.words[first..=last],
            _ => &[],
        }
    }

    /// Around the words that characters from `start` up to `end` belong to: left, top, right, bottom.
    pub(super) fn around(&self, start: usize, end: usize) -> [i32; 4] {
        let words = self.words_of(start, end);
        let edge = |at: usize, pick: fn(i32, i32) -> i32| {
            let sides = words.iter().map(|word| word.bounds[at]);
            sides.reduce(pick).unwrap_or_default()
        };
        [
            edge(0, i32::min),
            edge(1, i32::min),
            edge(2, i32::max),
            edge(3, i32::max),
        ]
    }

    /// Whether a token has no character glued to its left that would make it part of a longer run.
    pub(super) fn begins(&self, token: usize) -> bool {
        let start = self.tokens[token].start;
        let before = |back: usize| start.checked_sub(back).map(|at| self.chars[at]);
        match before(1) {
            Some(sign) if GLUE.contains(&sign) => !before(2).is_some_and(char::is_alphanumeric),
            _ => true,
        }
    }

    /// The same at a token's right.
    pub(super) fn ends(&self, token: usize) -> bool {
        let end = self.tokens[token].end;
        match self.chars.get(end) {
            Some(sign) if GLUE.contains(sign) => !self
                .chars
                .get(end + 1)
                .is_some_and(|next| next.is_alphanumeric()),
            _ => true,
        }
    }
}

/// Wider than people put between the groups of a number, in heights of its line.
const COLUMN_GAP: i64 = 3;

fn is_column_gap(left: [i32; 4], right: [i32; 4]) -> bool {
    let height = |bounds: [i32; 4]| i64::from(bounds[3]) - i64::from(bounds[1]);
    // A bar or a stroke of dirt has another height than its line.
    let line = height(left).max(height(right)).max(1);
    i64::from(right[0]) - i64::from(left[2]) > COLUMN_GAP * line
}

fn tokens(chars: &[char]) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (at, c) in chars.iter().enumerate() {
        if !c.is_alphanumeric() {
            continue;
        }
        match tokens.last_mut() {
            Some(last) if last.end == at => last.end = at + 1,
            _ => tokens.push(Token {
                start: at,
                end: at + 1,
            }),
        }
    }
    tokens
}
