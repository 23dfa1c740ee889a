//! ISIN (ISO 6166): a country, nine characters, a check digit by Luhn.

use super::super::digits::luhn;
use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Spec, as_letters, places as pattern};

pub(in crate::codes) const SPEC: Spec = Spec {
    kind: CodeType::Isin,
    scheme: "isin-luhn",
    labels: &["isin"],
    length: (12, 12),
    separators: &[],
    places,
    check: luhn,
    // Luhn passes one in ten, and article numbers look the same.
    believe: |seen| seen.labelled,
    repair: Repair::Forced,
};

/// What stands between country and check digit, where a country's numbering agency has a rule: `d` a digit, `v` a digit or
/// a letter that is not taken for one (WKN and CUSIP have no I and O), `*` either. SEDOL has no vowels, to which `v` comes
/// close enough.
const NATIONAL: [(&str, &str); 7] = [
    ("DE", "000vvvvvv"),
    ("US", "vvvvvvvvv"),
    ("CA", "vvvvvvvvv"),
    ("GB", "00vvvvvvv"),
    ("IE", "00vvvvvvv"),
    ("LU", "ddddddddd"),
    ("NL", "ddddddddd"),
];

fn places(text: &str) -> Option<Vec<Place>> {
    if text.len() != 12 {
        return None;
    }
    let country = as_letters(text.get(..2)?);
    let national = NATIONAL.iter().find(|(name, _)| *name == country);
    let (_, national) = national.unwrap_or(&("", "*********"));
    let mut places = pattern("aa");
    places.extend(national.chars().map(|c| match c {
        'v' => Place::Vin,
        '*' => Place::Any,
        _ => Place::Digit,
    }));
    places.push(Place::Digit);
    Some(places)
}
