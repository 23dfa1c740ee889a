//! The types with a check, one small file each.

mod eu_vat;
mod gs1;
mod iban;
mod isbn;
mod isin;
mod issn;
mod lei;
mod luhn;
mod vin;

use super::kind::CodeType;
use super::spec::{Place, Spec};
pub(super) use gs1::gtin_value;
pub(super) use iban::length as iban_length;

pub(super) const SPECS: [&Spec; 11] = [
    &iban::SPEC,
    &lei::SPEC,
    &eu_vat::SPEC,
    &vin::SPEC,
    &isbn::SPEC,
    &issn::SPEC,
    &isin::SPEC,
    &gs1::SSCC,
    &luhn::IMEI,
    &gs1::GTIN,
    &luhn::CARD,
];

fn spec(kind: CodeType) -> Option<&'static Spec> {
    SPECS.into_iter().find(|spec| spec.kind == kind)
}

/// True if a text consists of the digits 0 to 9.
pub(super) fn is_of_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// True if a word is the label of a number, such as `sscc`, and so not part of one. The word is in lower case.
pub(super) fn is_label(word: &str) -> bool {
    word.len() >= 3
        && word.bytes().all(|byte| byte.is_ascii_lowercase())
        && SPECS
            .into_iter()
            .filter(|spec| spec.kind != CodeType::Luhn)
            .any(|spec| spec.labels.contains(&word))
}

/// True if a value has the form of a type and passes its check.
pub(super) fn passes(kind: CodeType, value: &str) -> bool {
    spec(kind).is_some_and(|spec| {
        let places = (spec.places)(value).filter(|places| places.len() == value.chars().count());
        let fits = |places: Vec<Place>| {
            places
                .iter()
                .zip(value.chars())
                .all(|(place, c)| place.takes(c))
        };
        places.is_some_and(fits) && (spec.check)(value)
    })
}

/// Name of a type's check.
pub(super) fn scheme(kind: CodeType) -> &'static str {
    spec(kind).map_or("", |spec| spec.scheme)
}

/// Identity of values with the same meaning: an ISBN of 10 digits is the same as one of 13.
pub(super) fn identity(kind: &str, value: &str) -> String {
    match kind {
        "isbn" if value.len() == 10 => isbn::of_13(value).unwrap_or_else(|| value.to_owned()),
        _ => value.to_owned(),
    }
}
