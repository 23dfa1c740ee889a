//! A page's words as one text in reading order, cut into tokens, which are runs of letters and digits.

use ocr_api::answer::{Method, Page, Word};

use crate::lines::{self, Before};

/// The text. White space between words is one space, one `\n` at a line break of the page's text, or one `\t` if the
/// gap is as wide as between the columns of a table. No number continues behind a `\t`.
#[derive(Debug)]
pub(super) struct Flow<'a> {
    pub(super) words: &'a [Word],
    /// True if the page was read by OCR, which may misread characters.
    pub(super) recognized: bool,
    chars: Vec<char>,
    /// Index of the word that each character belongs to. White space belongs to the word before.
    word_of: Vec<usize>,
    pub(super) tokens: Vec<Token>,
    /// Each token in lower case.
    pub(super) lower: Vec<String>,
    /// Each token as it is compared with labels.
    pub(super) folded: Vec<String>,
}

/// A run of letters and digits: characters from `start` up to `end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The flow as a string.
#[derive(Debug)]
pub(super) struct FlowText {
    pub(super) text: String,
    /// Byte offset of each character.
    offsets: Vec<usize>,
}

impl FlowText {
    /// The character that begins at a byte offset.
    pub(super) fn char_at(&self, byte: usize) -> usize {
        self.offsets.partition_point(|offset| *offset < byte)
    }
}

/// Signs that join the runs on both sides into one longer run.
const GLUE: [char; 12] = ['-', '.', ',', '/', '_', '@', '+', '\\', '~', '&', '–', '\''];

/// Most words per page that are searched: ten pages of small print. The search time grows with them and has no limit of
/// its own.
const MOST_WORDS: usize = 40_000;

