//! Amounts of money: `1.234,50 €`, `USD 1,234.50`, `CHF 1'234.50`, `500,- EUR`.

use super::super::flow::Flow;
use super::Value;

/// Most digits of an amount without separators and cents.
const LONGEST_RUN: usize = 6;

/// Words allowed between a label and its amount.
const FILLERS: [&str; 10] = [
    "in",
    "incl",
    "inkl",
    "inclusief",
    "including",
    "is",
    "of",
    "von",
    "brutto",
    "ttc",
];
/// Taxes that may be named after "incl.".
const TAXES: [&str; 6] = ["vat", "mwst", "ust", "iva", "btw", "tax"];

const CURRENCIES: [&str; 27] = [
    "EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "BGN", "JPY",
    "CNY", "CAD", "AUD", "NZD", "INR", "TRY", "BRL", "MXN", "ZAR", "SGD", "HKD", "ILS", "AED",
    "ISK",
];
/// Currency signs. A dollar sign alone stands for US dollars.
const SIGNS: [(&str, &str); 12] = [
    ("US$", "USD"),
    ("CA$", "CAD"),
    ("A$", "AUD"),
    ("€", "EUR"),
    ("$", "USD"),
    ("£", "GBP"),
    ("¥", "JPY"),
    ("₹", "INR"),
    ("zł", "PLN"),
    ("Kč", "CZK"),
    ("Fr.", "CHF"),
    ("Euro", "EUR"),
];

/// Reads the amount at a character, or behind fillers.
pub(super) fn read(flow: &Flow<'_>, start: usize) -> Option<Value> {
    let signs = |c: char| ":()|[].–".contains(c);
    let mut at = flow.skip(start, &FILLERS, signs)?;
    let mut currency = None;
    // Skips texts such as "incl. 19 % VAT", "(EUR)" and "in EUR:".
    for _ in 0..4 {
        let chars = flow.chars_from(at);
        if let Some((code, length)) = currency_at(chars) {
            currency = currency.or(Some(code));
            at = flow.skip(at + length, &FILLERS, signs)?;
        } else if let Some(length) = rate_at(chars) {
            at = flow.skip(at + length, &TAXES, signs)?;
        } else {
            let word: String = flow.raw_chars(start, at).iter().collect();
            let including =
                word.to_lowercase().contains("incl") || word.to_lowercase().contains("inkl");
            let behind = flow.skip(at, &TAXES, signs)?;
            if !including || behind == at {
                break;
            }
            at = behind;
        }
    }
    let begin = if currency.is_some() {
        currency_start(flow, start, at)
    } else {
        at
    };
    let chars = flow.chars_from(at);
    let minus = chars.first().is_some_and(|c| matches!(c, '-' | '−'));
    let digits = &chars[usize::from(minus)..];
    let (number, length, decimals) = number(digits)?;
    let mut end = at + usize::from(minus) + length;
    let gap = flow
        .chars_from(end)
        .iter()
        .take_while(|c| matches!(c, ' ' | '\t'))
        .count();
    let behind = flow.chars_from(end + gap);
    if gap <= 1
        && let Some((code, length)) = currency_at(behind)
    {
        // With one currency before and another one behind, the latter belongs to the next amount.
        if currency.is_none_or(|before| before == code) {
            currency = Some(code);
            end += gap + length;
        }
    }
    let next = flow.chars_from(end).first();
    let ends =
        next.is_none_or(|c| !c.is_alphanumeric() && *c != '%') && behind.first() != Some(&'%');
    let ends = ends
        && !(matches!(next, Some('.' | ',' | '/' | '-'))
            && flow
                .chars_from(end + 1)
                .first()
                .is_some_and(char::is_ascii_digit));
    // A number without cents and currency may mean anything.
    if !ends || !(decimals || currency.is_some()) {
        return None;
    }
    let sign = if minus { "-" } else { "" };
    let text = match currency {
        Some(code) => format!("{sign}{number} {code}"),
        None => format!("{sign}{number}"),
    };
    Some(Value {
        text,
        start: begin,
        end,
    })
}

/// Start of the currency, if it is right before the number.
fn currency_start(flow: &Flow<'_>, from: usize, number: usize) -> usize {
    (number.saturating_sub(5).max(from)..number)
        .find(|at| {
            currency_at(flow.chars_from(*at)).is_some_and(|(_, length)| number - at - length <= 1)
        })
        .unwrap_or(number)
}

