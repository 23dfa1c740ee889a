//! Dates, normalized to `2026-01-31`.

use jiff::civil::Date;

use super::super::flow::Flow;
use super::Value;

/// Order of day and month, if known, for dates in which both are numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    DayFirst,
    MonthFirst,
    Unknown,
}

/// A date with two possible meanings.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ambiguous(pub(super) String);

const MONTHS: [&str; 12] = [
    "january januar jänner janvier enero gennaio januari jan janv ene gen",
    "february februar feber février febrero febbraio februari feb févr fév",
    "march märz mars marzo maart mar mär mrz mrt",
    "april avril abril aprile apr avr abr",
    "may mai mayo maggio mei mag",
    "june juni juin junio giugno jun giu",
    "july juli juillet julio luglio jul juil lug",
    "august août agosto augustus aug ago",
    "september septembre septiembre settembre sep sept set",
    "october oktober octobre octubre ottobre oct okt ott",
    "november novembre noviembre nov",
    "december dezember décembre diciembre dicembre dec dez déc dic",
];
const WEEKDAYS: [&str; 49] = [
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mon",
    "tue",
    "wed",
    "thu",
    "fri",
    "sat",
    "sun",
    "montag",
    "dienstag",
    "mittwoch",
    "donnerstag",
    "freitag",
    "samstag",
    "sonntag",
    "mo",
    "di",
    "mi",
    "do",
    "fr",
    "sa",
    "so",
    "lundi",
    "mardi",
    "mercredi",
    "jeudi",
    "vendredi",
    "samedi",
    "dimanche",
    "lunes",
    "martes",
    "miércoles",
    "jueves",
    "viernes",
    "sábado",
    "domingo",
    "lunedì",
    "martedì",
    "mercoledì",
    "giovedì",
    "venerdì",
    "sabato",
    "domenica",
];
/// Words within a date.
const FILLERS: [&str; 4] = ["de", "of", "del", "den"];

impl Order {
    /// Derives the order from other dates of the page with slashes or hyphens, if one of their numbers is over 12.
    pub(super) fn of(flow: &Flow<'_>) -> Self {
        let mut seen = [false; 2];
        for (at, token) in flow.tokens.iter().enumerate() {
            let numeric = flow.chars(*token).iter().all(char::is_ascii_digit);
            if !numeric || !flow.begins(at) || flow.chars(*token).len() > 2 {
                continue;
            }
            if let Some((
                [Part::Number(a, _), Part::Number(b, _), Part::Number(_, 4)],
                ['/' | '-'],
                _,
            )) = parts(flow.chars_from(token.start))
                .as_ref()
                .map(|(parts, sign, end)| (parts, [*sign], *end))
            {
                seen[0] |= *a > 12 && *b <= 12;
                seen[1] |= *b > 12 && *a <= 12;
            }
        }
        match seen {
            [true, false] => Self::DayFirst,
            [false, true] => Self::MonthFirst,
            _ => Self::Unknown,
        }
    }

    /// This order, or else that of the label's language.
    pub(super) fn or(self, day_first: Option<bool>) -> Self {
        match (self, day_first) {
            (Self::Unknown, Some(true)) => Self::DayFirst,
            (known, _) => known,
        }
    }
}

/// Reads the date at a character, or behind signs and filler words.
///
/// # Errors
/// Returns the text of a date that may begin with its day or its month.
pub(super) fn read(
    flow: &Flow<'_>,
    start: usize,
    order: Order,
) -> Result<Option<Value>, Ambiguous> {
    const BEFORE: [&str; 10] = [
        "is", "ist", "of", "the", "vom", "den", "am", "on", "le", "del",
    ];
    let signs = |c: char| ":.,()|–-".contains(c);
    let skipped = flow.skip(start, &BEFORE, signs);
    let Some(start) = skipped.and_then(|at| flow.skip(at, &WEEKDAYS, signs)) else {
        return Ok(None);
    };
    let chars = flow.chars_from(start);
    let Some((parts, sign, length)) = compact(chars).or_else(|| parts(chars)) else {
        return Ok(None);
    };
    let end = start + length;
    let next = flow.chars_from(end);
    let digit_follows = matches!(next, ['.' | '/' | '-' | ',', c, ..] if c.is_ascii_digit());
    if next.first().is_some_and(|c| c.is_alphanumeric()) || digit_follows {
        return Ok(None);
    }
    let date = match parts {
        [Part::Number(y, 4), Part::Number(m, _), Part::Number(d, _)] if sign != ' ' => {
            date(y, m, d)
        }
        [
            Part::Number(d, 1 | 2),
            Part::Month(m),
            Part::Number(y, width @ (2 | 4)),
        ]
        | [
            Part::Month(m),
            Part::Number(d, 1 | 2),
            Part::Number(y, width @ (2 | 4)),
        ] => date(year(y, width), m, d),
        [
            Part::Number(d, 1 | 2),
            Part::Number(m, 1 | 2),
            Part::Number(y, width @ (2 | 4)),
        ] if sign == '.' => date(year(y, width), m, d),
        [
            Part::Number(a, 1 | 2),
            Part::Number(b, 1 | 2),
            Part::Number(y, width @ (2 | 4)),
        ] if matches!(sign, '/' | '-') => {
            let y = year(y, width);
            match (order, date(y, b, a), date(y, a, b)) {
                (_, Some(day), Some(month)) if day == month => Some(day),
                // With two digits, the first number may be the year, too.
                (Order::Unknown, Some(_), _) | (Order::Unknown, _, Some(_)) if width == 2 => {
                    return Err(Ambiguous(chars[..length].iter().collect()));
                }
                (Order::DayFirst, Some(day), _) | (_, Some(day), None) => Some(day),
                (Order::MonthFirst, _, Some(month)) | (_, None, Some(month)) => Some(month),
                (Order::Unknown, Some(_), Some(_)) => {
                    return Err(Ambiguous(chars[..length].iter().collect()));
                }
                (_, None, None) => None,
            }
        }
        _ => None,
    };
    Ok(date.map(|date| Value {
        text: date.to_string(),
        start,
        end,
    }))
}

