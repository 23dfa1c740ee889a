//! Barcodes whose whole content is a number that is known by its form and check.

use super::super::kind::CodeType;
use super::super::types::{passes, scheme};
use super::Element;

/// Types a number if its form and check leave no doubt. Labels of parcels and shelves hold any number.
pub(super) fn number(format: &str, text: &str) -> Option<Element> {
    let compact: String = text.trim().chars().filter(|c| *c != ' ').collect();
    let value = compact.to_ascii_uppercase();
    // Car makers put an I before the VIN of an imported vehicle in Code 39.
    let vin = match value.strip_prefix('I') {
        Some(vin) if format == "code_39" && vin.len() == 17 => vin,
        _ => &value,
    };
    let letters = |text: &str| text.chars().filter(char::is_ascii_uppercase).count();
    let (kind, value) = if passes(CodeType::Iban, &value) {
        (CodeType::Iban, value.as_str())
    } else if passes(CodeType::Vin, vin) && letters(vin) >= 3 {
        (CodeType::Vin, vin)
    } else if passes(CodeType::Lei, &value) && letters(&value) >= 2 {
        (CodeType::Lei, value.as_str())
    } else if passes(CodeType::Imei, &value) && is_phone(&value) {
        (CodeType::Imei, value.as_str())
    } else {
        return None;
    };
    Some(Element::new(kind, value, text).checked(scheme(kind), true))
}

/// Checks for the bodies that issue almost all type allocation codes. Luhn's check alone accepts one number in ten.
fn is_phone(value: &str) -> bool {
    ["01", "35", "86", "99"]
        .iter()
        .any(|body| value.starts_with(body))
}