/// Length of a tax rate: `19 %`, `19%`, `7,7 %`.
fn rate_at(chars: &[char]) -> Option<usize> {
    let digits = chars
        .iter()
        .take(5)
        .take_while(|c| c.is_ascii_digit() || matches!(c, ',' | '.'))
        .count();
    let space = usize::from(chars.get(digits) == Some(&' '));
    (digits > 0 && chars.get(digits + space) == Some(&'%')).then_some(digits + space + 1)
}

/// The currency at the start of the text, and its length.
fn currency_at(chars: &[char]) -> Option<(&'static str, usize)> {
    let begins = |text: &str| {
        let count = text.chars().count();
        let equal = chars.len() >= count && text.chars().zip(chars).all(|(a, b)| a == *b);
        // A currency of letters must end where the word ends.
        let letters = text.ends_with(|c: char| c.is_alphabetic());
        let ends = !letters || !chars.get(count).is_some_and(|c| c.is_alphabetic());
        (equal && ends).then_some(count)
    };
    let codes = CURRENCIES.iter().map(|code| (*code, *code));
    SIGNS
        .iter()
        .copied()
        .chain(codes)
        .find_map(|(text, code)| begins(text).map(|length| (code, length)))
}

/// The number at the start of the text as `1234.50`, its length, and whether it has cents.
fn number(chars: &[char]) -> Option<(String, usize, bool)> {
    let mut groups = vec![String::new()];
    let mut separators = Vec::new();
    let mut at = 0;
    while let Some(c) = chars.get(at).filter(|_| at < 24) {
        let next = |ahead: usize| chars.get(at + ahead).is_some_and(char::is_ascii_digit);
        if c.is_ascii_digit() {
            groups.last_mut()?.push(*c);
        } else if matches!(c, '.' | ',' | '\'' | '’') && next(1) {
            separators.push(*c);
            groups.push(String::new());
        } else if *c == ' '
            && next(1)
            && next(2)
            && next(3)
            && !next(4)
            && groups.last()?.len() <= 3
        {
            separators.push(' ');
            groups.push(String::new());
        } else {
            break;
        }
        at += 1;
    }
    let mut cents = "00".to_owned();
    let mut has_cents = false;
    // Recognition may have misread a comma as a point: `1.204.50` has no other meaning.
    if let Some(last) = separators.last().copied()
        && matches!(last, '.' | ',')
        && groups.last()?.len() == 2
    {
        cents = groups.pop()?;
        separators.pop();
        has_cents = true;
    } else if matches!(chars.get(at..at + 2), Some([',' | '.', '-' | '–' | '—'])) {
        at += 2;
        has_cents = true;
    }
    let (first, rest) = groups.split_first()?;
    let whole = groups.concat();
    let same = separators.windows(2).all(|pair| pair[0] == pair[1]);
    let grouped = rest.is_empty()
        || (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
    // A long run of digits without cents counts something else, or has lost its separators.
    let run = rest.is_empty() && !has_cents && whole.len() > LONGEST_RUN;
    let good = !whole.is_empty() && whole.len() <= 12 && same && grouped && !run;
    let units = whole.trim_start_matches('0');
    let units = if units.is_empty() { "0" } else { units };
    good.then(|| (format!("{units}.{cents}"), at, has_cents))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_separators_by_their_positions() {
        let read = |text: &str| {
            let chars: Vec<char> = text.chars().collect();
            number(&chars).map(|(number, length, cents)| (number, length == chars.len(), cents))
        };
        for (text, wanted) in [
            ("1.234,50", "1234.50"),
            ("1,234.50", "1234.50"),
            ("1 234,50", "1234.50"),
            ("1'234.50", "1234.50"),
            ("1234.50", "1234.50"),
            ("0,99", "0.99"),
            ("12.345.678,00", "12345678.00"),
            ("500,-", "500.00"),
            ("1.204.50", "1204.50"),
        ] {
            assert_eq!(read(text), Some((wanted.to_owned(), true, true)), "{text}");
        }
        assert_eq!(read("1.234"), Some(("1234.00".to_owned(), true, false)));
        for wrong in [
            "1.23.45",
            "1,2345",
            "12.3",
            "",
            "1.234,567",
            "1234.567,00",
            "1852993",
        ] {
            assert!(read(wrong).is_none(), "{wrong}");
        }
    }
}
