//! Numbers with Luhn's check digit: IMEI (3GPP TS 23.003, annex B), and card-like ones.

use super::super::digits::luhn;
use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Spec, all};

pub(crate) const IMEI: Spec = Spec {
    kind: CodeType::Imei,
    scheme: "luhn",
    // "IMEI" becomes "IME" if its last letter is read as a bar or a "!".
    labels: &["imei", "imei 1", "imei1", "imei2", "ime"],
    length: (15, 15),
    separators: &['-', '/'],
    places: |text| (text.len() == 15).then(|| all(Place::Digit, 15)),
    check: luhn,
    // 3GPP's printed form: 2-6-6-1.
    believe: |seen| seen.labelled || seen.ok && seen.groups == [2, 6, 6, 1],
    repair: Repair::Forced,
};

/// Clients that request these want them without labels. One that fails its check is just a number.
pub(crate) const CARD: Spec = Spec {
    kind: CodeType::Luhn,
    scheme: "luhn",
    labels: &["card", "card number", "karte", "kartennummer"],
    length: (13, 19),
    separators: &['-'],
    places: |text| {
        (13..=19)
            .contains(&text.len())
            .then(|| all(Place::Digit, text.len()))
    },
    check: luhn,
    believe: |seen| seen.labelled || seen.ok && (seen.in_one() || seen.in_fours()),
    repair: Repair::Forced,
};
