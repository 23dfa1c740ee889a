//! ISBN (ISO 2108), of 10 and 13 digits.

use super::super::digits::{digits, gs1, mod11_x};
use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Spec, all};

pub(crate) const SPEC: Spec = Spec {
    kind: CodeType::Isbn,
    scheme: "isbn",
    labels: &["isbn", "isbn 10", "isbn 13"],
    length: (10, 13),
    separators: &['-', '–'],
    places: |text| match text.len() {
        10 => {
            let mut places = all(Place::Digit, 9);
            places.push(Place::DigitOrX);
            Some(places)
        }
        13 => Some(all(Place::Digit, 13)),
        _ => None,
    },
    check: |text| match text.len() {
        10 => mod11_x(text),
        _ => (text.starts_with("978") || text.starts_with("979")) && gs1(text),
    },
    // Hyphens divide an ISBN-13 into a group of three, then four more. In one run, a number with 978 could be that of a
    // barcode.
    believe: |seen| {
        let printed = seen.hyphens && seen.groups.len() == 5 && seen.groups[0] == 3;
        seen.labelled || seen.ok && seen.value.len() == 13 && (printed || seen.in_one())
    },
    repair: Repair::Forced,
};

/// The ISBN of 13 digits for one of 10.
pub(crate) fn of_13(ten: &str) -> Option<String> {
    let head = format!("978{}", ten.get(..9)?);
    let sum: u32 = digits(&head)?
        .iter()
        .zip([1, 3].into_iter().cycle())
        .map(|(digit, weight)| digit * weight)
        .sum();
    Some(format!("{head}{}", (10 - sum % 10) % 10))
}
