//! GS1's numbers: GTIN of 8, 12, 13 and 14 digits (EAN, UPC), and SSCC of 18.

use super::super::digits::gs1;
use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Seen, Spec, all};

pub(crate) const GTIN: Spec = Spec {
    kind: CodeType::Gtin,
    scheme: "gs1-mod10",
    labels: &[
        "gtin", "ean", "upc", "gtin 8", "gtin 12", "gtin 13", "gtin 14", "ean 8", "ean 13",
        "upc a", "ean code",
    ],
    length: (8, 14),
    separators: &[],
    places: |text| matches!(text.len(), 8 | 12 | 13 | 14).then(|| all(Place::Digit, text.len())),
    check: gs1,
    believe: |seen| seen.labelled || seen.ok && is_printed(seen),
    repair: Repair::Forced,
};

/// Groups as printed under a barcode: EAN-13 as 1-6-6, UPC-A as 1-5-5-1.
fn is_printed(seen: &Seen<'_>) -> bool {
    matches!(seen.groups, [1, 6, 6] | [1, 5, 5, 1]) && !seen.hyphens
}

/// A GTIN without padding zeros. In GS1's rules, a number of 8, 12 or 13 digits is the same as that number with zeros
/// before it. So UPC-A has 12 digits even if it was read as EAN-13, and the 14 digits of an application identifier
/// become those that are printed.
pub(crate) fn gtin_value(digits: &str) -> String {
    let zeros = |count: usize| digits.bytes().take(count).all(|byte| byte == b'0');
    let short = match digits.len() {
        14 if zeros(6) => 8,
        13 if zeros(5) => 8,
        14 if zeros(2) => 12,
        13 if zeros(1) => 12,
        14 if zeros(1) => 13,
        length => length,
    };
    digits[digits.len() - short..].to_owned()
}

pub(crate) const SSCC: Spec = Spec {
    kind: CodeType::Sscc,
    scheme: "gs1-mod10",
    // The application identifier 00 is printed as "(00)".
    labels: &["sscc", "nve", "sscc 18", "00"],
    length: (18, 18),
    separators: &[],
    places: |text| (text.len() == 18).then(|| all(Place::Digit, 18)),
    check: gs1,
    believe: |seen| seen.labelled,
    repair: Repair::Forced,
};
