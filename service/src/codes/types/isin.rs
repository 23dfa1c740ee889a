//! ISIN (ISO 6166): a country, nine characters, a check digit by Luhn.

use super::super::digits::luhn;
use super::super::kind::CodeType;
use super::super::spec::{Repair, Spec, places};

pub(in crate::codes) const SPEC: Spec = Spec {
    kind: CodeType::Isin,
    scheme: "isin-luhn",
    labels: &["isin"],
    length: (12, 12),
    separators: &[],
    places: |text| (text.len() == 12).then(|| places("aa*********d")),
    check: luhn,
    // Luhn passes one in ten, and article numbers look the same.
    believe: |seen| seen.labelled,
    repair: Repair::Forced,
};
