//! National checks of VAT numbers.

use super::super::super::digits::{digits, luhn, mod11_10, mod97, weighted};

/// True if a number of its country's form passes the country's check.
pub(super) fn passes(country: &str, number: &str) -> Option<bool> {
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
        "BG" => {
            let d = digits(number)?;
            let rest = |first| d[..8].iter().zip(first..).map(|(d, w)| d * w).sum::<u32>() % 11;
            let check = if rest(1) == 10 { rest(3) } else { rest(1) };
            check % 10 == last(&d)?
        }
        "CY" => {
            let d = digits(number.get(..8)?)?;
            const ODD: [u32; 10] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21];
            let sum: u32 = d
                .iter()
                .enumerate()
                .map(|(at, d)| if at % 2 == 0 { ODD[*d as usize] } else { *d })
                .sum();
            !number.starts_with("12") && ('A'..='Z').nth(sum as usize % 26) == number.chars().last()
        }
        "CZ" => {
            let d = digits(number)?;
            let check = (11 - weighted(&d[..7], &[8, 7, 6, 5, 4, 3, 2]) % 11) % 11;
            !number.starts_with('9') && check.max(1) % 10 == last(&d)?
        }
        "EE" => weighted(&digits(number)?, &[3, 7, 1, 3, 7, 1, 3, 7, 1]).is_multiple_of(10),
        "EL" => {
            let d = digits(number)?;
            let sum = d[..8].iter().fold(0, |sum, d| sum * 2 + d);
            sum * 2 % 11 % 10 == last(&d)?
        }
        "HR" => mod11_10(&digits(number)?),
        "HU" => weighted(&digits(number)?, &[9, 7, 3, 1, 9, 7, 3, 1]).is_multiple_of(10),
        "LT" => {
            let d = digits(number)?;
            let (head, check) = (&d[..d.len() - 1], last(&d)?);
            let rest = |first: usize| {
                let weights = (1..=9).cycle().skip(first);
                head.iter().zip(weights).map(|(d, w)| d * w).sum::<u32>() % 11
            };
            let wanted = if rest(0) == 10 { rest(2) % 10 } else { rest(0) };
            // The last digit but one marks a number of this register.
            head.last() == Some(&1) && wanted == check
        }
        // Numbers that begin with 0 to 3 are personal numbers.
        "LV" => {
            number >= "4"
                && weighted(&digits(number)?, &[9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1]) % 11 == 3
        }
        "MT" => {
            !number.starts_with('0')
                && weighted(&digits(number)?, &[3, 4, 6, 7, 8, 9, 10, 1]).is_multiple_of(37)
        }
        "RO" => {
            let d = digits(number)?;
            let (check, head) = d.split_last()?;
            let weights = [7, 5, 3, 2, 1, 7, 5, 3, 2];
            let sum = weighted(head, weights.get(9 - head.len()..)?);
            !number.starts_with('0') && sum * 10 % 11 % 10 == *check
        }
        "SI" => {
            let d = digits(number)?;
            let check = 11 - weighted(&d[..7], &[8, 7, 6, 5, 4, 3, 2]) % 11;
            !number.starts_with('0') && check != 11 && check % 10 == last(&d)?
        }
        "SK" => {
            number.parse::<u64>().ok()?.is_multiple_of(11)
                && !number.starts_with('0')
                && matches!(
                    number.as_bytes().get(2),
                    Some(b'2' | b'3' | b'4' | b'7' | b'8' | b'9')
                )
        }
        "XI" => {
            let rest = weighted(&digits(number)?, &[8, 7, 6, 5, 4, 3, 2, 10, 1]) % 97;
            rest == 0 || matches!(rest, 42 | 55) && number >= "100"
        }
        _ => return None,
    })
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
