//! ISSN (ISO 3297): seven digits and a check digit that may be X, printed as 1234-567X.

use super::super::digits::mod11_x;
use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Spec, all};

pub(crate) const SPEC: Spec = Spec {
    kind: CodeType::Issn,
    scheme: "issn-mod11",
    labels: &["issn", "eissn"],
    length: (8, 8),
    separators: &['-', '–'],
    places: |text| {
        let mut places = all(Place::Digit, 7);
        places.push(Place::DigitOrX);
        (text.len() == 8).then_some(places)
    },
    check: mod11_x,
    // Two groups of four digits are often a telephone number or years. Only the X is distinctive.
    believe: |seen| {
        let printed = seen.hyphens && seen.groups == [4, 4];
        seen.labelled || seen.ok && printed && seen.value.ends_with('X')
    },
    repair: Repair::Forced,
};
