//! ISIN (ISO 6166): a country, nine characters, a check digit by Luhn.

use super::super::digits::luhn;
use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Spec, as_letters, places as pattern};

pub(crate) const SPEC: Spec = Spec {
    kind: CodeType::Isin,
    scheme: "isin-luhn",
    labels: &["isin"],
    length: (12, 12),
    separators: &[],
    places,
    check: luhn,
    // One number in ten passes Luhn, and article numbers look the same, except for the zeros of some countries.
    believe: |seen| {
        let zeros = ["DE000", "GB00", "IE00"];
        let telling = zeros.iter().any(|head| seen.value.starts_with(head));
        // In groups, an ISIN is country, number and check digit. "FR06 0203 6981" is the beginning of an IBAN.
        let whole = seen.in_one() || seen.groups.first() == Some(&2);
        seen.labelled && whole || seen.ok && seen.in_one() && telling
    },
    repair: Repair::Forced,
};

/// ISO 3166-1, and further codes in use: XS for international securities, EU, XK for Kosovo, XA to XF and QS, QT for
/// substitute numbers, EZ for derivatives, XT and XV for crypto assets.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW \
    BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET EU EZ FI FJ FK FM FO FR GA \
    GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI \
    KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA \
    NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA QS QT RE RO RS RU RW SA SB SC SD SE SG SH SI \
    SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI VN VU \
    WF WS XA XB XC XD XF XK XS XT XV YE YT ZA ZM ZW";

/// Characters between country and check digit, for countries whose numbering agency has a rule. `v` is a digit or a
/// letter except for I and O, which WKN and CUSIP avoid; SEDOL avoids all vowels. Others are digits.
const NATIONAL: [(&str, &str); 5] = [
    ("DE", "000vvvvvv"),
    ("GB", "00vvvvvvv"),
    ("IE", "00vvvvvvv"),
    ("LU", "ddddddddd"),
    ("NL", "ddddddddd"),
];

fn places(text: &str) -> Option<Vec<Place>> {
    if text.len() != 12 {
        return None;
    }
    let country = as_letters(text.get(..2)?);
    if !COUNTRIES.split_whitespace().any(|known| known == country) {
        return None;
    }
    let national = NATIONAL.iter().find(|(name, _)| *name == country);
    let (_, national) = national.unwrap_or(&("", "vvvvvvvvv"));
    let mut places = pattern("aa");
    places.extend(national.chars().map(|c| match c {
        'v' => Place::Clear,
        _ => Place::Digit,
    }));
    places.push(Place::Digit);
    Some(places)
}
