//! GS1 Digital Link: web addresses of articles and parcels, mostly in QR codes (GS1 Digital Link standard, URI syntax).
//! Any domain may have such addresses. Their path ends in application identifiers and their data.

use super::super::digits::gs1;
use super::super::types::is_of_digits;
use super::{Element, gs1 as strings};

/// Names for identifiers in early versions of the standard.
const NAMES: [(&str, &str); 6] = [
    ("gtin", "01"),
    ("sscc", "00"),
    ("cpv", "22"),
    ("lot", "10"),
    ("ser", "21"),
    ("exp", "17"),
];

/// Elements in an address. Returns `None` for addresses of anything else.
pub(super) fn elements(text: &str) -> Option<Vec<Element>> {
    let (scheme, rest) = text.trim().split_once("://")?;
    if !scheme.eq_ignore_ascii_case("https") && !scheme.eq_ignore_ascii_case("http") {
        return None;
    }
    let rest = rest.split('#').next()?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let parts: Vec<&str> = path.trim_end_matches('/').split('/').skip(1).collect();
    let key = (0..parts.len().checked_sub(1)?).find(|at| is_key(&parts[*at..]))?;
    let pairs = parts[key..].chunks(2).map(|pair| match pair {
        [name, data] => Some((identifier(name)?, *data)),
        _ => None,
    });
    // A path that continues in another way only looks like one of these.
    let pairs: Vec<(&str, &str)> = pairs.collect::<Option<_>>()?;
    let queried = query.split(['&', ';']).filter_map(|pair| {
        let (name, data) = pair.split_once('=')?;
        Some((identifier(name)?, data))
    });
    let found = pairs.into_iter().chain(queried).filter_map(|(name, data)| {
        let data = decoded(data)?;
        strings::element(name, &data, &format!("({name}){data}"))
    });
    Some(found.collect())
}

/// True if a path begins with an article or a parcel whose check digit is right.
fn is_key(parts: &[&str]) -> bool {
    let [name, data, ..] = parts else {
        return false;
    };
    let long = match identifier(name) {
        Some("01") => matches!(data.len(), 12..=14),
        Some("00") => data.len() == 18,
        _ => false,
    };
    long && is_of_digits(data) && gs1(data)
}

fn identifier(name: &str) -> Option<&str> {
    let named = NAMES.iter().find(|(known, _)| *known == name);
    match named {
        Some((_, identifier)) => Some(identifier),
        None => (is_of_digits(name) && (2..=4).contains(&name.len())).then_some(name),
    }
}

/// Decodes percent-encoding, such as `%2F` for `/`.
fn decoded(data: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(data.len());
    let mut rest = data.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|data| !data.is_empty())
}
