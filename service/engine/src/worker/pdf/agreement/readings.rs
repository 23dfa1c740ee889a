//! Comparison of a text with how recognizers read it. It needs nothing else of the engine, so that it is fuzzed without.

/// Of a kind of characters, fewer prove nothing.
pub(crate) const FEWEST: usize = 3;
/// The share of a layer's characters that are read as such, where readings have errors: below it, the layer is wrong. Two
/// readings that agree with each other to this share are right.
const AGREE: f64 = 0.5;

/// True if a reading says that these are other characters: digits, letters, or both.
pub(crate) fn disagree(layer: &str, read: &str) -> bool {
    let pairs = aligned(layer, read);
    let share = |kind: fn(&char) -> bool, fewest: usize| {
        let of_kind = pairs.iter().filter(|(c, _)| kind(c));
        let all = of_kind.clone().count();
        let same = of_kind.filter(|(_, same)| *same).count();
        all >= fewest && (same as f64) < all as f64 * AGREE
    };
    // Digits that are all wrong by one may look as if they stood one place further.
    let (of_layer, of_reading) = (digits(layer), digits(read));
    let both = of_layer.bytes().zip(of_reading.bytes());
    let same = both.filter(|(a, b)| a == b).count();
    let wrong_in_place = of_layer.len() == of_reading.len()
        && of_layer.len() >= FEWEST
        && (same as f64) < of_layer.len() as f64 * AGREE;
    wrong_in_place
        || share(char::is_ascii_digit, FEWEST)
        || share(char::is_ascii_alphabetic, FEWEST + 1)
        || share(char::is_ascii_graphic, FEWEST + 1)
}

/// True if two readings of what the layer is wrong about are the same.
pub(crate) fn confirm(layer: &str, first: &str, second: &str) -> bool {
    let pairs = aligned(first, second);
    let same = pairs.iter().filter(|(_, same)| *same).count();
    let letters = |text: &str| text.chars().filter(char::is_ascii_alphabetic).count();
    let of_digits = aligned(&digits(first), &digits(second));
    let same_digits = of_digits.iter().filter(|(_, same)| *same).count();
    // What is wrong may be the digits alone, or what is no letter at all.
    let much = letters(first) + digits(first).len() >= FEWEST;
    let enough = pairs.len() * 2 >= layer.chars().filter(char::is_ascii_graphic).count();
    much && enough
        && same as f64 > pairs.len() as f64 * AGREE
        && (of_digits.is_empty() || same_digits as f64 > of_digits.len() as f64 * AGREE)
}

fn digits(text: &str) -> String {
    text.chars().filter(char::is_ascii_digit).collect()
}

/// Each visible character of the first text, and whether the second has it in its place.
pub(crate) fn aligned(one: &str, other: &str) -> Vec<(char, bool)> {
    let plain = |text: &str| -> Vec<char> { text.chars().filter(char::is_ascii_graphic).collect() };
    let (one, other) = (plain(one), plain(other));
    let same = |a: usize, b: usize| alike(one[a], other[b]);
    let width = other.len() + 1;
    let mut costs = vec![0usize; (one.len() + 1) * width];
    for a in 0..=one.len() {
        for b in 0..width {
            costs[a * width + b] = if a == 0 || b == 0 {
                a + b
            } else {
                let kept = costs[(a - 1) * width + b - 1] + usize::from(!same(a - 1, b - 1));
                let shorter = costs[(a - 1) * width + b].min(costs[a * width + b - 1]) + 1;
                kept.min(shorter)
            };
        }
    }
    let (mut a, mut b) = (one.len(), other.len());
    let mut pairs = Vec::with_capacity(one.len());
    while a > 0 {
        let cost = costs[a * width + b];
        if b > 0 && cost == costs[(a - 1) * width + b - 1] + usize::from(!same(a - 1, b - 1)) {
            pairs.push((one[a - 1], same(a - 1, b - 1)));
            (a, b) = (a - 1, b - 1);
        } else if cost == costs[(a - 1) * width + b] + 1 {
            pairs.push((one[a - 1], false));
            a -= 1;
        } else {
            b -= 1;
        }
    }
    pairs.reverse();
    pairs
}

/// True if two characters are the same but for case, or are taken for each other.
pub(crate) fn alike(a: char, b: char) -> bool {
    let folded = |c: char| match c.to_ascii_lowercase() {
        'o' | 'q' => '0',
        'i' | 'l' | '|' | '!' | 'j' => '1',
        'z' => '2',
        's' => '5',
        'b' => '8',
        ';' => ':',
        ',' => '.',
        '`' | '"' => '\'',
        '_' | '~' => '-',
        '{' | '[' => '(',
        '}' | ']' => ')',
        other => other,
    };
    folded(a) == folded(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_are_compared_where_they_belong() {
        let same = |one, other| {
            aligned(one, other)
                .into_iter()
                .filter(|(_, same)| *same)
                .count()
        };
        assert_eq!(same("abcdef", "abXcdef"), 6);
        assert_eq!(same("abcdef", "acdef"), 5);
        assert_eq!(same("", "abc"), 0);
        assert_eq!(aligned("a b", "").len(), 2);
    }
}
