//! GS1 element strings (GS1 General Specifications, 3 and 7.8). They consist of application identifiers with data. An
//! element ends at a fixed length or at FNC1.

use super::super::digits::gs1;
use super::super::fields::date;
use super::super::kind::CodeType;
use super::super::types::gtin_value;
use super::Element;

/// Character for FNC1 within a barcode.
const SEPARATOR: char = '\u{1d}';

/// Elements of known types, and the rest as `(AI)data`. If the content breaks the rules, all of it is the rest.
pub(super) fn elements(text: &str) -> (Vec<Element>, Option<String>) {
    let Some(strings) = split(text) else {
        return (Vec::new(), Some(text.to_owned()));
    };
    let mut elements = Vec::new();
    let mut rest = String::new();
    for (identifier, data) in strings {
        let raw = format!("({identifier}){data}");
        match element(identifier, data, &raw) {
            Some(element) => elements.push(element),
            None => rest.push_str(&raw),
        }
    }
    (elements, Some(rest).filter(|rest| !rest.is_empty()))
}

/// Converts an identifier and its data to an element, if it is of a known type.
pub(super) fn element(identifier: &str, data: &str, raw: &str) -> Option<Element> {
    Some(match identifier {
        "00" => Element::new(CodeType::Sscc, data, raw).checked("gs1-mod10", gs1(data)),
        "01" | "02" => {
            Element::new(CodeType::Gtin, gtin_value(data), raw).checked("gs1-mod10", gs1(data))
        }
        "10" => Element::new(CodeType::Batch, data, raw),
        "21" => Element::new(CodeType::SerialNumber, data, raw),
        "400" => Element::new(CodeType::OrderNumber, data, raw),
        "11" | "12" | "13" | "15" | "16" | "17" => {
            Element::new(CodeType::Date, date::of_gs1(data)?, raw)
        }
        _ => return None,
    })
}

/// Splits the text into application identifiers and their data.
fn split(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut strings = Vec::new();
    let mut rest = text.trim_start_matches(SEPARATOR);
    while !rest.is_empty() {
        let identifier = rest.get(..identifier_length(rest)?)?;
        if !identifier.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let data = &rest[identifier.len()..];
        let end = match fixed_length(identifier) {
            Some(length) if data.len() < length => return None,
            Some(length) => length,
            None => data.find(SEPARATOR).unwrap_or(data.len()),
        };
        let (data, after) = data.split_at_checked(end)?;
        let digits_only = fixed_length(identifier).is_some();
        if data.is_empty() || digits_only && !data.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        strings.push((identifier, data));
        rest = after.trim_start_matches(SEPARATOR);
    }
    (!strings.is_empty()).then_some(strings)
}

/// Number of digits of the identifier at the start of the text, by its first two digits.
fn identifier_length(text: &str) -> Option<usize> {
    let two: u32 = text.get(..2)?.parse().ok()?;
    Some(match two {
        0..=4 | 10..=22 | 37 | 90..=99 => 2,
        23..=25 | 40..=42 | 71 => 3,
        31..=36 | 39 | 43 | 70 | 72 | 80..=82 => 4,
        _ => return None,
    })
}

/// Number of digits of an element of fixed length, which needs no FNC1, by its first two digits.
fn fixed_length(identifier: &str) -> Option<usize> {
    let whole = match identifier.get(..2)? {
        "00" => 20,
        "01" | "02" | "03" => 16,
        "04" => 18,
        "11" | "12" | "13" | "14" | "15" | "16" | "17" | "18" | "19" => 8,
        "20" => 4,
        "31" | "32" | "33" | "34" | "35" | "36" => 10,
        "41" => 16,
        _ => return None,
    };
    Some(whole - identifier.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Option<String>) {
        let (elements, rest) = elements(text);
        let shown = |element: &Element| format!("{} {}", element.kind.name(), element.value);
        (elements.iter().map(shown).collect(), rest)
    }

    #[test]
    fn ends_elements_at_their_length_or_at_fnc1() {
        let (found, rest) = read("0104006381333931172601311012(A)\u{1d}3103001250");
        assert_eq!(
            found,
            ["gtin 4006381333931", "date 2026-01-31", "batch 12(A)"]
        );
        assert_eq!(rest.as_deref(), Some("(3103)001250"));
        let (found, rest) = read("0034012345123456789521X1");
        assert_eq!(found, ["sscc 340123451234567895", "serial_number X1"]);
        assert_eq!(rest, None);
    }

    #[test]
    fn keeps_invalid_content_whole() {
        for broken in [
            "0104006381",
            "05123",
            "01ABCDEFGHIJKLMN",
            "10",
            "1\u{e9}0",
            "",
        ] {
            assert_eq!(read(broken), (vec![], Some(broken.to_owned())), "{broken}");
        }
        let (found, rest) = read("17261331");
        assert_eq!((found.len(), rest.as_deref()), (0, Some("(17)261331")));
    }
}
