//! VAT numbers of the European Union, of the countries that most invoices come from, with their national checks.
//! The algorithms agree with python-stdnum's on the numbers of tests/fixtures/codes.tsv.

use super::super::digits::{digits, luhn, mod97, weighted};
use super::super::kind::CodeType;
use super::super::spec::{Place, Repair, Seen, Spec, as_letters, places as pattern};

pub(in crate::codes) const SPEC: Spec = Spec {
    kind: CodeType::EuVat,
    scheme: "eu-vat",
    labels: &[
        "vat",
        "vat id",
        "vat no",
        "vat number",
        "vat reg no",
        "ust id",
        "ust idnr",
        "ustid",
        "ustidnr",
        "uid",
        "btw",
        "btw nummer",
        "tva",
        "partita iva",
        "p iva",
        "iva",
        "nif",
        "cif",
        "nip",
        "cvr",
        "moms",
        "momsnr",
        "alv",
    ],
    length: (10, 14),
    separators: &['.', '-'],
    places,
    check,
    believe,
    repair: Repair::Forced,
};

/// Country and the places after it: `d` a digit, `a` a letter, `*` either.
const FORMS: [(&str, &str); 15] = [
    ("AT", "adddddddd"),
    ("BE", "dddddddddd"),
    ("DE", "ddddddddd"),
    ("DK", "dddddddd"),
    ("ES", "*ddddddd*"),
    ("FI", "dddddddd"),
    ("FR", "ddddddddddd"),
    ("IE", "ddddddda"),
    ("IE", "dddddddaa"),
    ("IT", "ddddddddddd"),
    ("LU", "dddddddd"),
    ("NL", "dddddddddadd"),
    ("PL", "dddddddddd"),
    ("PT", "ddddddddd"),
    ("SE", "dddddddddddd"),
];

fn places(text: &str) -> Option<Vec<Place>> {
    let country = as_letters(text.get(..2)?);
    let (_, form) = FORMS
        .iter()
        .find(|(name, form)| *name == country && form.len() + 2 == text.len())?;
    Some(pattern(&format!("aa{form}")))
}

fn check(text: &str) -> bool {
    let Some((country, number)) = text.split_at_checked(2) else {
        return false;
    };
    passes(country, number).unwrap_or(false)
}

