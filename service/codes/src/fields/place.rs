//! Positions of values relative to their labels: behind them, to their right, below them.

use super::super::flow::Flow;

/// Most characters that are skipped.
const REACH: usize = 60;
/// Largest distance of a value below its heading, in line heights.
const BELOW: i32 = 3;

impl Flow<'_> {
    /// The first character behind spaces, signs and filler words. `None` if the line ends before.
    pub(super) fn skip(
        &self,
        start: usize,
        fillers: &[&str],
        is_sign: impl Fn(char) -> bool,
    ) -> Option<usize> {
        let mut at = start;
        while at < start + REACH {
            let rest = self.chars_from(at);
            let c = *rest.first().filter(|c| **c != '\n')?;
            if matches!(c, ' ' | '\t') || is_sign(c) {
                at += 1;
                continue;
            }
            let length = rest
                .iter()
                .take(REACH)
                .take_while(|c| c.is_alphanumeric())
                .count();
            let word: String = rest[..length]
                .iter()
                .flat_map(|c| c.to_lowercase())
                .collect();
            if length == 0 || !fillers.contains(&word.as_str()) {
                return Some(at);
            }
            at += length;
        }
        None
    }

    /// True if the line has only signs after a character.
    pub(super) fn line_ends_after(&self, at: usize) -> bool {
        self.chars_from(at)
            .iter()
            .take_while(|c| **c != '\n')
            .all(|c| !c.is_alphanumeric())
    }

    /// True if a token continues a phrase: another word is close before it in the line.
    pub(super) fn has_word_before(&self, token: usize) -> bool {
        let Some(before) = token.checked_sub(1).map(|before| self.tokens[before]) else {
            return false;
        };
        let here = self.tokens[token];
        if self.raw_chars(before.end, here.start) != [' ']
            || !self.chars(before).iter().all(|c| c.is_alphabetic())
        {
            return false;
        }
        let (left, right) = (
            self.words[self.word_at(before.start)].bounds,
            self.words[self.word_at(here.start)].bounds,
        );
        let height = right[3].saturating_sub(right[1]).clamp(1, 10_000);
        right[0].saturating_sub(left[2]) < height + height / 2
    }

    /// The next word in the same row.
    pub(super) fn word_to_the_right(&self, word: usize) -> Option<usize> {
        let [_, top, right, bottom] = self.words.get(word)?.bounds;
        let middle = top.saturating_add(bottom) / 2;
        let beside = |other: &(usize, &ocr_api::answer::Word)| {
            let [l, t, _, b] = other.1.bounds;
            t < middle && middle < b && l >= right
        };
        let words = self.words.iter().enumerate().filter(beside);
        words
            .min_by_key(|(_, word)| word.bounds[0])
            .map(|(at, _)| at)
    }

    /// The first word below the words from `first` to `last`, if it is near.
    pub(super) fn word_below(&self, first: usize, last: usize) -> Option<usize> {
        let [left, top, _, bottom] = self.words.get(first)?.bounds;
        let right = self.words.get(last)?.bounds[2];
        let height = bottom.saturating_sub(top).clamp(1, 10_000);
        let under = |other: &(usize, &ocr_api::answer::Word)| {
            let [l, t, r, _] = other.1.bounds;
            t >= bottom && t.saturating_sub(bottom) <= BELOW * height && l < right && left < r
        };
        let words = self.words.iter().enumerate().filter(under);
        let highest = words.clone().min_by_key(|(_, word)| word.bounds[1])?;
        let [_, t, _, b] = highest.1.bounds;
        // The boxes of a row differ by a few pixels: that of a capital begins above that of a digit.
        let in_row = |other: &(usize, &ocr_api::answer::Word)| other.1.bounds[1] < t.midpoint(b);
        words
            .filter(in_row)
            .min_by_key(|(_, word)| word.bounds[0])
            .map(|(at, _)| at)
    }
}
