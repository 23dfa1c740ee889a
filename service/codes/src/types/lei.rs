//! LEI (ISO 17442): 18 characters and two check digits.

use super::super::digits::mod97_10;
use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Spec, all};

pub(crate) const SPEC: Spec = Spec {
    kind: CodeType::Lei,
    scheme: "iso7064-mod97-10",
    labels: &["lei", "legal entity identifier"],
    length: (20, 20),
    separators: &['-'],
    places: |text| {
        let mut places = all(Place::Any, 18);
        places.extend(all(Place::Digit, 2));
        (text.len() == 20).then_some(places)
    },
    check: mod97_10,
    // Twenty digits alone are probably another number. Letters in one run of twenty are not.
    believe: |seen| seen.labelled || seen.ok && seen.in_one() && has_letters(seen.value),
    repair: Repair::Either,
};

/// A country, or the RF of ISO 11649, followed by digits is an account or a reference.
fn has_letters(value: &str) -> bool {
    let letter_within = value.chars().skip(2).any(|c| c.is_ascii_uppercase());
    letter_within
        && value.chars().filter(char::is_ascii_uppercase).count() >= 2
        && value.chars().filter(char::is_ascii_digit).count() >= 4
}