impl<'a> Flow<'a> {
    pub(super) fn of(page: &'a Page) -> Self {
        let mut chars = Vec::new();
        let mut word_of = Vec::new();
        let before_words = lines::before_words(page);
        let spelt = spelt_out(&page.words, &before_words);
        let words = page.words.iter().zip(before_words);
        for (number, (word, before)) in words.enumerate().take(MOST_WORDS) {
            if number > 0 && !spelt[number] {
                let apart = || is_column_gap(page.words[number - 1].bounds, word.bounds);
                chars.push(match before {
                    Before::Space if apart() => '\t',
                    Before::Space => ' ',
                    _ => '\n',
                });
                word_of.push(number - 1);
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
            recognized: matches!(page.method, Some(Method::Ocr | Method::Mixed)),
            folded: lower.iter().map(|word| folded(word)).collect(),
            lower,
            chars,
            word_of,
            tokens,
        }
    }

    /// Warning for a page that has more words than are searched.
    pub(super) fn warning(&self) -> Option<String> {
        (self.words.len() > MOST_WORDS)
            .then(|| format!("codes were searched for only in the first {MOST_WORDS} words."))
    }

    /// Characters from `start` up to `end`, with line breaks as spaces.
    pub(super) fn raw(&self, start: usize, end: usize) -> String {
        let plain = |c: &char| if c.is_whitespace() { ' ' } else { *c };
        self.chars[start..end].iter().map(plain).collect()
    }

    pub(super) fn chars(&self, token: Token) -> &[char] {
        &self.chars[token.start..token.end]
    }

    /// Characters between a token and the next one.
    pub(super) fn between(&self, token: usize) -> &[char] {
        let end = self.tokens[token].end;
        let start = self
            .tokens
            .get(token + 1)
            .map_or(self.chars.len(), |next| next.start);
        &self.chars[end..start]
    }

    /// Words that the characters from `start` up to `end` belong to.
    pub(super) fn words_of(&self, start: usize, end: usize) -> &[Word] {
        match (self.word_of.get(start), self.word_of.get(end - 1)) {
            (Some(&first), Some(&last)) => &self.words[first..=last],
            _ => &[],
        }
    }

    /// Box around the words of the characters from `start` up to `end`: left, top, right, bottom.
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

    /// Characters from `start` up to `end`, unchanged.
    pub(super) fn raw_chars(&self, start: usize, end: usize) -> &[char] {
        &self.chars[start..end]
    }

    /// All characters from `start` on.
    pub(super) fn chars_from(&self, start: usize) -> &[char] {
        self.chars.get(start..).unwrap_or_default()
    }

    /// Index of the word that a character belongs to.
    pub(super) fn word_at(&self, at: usize) -> usize {
        self.word_of.get(at).copied().unwrap_or_default()
    }

    /// First character of a word.
    pub(super) fn start_of(&self, word: usize) -> usize {
        let before = self.word_of.partition_point(|other| *other < word);
        // White space belongs to the word before it.
        before.min(self.chars.len())
    }

    /// The token that a character belongs to, or else the next one.
    pub(super) fn token_at(&self, at: usize) -> Option<usize> {
        let token = self.tokens.partition_point(|token| token.end <= at);
        (token < self.tokens.len()).then_some(token)
    }

    /// True if the characters from `start` up to `end` are not part of a longer run.
    pub(super) fn stands_alone(&self, start: usize, end: usize) -> bool {
        let alphanumeric = |at: Option<usize>| {
            at.and_then(|at| self.chars.get(at))
                .is_some_and(|c| c.is_alphanumeric())
        };
        let glue = |at: Option<usize>| {
            at.and_then(|at| self.chars.get(at))
                .is_some_and(|c| GLUE.contains(c))
        };
        let back = |by: usize| start.checked_sub(by);
        let on = |by: usize| Some(end + by);
        let left = alphanumeric(Some(start))
            && (alphanumeric(back(1)) || glue(back(1)) && alphanumeric(back(2)));
        let right = alphanumeric(end.checked_sub(1))
            && (alphanumeric(on(0)) || glue(on(0)) && alphanumeric(on(1)));
        start < end && !left && !right
    }

    /// The whole flow as a string, for patterns.
    pub(super) fn text(&self) -> FlowText {
        let mut text = String::with_capacity(self.chars.len());
        let offsets = self.chars.iter().map(|c| {
            let at = text.len();
            // Patterns need not distinguish columns from spaces.
            text.push(if *c == '\t' { ' ' } else { *c });
            at
        });
        let offsets = offsets.collect();
        FlowText { text, offsets }
    }

    /// True if no character to the left of a token joins it to a longer run.
    pub(super) fn begins(&self, token: usize) -> bool {
        let start = self.tokens[token].start;
        let before = |back: usize| start.checked_sub(back).map(|at| self.chars[at]);
        match before(1) {
            Some(sign) if GLUE.contains(&sign) => !before(2).is_some_and(char::is_alphanumeric),
            _ => true,
        }
    }

    /// The same for the right of a token.
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

/// Narrowest gap between columns, in line heights. It is wider than gaps between the groups of a number.
const COLUMN_GAP: i64 = 3;

fn is_column_gap(left: [i32; 4], right: [i32; 4]) -> bool {
    let height = |bounds: [i32; 4]| i64::from(bounds[3]) - i64::from(bounds[1]);
    // The height of a bar or a speck of dirt differs from that of its line.
    let line = height(left).max(height(right)).max(1);
    i64::from(right[0]) - i64::from(left[2]) > COLUMN_GAP * line
}

/// Fewest words that count as the letters of a spelt-out word, and most letters of one of them if two broad ones are
/// close together.
const FEWEST_SPELT: usize = 6;
const MOST_LETTERS: usize = 3;
/// Tolerance of their distances. A letter is narrower than its cell, and may be in its middle or at its left.
const UNEVEN: f32 = 0.25;

/// For each word, true if it continues the one before. Forms have a cell for each letter, and text layers may have
/// single letters, both at regular distances.
fn spelt_out(words: &[Word], before: &[Before]) -> Vec<bool> {
    let mut goes_on = vec![false; words.len()];
    let is_spelt = |word: &Word| {
        let code = |c: char| c.is_ascii_digit() || c.is_ascii_uppercase();
        let letters = word.text.len();
        letters <= MOST_LETTERS && word.text.chars().all(code)
            || matches!(word.text.as_str(), "," | "." | "-" | "/")
    };
    let follows = |at: usize| {
        matches!(before.get(at), Some(Before::Space))
            && is_spelt(&words[at - 1])
            && is_spelt(&words[at])
            && !is_column_gap(words[at - 1].bounds, words[at].bounds)
    };
    let mut start = 0;
    while start < words.len() {
        let mut end = start + 1;
        while end < words.len() && follows(end) {
            end += 1;
        }
        if end - start >= FEWEST_SPELT {
            for (first, last) in evenly_spaced(&words[start..end]) {
                goes_on[start + first + 1..=start + last].fill(true);
            }
        }
        start = end;
    }
    goes_on
}

/// The first and the last of the words of a line that have the most common distance.
fn evenly_spaced(words: &[Word]) -> Vec<(usize, usize)> {
    let left = |word: &Word| word.bounds[0] as f32;
    let right = |word: &Word| word.bounds[2] as f32;
    let middle = |word: &Word| f32::midpoint(left(word), right(word));
    let is_single = |two: &&[Word]| two.iter().all(|word| word.text.len() == 1);
    let mut distances: Vec<f32> = words
        .windows(2)
        .filter(is_single)
        .map(|two| middle(&two[1]) - middle(&two[0]))
        .collect();
    distances.sort_by(f32::total_cmp);
    let Some(usual) = distances.get(distances.len() / 2).copied() else {
        return Vec::new();
    };
    // Two letters count together if their distance to the next is the same.
    let is_spaced = |word: &Word| {
        let width = right(word) - left(word);
        let letters = word.text.len();
        letters == 1 || (width / usual - (letters as f32 - 0.5)).abs() <= 2.0 * UNEVEN
    };
    let is_even = |two: &[Word]| {
        let wanted = usual * two[0].text.len() as f32;
        let by_left = left(&two[1]) - left(&two[0]);
        let by_middle = middle(&two[1]) - middle(&two[0]);
        let off = (by_left - wanted).abs().min((by_middle - wanted).abs());
        off <= usual * UNEVEN && two.iter().all(is_spaced)
    };
    let mut found = Vec::new();
    let mut first = 0;
    for at in 1..=words.len() {
        if at < words.len() && is_even(&words[at - 1..=at]) {
            continue;
        }
        if at - first >= FEWEST_SPELT {
            found.push((first, at - 1));
        }
        first = at;
    }
    found
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

/// Lower-case form of a word, with one sign for all characters that recognition confuses: `IBAN` may be misread as
/// `lBAN`.
pub(super) fn folded(word: &str) -> String {
    let fold = |c: char| match c {
        'l' | '1' | '|' | '!' => 'i',
        '0' => 'o',
        '5' => 's',
        '8' => 'b',
        c => c,
    };
    word.chars()
        .flat_map(char::to_lowercase)
        .map(fold)
        .collect()
}
