//! What a type of code is: its form, its check, and what else it takes to be believed.

use super::kind::CodeType;

/// A type with a check digit.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) kind: CodeType,
    pub(super) scheme: &'static str,
    /// In lower case, words separated by one space.
    pub(super) labels: &'static [&'static str],
    /// Fewest and most characters, without separators.
    pub(super) length: (usize, usize),
    /// What may stand between groups, besides white space.
    pub(super) separators: &'static [char],
    /// Which characters each place may have; `None` if a text of this length and beginning is not of this type.
    pub(super) places: fn(&str) -> Option<Vec<Place>>,
    pub(super) check: fn(&str) -> bool,
    /// Whether what was seen is to be reported.
    pub(super) believe: fn(&Seen<'_>) -> bool,
    /// What look-alikes may be exchanged for where a place takes both digits and letters.
    pub(super) repair: Repair,
}

/// What a place of a code may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Digit,
    Letter,
    Any,
    /// A digit, or X for ten.
    DigitOrX,
    /// A digit, or a letter other than I, O and Q.
    Vin,
    /// A digit or a letter; but who gives the numbers out avoids I and O.
    Clear,
}

impl Place {
    pub(super) fn takes(self, c: char) -> bool {
        match self {
            Self::Digit => c.is_ascii_digit(),
            Self::Letter => c.is_ascii_uppercase(),
            Self::Any | Self::Clear => c.is_ascii_digit() || c.is_ascii_uppercase(),
            Self::DigitOrX => c.is_ascii_digit() || c == 'X',
            Self::Vin => Self::Any.takes(c) && !matches!(c, 'I' | 'O' | 'Q'),
        }
    }
}

impl Place {
    /// What it takes, but hardly ever has.
    pub(super) fn avoids(self, c: char) -> bool {
        self == Self::Clear && matches!(c, 'I' | 'O')
    }

    /// Whether a character that was read as a look-alike, which may not stand here, can only be this one. In a VIN, what was read as I
    /// may be J as well.
    pub(super) fn can_only_be(self, c: char) -> bool {
        match self {
            Self::Digit | Self::Letter | Self::DigitOrX => true,
            Self::Clear => c == '0',
            Self::Any | Self::Vin => false,
        }
    }
}

/// The weaker a check, the fewer exchanges it can vouch for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repair {
    /// One exchange in either direction: a check that one wrong text in 97 passes.
    Either,
    /// Only what the format forbids.
    Forced,
}

/// A candidate, as it is printed.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) value: &'a str,
    /// Characters of each group.
    pub(super) groups: &'a [usize],
    /// Whether all groups are joined by hyphens.
    pub(super) hyphens: bool,
    /// A label stands by it.
    pub(super) labelled: bool,
    /// A label stands somewhere on the page.
    pub(super) mentioned: bool,
    pub(super) ok: bool,
}

impl Seen<'_> {
    pub(super) fn in_one(&self) -> bool {
        self.groups.len() == 1
    }

    /// Groups of four, the last one of what is left.
    pub(super) fn in_fours(&self) -> bool {
        match self.groups.split_last() {
            Some((last, rest)) => *last <= 4 && rest.iter().all(|group| *group == 4),
            None => false,
        }
    }
}

pub(super) fn all(place: Place, count: usize) -> Vec<Place> {
    vec![place; count]
}

/// Places by letters: `d` a digit, `a` a letter, `*` either.
pub(super) fn places(pattern: &str) -> Vec<Place> {
    pattern
        .chars()
        .map(|c| match c {
            'd' => Place::Digit,
            'a' => Place::Letter,
            _ => Place::Any,
        })
        .collect()
}

/// A letter for a digit that it looks like, for the beginning of a code, which decides its form.
pub(super) fn as_letters(text: &str) -> String {
    text.chars()
        .map(|c| match c {
            '0' => 'O',
            '1' => 'I',
            '5' => 'S',
            '8' => 'B',
            '2' => 'Z',
            '6' => 'G',
            c => c,
        })
        .collect()
}