/// Parses GS1's YYMMDD. The century is the nearest one (General Specifications, 7.12), and day 0 is the last of the
/// month.
pub(crate) fn of_gs1(digits: &str) -> Option<String> {
    let number = |at: usize| digits.get(at..at + 2)?.parse::<i16>().ok();
    let (yy, month, day) = (number(0)?, number(2)?, number(4)?);
    if digits.len() != 6 {
        return None;
    }
    let now = jiff::tz::Offset::UTC
        .to_datetime(jiff::Timestamp::now())
        .year();
    let this = now - now % 100 + yy;
    let year = match this - now {
        51.. => this - 100,
        ..=-50 => this + 100,
        _ => this,
    };
    let first = Date::new(year, i8::try_from(month).ok()?, 1).ok()?;
    let date = match day {
        0 => first.last_of_month(),
        _ => Date::new(year, first.month(), i8::try_from(day).ok()?).ok()?,
    };
    Some(date.to_string())
}

fn date(year: u32, month: u32, day: u32) -> Option<Date> {
    let year = i16::try_from(year)
        .ok()
        .filter(|year| (1900..2100).contains(year))?;
    Date::new(year, i8::try_from(month).ok()?, i8::try_from(day).ok()?).ok()
}

fn year(year: u32, width: usize) -> u32 {
    match width {
        2 if year < 70 => 2000 + year,
        2 => 1900 + year,
        _ => year,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Value and number of digits.
    Number(u32, usize),
    Month(u32),
}

/// The three parts of the date at the start of the text, the sign that separates them (a space if the month is a word),
/// and the length.
fn parts(chars: &[char]) -> Option<([Part; 3], char, usize)> {
    let mut parts = Vec::new();
    let mut signs = Vec::new();
    let mut at = 0;
    loop {
        let rest = &chars[at..];
        let digits = rest.iter().take_while(|c| c.is_ascii_digit()).count();
        let letters = rest.iter().take_while(|c| c.is_alphabetic()).count();
        if (1..=4).contains(&digits) {
            let value: String = rest[..digits].iter().collect();
            parts.push(Part::Number(value.parse().ok()?, digits));
            at += digits;
            // Skips the endings of 1st, 2nd and 1er.
            let suffix: String = rest[digits..]
                .iter()
                .take(2)
                .collect::<String>()
                .to_lowercase();
            if matches!(suffix.as_str(), "st" | "nd" | "rd" | "th" | "er")
                && !rest.get(digits + 2).is_some_and(|c| c.is_alphanumeric())
            {
                at += 2;
            }
        } else if (1..=12).contains(&letters) {
            let word: String = rest[..letters].iter().collect::<String>().to_lowercase();
            if !FILLERS.contains(&word.as_str()) {
                parts.push(Part::Month(month(&word)?));
            }
            at += letters;
        } else {
            return None;
        }
        if let [a, b, c] = parts[..] {
            let words = parts.iter().any(|part| matches!(part, Part::Month(_)));
            let sign = *signs.first()?;
            let good = words || signs.iter().all(|other| *other == sign);
            return good.then_some(([a, b, c], if words { ' ' } else { sign }, at));
        }
        let between: Vec<char> = chars[at..]
            .iter()
            .copied()
            .take(3)
            .take_while(|c| matches!(c, '.' | '/' | '-' | ',' | ' '))
            .collect();
        match between[..] {
            [sign] | [sign @ ('.' | ','), ' '] => signs.push(sign),
            // A narrow space beside a month's name may be lost: `17April 2026`.
            [] if chars.get(at).is_some_and(|c| c.is_alphanumeric()) => signs.push(' '),
            _ => return None,
        }
        at += between.len();
    }
}

/// Parses ISO 8601's basic format: `20260131`.
fn compact(chars: &[char]) -> Option<([Part; 3], char, usize)> {
    let eight: String = chars.iter().take(8).collect();
    let all = eight.len() == 8 && eight.bytes().all(|byte| byte.is_ascii_digit());
    let part = |from: usize, to: usize| {
        let digits = eight.get(from..to).filter(|_| all)?;
        Some(Part::Number(digits.parse().ok()?, to - from))
    };
    Some(([part(0, 4)?, part(4, 6)?, part(6, 8)?], '-', 8))
}

fn month(word: &str) -> Option<u32> {
    (1..)
        .zip(MONTHS)
        .find(|(_, names)| names.split(' ').any(|name| name == word))
        .map(|(number, _)| number)
}
