//! VIN (ISO 3779). The check digit in the ninth place is law in North America and China (49 CFR 565.15). European
//! makers mostly put something else there, so a failing check says little about a VIN that begins with S to Z.

use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Spec, all};

pub(crate) const SPEC: Spec = Spec {
    kind: CodeType::Vin,
    scheme: "vin-mod11",
    labels: &[
        "vin",
        "fin",
        "vehicle identification number",
        "chassis number",
        "chassis no",
        "fahrgestellnummer",
        "fahrgestellnr",
        "fahrgestell nr",
        "fahrzeugidentifizierungsnummer",
        "fahrzeug identifizierungsnummer",
        "fahrzeug ident nr",
        "fahrzeug ident",
    ],
    length: (17, 17),
    separators: &[],
    places: |text| (text.len() == 17).then(|| all(Place::Vin, 17)),
    check,
    // Without a label, it needs a check that passes, letters, and a serial number that ends in digits.
    believe: |seen| seen.labelled || seen.ok && seen.in_one() && has_form(seen.value),
    // Since the check says little, it justifies only exchanges that the form forces (no VIN has I or O).
    repair: Repair::Forced,
};

fn has_form(value: &str) -> bool {
    let serial = value.get(13..).unwrap_or_default();
    serial.chars().all(|c| c.is_ascii_digit())
        && value.chars().filter(char::is_ascii_uppercase).count() >= 3
}

fn check(text: &str) -> bool {
    const WEIGHTS: [u32; 17] = [8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2];
    let mut sum = 0;
    for (c, weight) in text.chars().zip(WEIGHTS) {
        let Some(value) = value(c) else { return false };
        sum += value * weight;
    }
    let wanted = char::from_digit(sum % 11, 10).unwrap_or('X');
    text.chars().nth(8) == Some(wanted)
}

fn value(c: char) -> Option<u32> {
    Some(match c {
        '0'..='9' => c.to_digit(10)?,
        'A'..='H' => c as u32 - 'A' as u32 + 1,
        'J'..='N' => c as u32 - 'J' as u32 + 1,
        'P' => 7,
        'R' => 9,
        'S'..='Z' => c as u32 - 'S' as u32 + 2,
        _ => return None,
    })
}
