//! Numbers that a company assigns: any run of letters, digits and a few signs that has a digit.

use super::super::flow::Flow;
use super::{Value, date};

/// Words allowed between a label and its number.
const FILLERS: [&str; 16] = [
    "no", "nr", "num", "number", "nummer", "numéro", "número", "numero", "n", "nº", "id", "is",
    "ist", "lautet", "code", "der",
];
const LONGEST: usize = 30;

/// Reads the number at a character, or behind fillers. Behind a bare label, the number must be longer.
pub(super) fn read(flow: &Flow<'_>, start: usize, bare: bool) -> Option<Value> {
    let start = flow.skip(start, &FILLERS, |c| ":#.-–—°()|".contains(c))?;
    let end = run(flow, start);
    let mut value: String = flow.chars_from(start)[..end - start].iter().collect();
    let mut end = end;
    // In "RE 2026-0815", the letters belong to the number.
    if value.len() <= 4 && value.chars().all(|c| c.is_ascii_uppercase()) {
        let next = end + 1;
        if flow.chars_from(end).first() != Some(&' ') {
            return None;
        }
        let stop = run(flow, next);
        let number: String = flow.chars_from(next)[..stop - next].iter().collect();
        if !number.starts_with(|c: char| c.is_ascii_digit()) {
            return None;
        }
        value.push_str(&number);
        end = stop;
    }
    let digits = value.chars().filter(char::is_ascii_digit).count();
    let fewest = if bare { 4 } else { 3 };
    let good = digits > 0 && (fewest..=LONGEST).contains(&value.len());
    let is_date = !matches!(date::read(flow, start, date::Order::DayFirst), Ok(None));
    let is_price = value
        .rsplit_once('.')
        .is_some_and(|(_, cents)| cents.len() == 2 && digits + 1 == value.len());
    let next = flow.chars_from(end).first();
    let ends = next.is_none_or(|c| {
        !c.is_alphanumeric() && !"%@,€$£".contains(*c)
            || *c == ','
                && !flow
                    .chars_from(end + 1)
                    .first()
                    .is_some_and(char::is_ascii_digit)
    });
    let year = bare && value.len() == 4 && (value.starts_with("19") || value.starts_with("20"));
    (good && ends && !year && !is_price && (!is_date || !value.contains(['.', '/', '-']))).then(
        || Value {
            text: value.to_uppercase(),
            start,
            end,
        },
    )
}

/// End of the run that begins here, without trailing signs.
fn run(flow: &Flow<'_>, start: usize) -> usize {
    let chars = flow.chars_from(start);
    let length = chars
        .iter()
        .take(LONGEST + 1)
        .take_while(|c| c.is_ascii_alphanumeric() || "-/._".contains(**c))
        .count();
    let signs = chars[..length]
        .iter()
        .rev()
        .take_while(|c| !c.is_ascii_alphanumeric())
        .count();
    start + length - signs
}
