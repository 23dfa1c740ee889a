//! Check digit schemes that a rule may name.

use serde::{Deserialize, Serialize};

use super::super::digits::{digits, gs1, luhn, mod11_10, mod11_x, mod97_10};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    /// ISO/IEC 7812-1, annex B. Letters become two digits first.
    Luhn,
    /// GS1's scheme: weights 3 and 1 from the right.
    #[serde(rename = "gs1-mod10")]
    Gs1Mod10,
    /// Weights that decrease to 1 at the check digit; X is 10, as in ISBN-10.
    #[serde(rename = "mod11")]
    Mod11,
    /// Two check digits at the end, for a remainder of 1. Letters become two digits first.
    #[serde(rename = "iso7064-mod97-10")]
    Mod97_10,
    /// Hybrid system for digits only.
    #[serde(rename = "iso7064-mod11-10")]
    Mod11_10,
    /// Digits, of which the last may be X, as in ISNI and ORCID.
    #[serde(rename = "iso7064-mod11-2")]
    Mod11_2,
    /// Letters and digits, of which the last may be `*`.
    #[serde(rename = "iso7064-mod37-2")]
    Mod37_2,
    /// Hybrid system for letters and digits.
    #[serde(rename = "iso7064-mod37-36")]
    Mod37_36,
}

impl Scheme {
    /// Name in a rule's `check`, and in an answer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Luhn => "luhn",
            Self::Gs1Mod10 => "gs1-mod10",
            Self::Mod11 => "mod11",
            Self::Mod97_10 => "iso7064-mod97-10",
            Self::Mod11_10 => "iso7064-mod11-10",
            Self::Mod11_2 => "iso7064-mod11-2",
            Self::Mod37_2 => "iso7064-mod37-2",
            Self::Mod37_36 => "iso7064-mod37-36",
        }
    }

    pub fn passes(self, text: &str) -> bool {
        // A check digit alone is not a number.
        if text.chars().count() < 2 {
            return false;
        }
        match self {
            Self::Luhn => luhn(text),
            Self::Gs1Mod10 => gs1(text),
            Self::Mod11 => mod11_x(text),
            Self::Mod97_10 => mod97_10(text),
            Self::Mod11_10 => digits(text).is_some_and(|digits| mod11_10(&digits)),
            Self::Mod11_2 => pure(text, 10, 11, 'X'),
            Self::Mod37_2 => pure(text, 36, 37, '*'),
            Self::Mod37_36 => hybrid(text),
        }
    }
}

/// Pure system with radix 2: the remainder of the sum of values times powers of 2 is 1. `last` stands for the largest
/// value, at the end.
fn pure(text: &str, radix: u32, modulus: u32, last: char) -> bool {
    let count = text.chars().count();
    let mut sum = 0;
    for (at, c) in text.chars().enumerate() {
        let value = match c.to_digit(radix).filter(|_| !c.is_ascii_lowercase()) {
            Some(value) => value,
            None if c == last && at + 1 == count => modulus - 1,
            None => return false,
        };
        sum = (sum * 2 + value) % modulus;
    }
    sum == 1
}

/// Hybrid system of 36 characters.
fn hybrid(text: &str) -> bool {
    let (mut rest, mut last) = (36, 0);
    let count = text.chars().count();
    for (at, c) in text.chars().enumerate() {
        let Some(value) = c.to_digit(36).filter(|_| !c.is_ascii_lowercase()) else {
            return false;
        };
        if at + 1 == count {
            last = (rest + value) % 36;
        } else {
            let sum = (rest + value) % 36;
            rest = if sum == 0 { 36 } else { sum } * 2 % 37;
        }
    }
    last == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers from the examples of ISO/IEC 7064, of ISNI and of GRID.
    #[test]
    fn accepts_examples_of_the_standards_and_rejects_changed_characters() {
        for (scheme, good) in [
            (Scheme::Mod11_2, "07940"),
            (Scheme::Mod11_2, "000000012146438X"),
            (Scheme::Mod11_10, "07945"),
            (Scheme::Mod37_2, "G123489654321Y"),
            (Scheme::Mod37_36, "A12425GABC1234002M"),
            (Scheme::Mod97_10, "79444"),
            (Scheme::Luhn, "79927398713"),
            (Scheme::Gs1Mod10, "4006381333931"),
            (Scheme::Mod11, "080442957X"),
        ] {
            assert!(scheme.passes(good), "{scheme:?} {good}");
            let next = char::from(good.as_bytes()[1] % 8 + b'1');
            let wrong = format!("{}{next}{}", &good[..1], &good[2..]);
            assert_ne!(wrong, good);
            assert!(!scheme.passes(&wrong), "{scheme:?} {wrong}");
        }
        assert!(!Scheme::Mod11_2.passes("X794") && !Scheme::Luhn.passes("0"));
    }
}
