//! IBAN (ISO 13616): a country, two check digits, and an account number whose length depends on the country.

use super::super::digits::mod97_10;
use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Seen, Spec, all, as_letters};

pub(crate) const SPEC: Spec = Spec {
    kind: CodeType::Iban,
    scheme: "iso7064-mod97-10",
    labels: &["iban", "konto", "account"],
    length: (15, 33),
    separators: &[],
    places,
    check,
    believe,
    repair: Repair::Either,
};

/// Length of the whole IBAN, and `d` if the account number consists of digits (SWIFT's IBAN registry, release 101).
const COUNTRIES: &str = "AD24* AE23d AL28* AT20d AZ28* BA20d BE16d BG22* BH22* BI27d BR29* BY28* CH21* CR22d CY28* CZ24d DE22d \
    DJ27d DK18d DO28* EE20d EG29d ES24d FI18d FK18* FO18d FR27* GB22* GE22* GI23* GL18d GR27* GT28* HN28* \
    HR21d HU28d IE22* IL23d IQ23* IS26d IT27* JO30* KW30* KZ20* LB28* LC32* LI21* LT20d LU20* LV21* LY25d \
    MC27* MD24* ME22d MK19* MN20d MR27d MT31* MU30* NI28* NL18* NO15d OM23* PK24* PL28d PS29* PT25d QA29* \
    RO24* RS22d RU33* SA24* SC31* SD18d SE24d SI19d SK24d SM27* SO23d ST25d SV28* TL23d TN24d TR26* UA29* \
    VA22d VG24* XK20d YE30*";

/// Length of an IBAN of a country, by its two letters.
pub(crate) fn length(country: &str) -> Option<usize> {
    entry(country)?.get(2..4)?.parse().ok()
}

fn entry(country: &str) -> Option<&'static str> {
    let of_country = |entry: &&str| country.len() == 2 && entry.starts_with(country);
    COUNTRIES.split_whitespace().find(of_country)
}

fn places(text: &str) -> Option<Vec<Place>> {
    let country = as_letters(text.get(..2)?);
    let entry = entry(&country)?;
    let length = length(&country)?;
    if length != text.len() {
        return None;
    }
    let account = if entry.ends_with('d') {
        Place::Digit
    } else {
        Place::Any
    };
    let mut places = vec![Place::Letter, Place::Letter, Place::Digit, Place::Digit];
    places.extend(all(account, length - 4));
    Some(places)
}

fn check(text: &str) -> bool {
    text.split_at_checked(4)
        .is_some_and(|(head, tail)| mod97_10(&format!("{tail}{head}")))
}

/// Country, length and a check of 1 in 97 are enough. An IBAN that fails its check is recognized by its groups of four,
/// or by being in one piece.
fn believe(seen: &Seen<'_>) -> bool {
    seen.ok || seen.labelled || seen.in_one() || seen.in_fours()
}
