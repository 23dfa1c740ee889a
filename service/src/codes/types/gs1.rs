//! GS1's numbers: GTIN of 8, 12, 13 and 14 digits (EAN, UPC), and SSCC of 18.

use super::super::digits::gs1;
use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Seen, Spec, all};

pub(in crate::codes) const GTIN: Spec = Spec {
    kind: CodeType::Gtin,
    scheme: "gs1-mod10",
    labels: &[
        "gtin", "ean", "upc", "gtin 8", "gtin 12", "gtin 13", "gtin 14", "ean 8", "ean 13",
        "upc a", "ean code", "barcode",
    ],
    length: (8, 14),
    separators: &[],
    places: |text| matches!(text.len(), 8 | 12 | 13 | 14).then(|| all(Place::Digit, text.len())),
    check: gs1,
    believe: |seen| seen.labelled || seen.ok && is_printed(seen),
    repair: Repair::Forced,
};

/// As it stands under a bar code: EAN-13 as 1-6-6, UPC-A as 1-5-5-1.
fn is_printed(seen: &Seen<'_>) -> bool {
    matches!(seen.groups, [1, 6, 6] | [1, 5, 5, 1]) && !seen.hyphens
}

pub(in crate::codes) const SSCC: Spec = Spec {
    kind: CodeType::Sscc,
    scheme: "gs1-mod10",
    // 00 is its application identifier, printed as "(00)".
    labels: &["sscc", "nve", "sscc 18", "00"],
    length: (18, 18),
    separators: &[],
    places: |text| (text.len() == 18).then(|| all(Place::Digit, 18)),
    check: gs1,
    believe: |seen| seen.labelled,
    repair: Repair::Forced,
};