fn passes(country: &str, number: &str) -> Option<bool> {
    let last = |digits: &[u32]| digits.last().copied();
    Some(match country {
        "AT" => {
            let d = digits(number.strip_prefix('U')?)?;
            let double = |digit: u32| digit * 2 / 10 + digit * 2 % 10;
            let sum: u32 = (0..7)
                .map(|at| if at % 2 == 0 { d[at] } else { double(d[at]) })
                .sum();
            (106 - sum) % 10 == last(&d)?
        }
        "BE" => {
            let (head, tail) = number.split_at_checked(8)?;
            97 - head.parse::<u32>().ok()? % 97 == tail.parse::<u32>().ok()?
                && number.starts_with(['0', '1'])
        }
        "DE" => !number.starts_with('0') && mod11_10(&digits(number)?),
        "DK" => {
            !number.starts_with('0')
                && weighted(&digits(number)?, &[2, 7, 6, 5, 4, 3, 2, 1]).is_multiple_of(11)
        }
        "ES" => spain(number)?,
        "FI" => weighted(&digits(number)?, &[7, 9, 10, 5, 8, 4, 2, 1]).is_multiple_of(11),
        "FR" => {
            let (key, siren) = number.split_at_checked(2)?;
            let siren_97 = siren.parse::<u64>().ok()? % 97;
            // Monaco has French numbers whose SIREN begins with 000 and has no check digit.
            (luhn(siren) || siren.starts_with("000"))
                && u64::from(key.parse::<u32>().ok()?) == (12 + 3 * siren_97) % 97
        }
        "IE" => {
            let d = digits(number.get(..7)?)?;
            let extra = match number.chars().nth(8) {
                None | Some('W') => 0,
                Some(c) => c as u32 - 'A' as u32 + 1,
            };
            let sum = weighted(&d, &[8, 7, 6, 5, 4, 3, 2]) + 9 * extra;
            "WABCDEFGHIJKLMNOPQRSTUV".chars().nth(sum as usize % 23) == number.chars().nth(7)
        }
        "IT" => {
            // The province that registered it.
            let province: u32 = number.get(7..10)?.parse().ok()?;
            luhn(number)
                && !number.starts_with("0000000")
                && matches!(province, 1..=100 | 120 | 121 | 888 | 999)
        }
        "LU" => {
            let (head, tail) = number.split_at_checked(6)?;
            head.parse::<u32>().ok()? % 89 == tail.parse::<u32>().ok()?
        }
        "NL" => {
            let (rsin, tail) = number.split_at_checked(9)?;
            let d = digits(rsin)?;
            let old = weighted(&d, &[9, 8, 7, 6, 5, 4, 3, 2]) % 11 == last(&d)?;
            // Since 2020, sole traders have numbers that pass mod 97-10 instead.
            tail.starts_with('B') && (old || mod97(&format!("NL{number}")) == Some(1))
        }
        "PL" => {
            let d = digits(number)?;
            weighted(&d, &[6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 == last(&d)?
        }
        "PT" => {
            let d = digits(number)?;
            let sum = weighted(&d, &[9, 8, 7, 6, 5, 4, 3, 2]);
            !number.starts_with('0') && (11 - sum % 11) % 11 % 10 == last(&d)?
        }
        "SE" => number.ends_with("01") && luhn(number.get(..10)?),
        _ => return None,
    })
}

/// ISO 7064 MOD 11,10.
fn mod11_10(digits: &[u32]) -> bool {
    let rest = digits.iter().fold(5, |check, digit| {
        let doubled = if check == 0 { 10 } else { check } * 2 % 11;
        (doubled + digit) % 10
    });
    rest == 1
}

/// A person's DNI or NIE, or a company's CIF.
fn spain(number: &str) -> Option<bool> {
    let first = number.chars().next()?;
    let last = number.chars().last()?;
    let middle = number.get(1..8)?;
    let dni = |number: String| -> Option<bool> {
        let rest = number.parse::<usize>().ok()? % 23;
        Some("TRWAGMYFPDXBNJZSQVHLCKE".chars().nth(rest) == Some(last))
    };
    match first {
        '0'..='9' => dni(number.get(..8)?.to_owned()),
        'X' | 'Y' | 'Z' => dni(format!("{}{middle}", first as u32 - 'X' as u32)),
        'K' | 'L' | 'M' => dni(middle.to_owned()),
        'A'..='J' | 'N' | 'P'..='S' | 'U' | 'V' | 'W' => {
            let sum: u32 = digits(middle)?
                .iter()
                .enumerate()
                .map(|(at, d)| {
                    if at % 2 == 0 {
                        d * 2 / 10 + d * 2 % 10
                    } else {
                        *d
                    }
                })
                .sum();
            let check = (10 - sum % 10) % 10;
            let letter = "JABCDEFGHI".chars().nth(check as usize);
            let as_digit = char::from_digit(check, 10) == Some(last);
            Some(match first {
                'P' | 'Q' | 'R' | 'S' | 'N' | 'W' => letter == Some(last),
                'A' | 'B' | 'E' | 'H' => as_digit,
                _ => as_digit || letter == Some(last),
            })
        }
        _ => Some(false),
    }
}

/// Without a label, a form of its own and more than a check of 1 in 10 have to say so: "DE" and nine digits are also a
/// policy's or an order's number. One that fails is reported with a label only.
fn believe(seen: &Seen<'_>) -> bool {
    const TELLING: [&str; 8] = ["AT", "BE", "ES", "FR", "IE", "LU", "NL", "SE"];
    let telling = seen
        .value
        .get(..2)
        .is_some_and(|country| TELLING.contains(&country));
    seen.labelled || seen.ok && seen.in_one() && telling
}
