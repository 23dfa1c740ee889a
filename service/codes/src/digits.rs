//! Check digit schemes that several types share. All take upper-case characters without separators.

/// Value of a digit, or of a letter as in ISO 7064 and ISO 6166: A is 10, Z is 35.
fn value(c: char) -> Option<u32> {
    c.to_digit(36)
}

/// Digits of a text that consists of digits.
pub(super) fn digits(text: &str) -> Option<Vec<u32>> {
    text.chars().map(|c| c.to_digit(10)).collect()
}

/// ISO 7064 MOD 97-10. Letters become two digits, and the remainder of the whole number is 1.
pub(super) fn mod97_10(text: &str) -> bool {
    mod97(text) == Some(1)
}

/// Remainder by 97 of a text whose letters become two digits.
pub(super) fn mod97(text: &str) -> Option<u32> {
    text.chars().try_fold(0, |rest, c| {
        let value = value(c)?;
        let shift = if value > 9 { 100 } else { 10 };
        Some((rest * shift + value) % 97)
    })
}

/// Luhn (ISO/IEC 7812-1, annex B). Letters become two digits first, as in ISO 6166.
pub(super) fn luhn(text: &str) -> bool {
    let mut expanded = Vec::with_capacity(text.len() * 2);
    for c in text.chars() {
        let Some(value) = value(c) else { return false };
        if value > 9 {
            expanded.push(value / 10);
        }
        expanded.push(value % 10);
    }
    let sum: u32 = expanded
        .iter()
        .rev()
        .enumerate()
        .map(|(at, digit)| match (at % 2, digit * 2) {
            (0, _) => *digit,
            (_, twice) => twice / 10 + twice % 10,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// GS1's mod 10: weights 3 and 1 from the right; the check digit has weight 1 (GS1 General Specifications, 7.9).
pub(super) fn gs1(text: &str) -> bool {
    digits(text).is_some_and(|digits| {
        let sum: u32 = digits
            .iter()
            .rev()
            .zip([1, 3].into_iter().cycle())
            .map(|(digit, weight)| digit * weight)
            .sum();
        sum.is_multiple_of(10)
    })
}

/// Sum of digits times weights. There may be fewer weights than digits.
pub(super) fn weighted(digits: &[u32], weights: &[u32]) -> u32 {
    digits.iter().zip(weights).map(|(d, w)| d * w).sum()
}

/// Check of ISBN-10 and ISSN. Weights decrease to 1 at the check digit, X is 10, and 11 divides the sum.
pub(super) fn mod11_x(text: &str) -> bool {
    let length = text.len();
    let mut sum = 0;
    for (at, c) in text.chars().enumerate() {
        let value = match c {
            'X' if at + 1 == length => 10,
            _ => match c.to_digit(10) {
                Some(digit) => digit as usize,
                None => return false,
            },
        };
        sum += value * (length - at);
    }
    sum.is_multiple_of(11)
}

/// ISO 7064 MOD 11,10.
pub(super) fn mod11_10(digits: &[u32]) -> bool {
    let rest = digits.iter().fold(5, |check, digit| {
        let doubled = if check == 0 { 10 } else { check } * 2 % 11;
        (doubled + digit) % 10
    });
    rest == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_examples_of_the_standards_and_rejects_changed_digits() {
        type Case = (fn(&str) -> bool, &'static str);
        let cases: [Case; 5] = [
            (mod97_10, "3214282912345698765432161182"), // GB82 WEST 1234 5698 7654 32, rearranged
            (luhn, "79927398713"),
            (gs1, "4006381333931"),
            (mod11_x, "0306406152"),
            (mod11_x, "03178471"),
        ];
        for (check, good) in cases {
            assert!(check(good), "{good}");
            for at in 0..good.len() {
                let digit = good.as_bytes()[at] - b'0';
                let mut wrong = good.to_owned();
                wrong.replace_range(at..=at, &((digit + 1) % 10).to_string());
                assert!(!check(&wrong), "{wrong}");
            }
        }
        assert!(mod11_x("080442957X") && !mod11_x("08044X9573"));
    }
}
