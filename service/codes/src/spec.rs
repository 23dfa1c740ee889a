//! Specification of a type of code: its form, its check, and the evidence that it needs.

use super::kind::CodeType;

/// A type with a check digit.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) kind: CodeType,
    pub(super) scheme: &'static str,
    /// Labels in lower case, words separated by one space.
    pub(super) labels: &'static [&'static str],
    /// Fewest and most characters, without separators.
    pub(super) length: (usize, usize),
    /// Characters allowed between groups, besides white space.
    pub(super) separators: &'static [char],
    /// Characters that each place may have. `None` if a text of this length and beginning is not of this type.
    pub(super) places: fn(&str) -> Option<Vec<Place>>,
    pub(super) check: fn(&str) -> bool,
    /// True if a candidate is reported.
    pub(super) believe: fn(&Seen<'_>) -> bool,
    /// Exchanges of look-alikes that are allowed at places which take both digits and letters.
    pub(super) repair: Repair,
}

/// Characters that a place of a code may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Digit,
    Letter,
    Any,
    /// A digit, or X for ten.
    DigitOrX,
    /// A digit, or a letter except for I, O and Q.
    Vin,
    /// A digit or a letter. The issuers avoid I and O.
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
    /// True for a character that is allowed, but hardly ever used.
    pub(super) fn avoids(self, c: char) -> bool {
        self == Self::Clear && matches!(c, 'I' | 'O')
    }

    /// True if a character is the only possible reading of a forbidden look-alike. In a VIN, a J may also have been
    /// read as I.
    pub(super) fn can_only_be(self, c: char) -> bool {
        match self {
            Self::Digit | Self::Letter | Self::DigitOrX => true,
            Self::Clear => c == '0',
            Self::Any | Self::Vin => false,
        }
    }
}

/// Allowed exchanges. The weaker a check, the fewer it can justify.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repair {
    /// One exchange in either direction, for a check that one wrong text in 97 passes.
    Either,
    /// Only exchanges that the format forces.
    Forced,
}

/// A candidate as it is printed.
#[derive(Debug)]
pub(super) struct Seen<'a> {
    pub(super) value: &'a str,
    /// Number of characters of each group.
    pub(super) groups: &'a [usize],
    /// True if hyphens join all groups.
    pub(super) hyphens: bool,
    /// True if a label is next to it.
    pub(super) labelled: bool,
    /// True if a label is anywhere on the page.
    pub(super) mentioned: bool,
    pub(super) ok: bool,
}

impl Seen<'_> {
    pub(super) fn in_one(&self) -> bool {
        self.groups.len() == 1
    }

    /// True for groups of four, of which the last may be shorter.
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

/// Parses places from letters: `d` for a digit, `a` for a letter, `*` for either.
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

/// Replaces digits by the letters that they look like. It is used for the beginning of a code, which decides its form.
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
