//! Article numbers: EAN, UPC and ITF-14. Numbers of books and serials are within EAN-13.

use super::super::digits::{digits, gs1, weighted};
use super::super::kind::{CodeType, Selection};
use super::super::types::gtin_value;
use super::Element;

pub(super) fn number(format: &str, text: &str, wanted: &Selection) -> Option<Element> {
    let number = match (format, text.len()) {
        ("upc_e", 8) => expand(text)?,
        // The reader may report UPC-A as EAN-13 with a leading 0.
        ("upc_e", 12 | 13) => text.to_owned(),
        ("ean_8", 8) | ("upc_a", 12 | 13) | ("ean_13", 13) => text.to_owned(),
        ("itf", 14) if gs1(text) => text.to_owned(),
        _ => return None,
    };
    digits(&number)?;
    let book = number.len() == 13
        && (number.starts_with("978") || number.starts_with("979") && &number[3..4] != "0");
    if book && wanted.has(CodeType::Isbn) {
        return Some(Element::new(CodeType::Isbn, number.clone(), text).checked("isbn", gs1(text)));
    }
    if number.len() == 13 && number.starts_with("977") && wanted.has(CodeType::Issn) {
        let issn = issn(&number[3..10])?;
        return Some(Element::new(CodeType::Issn, issn, text).checked("issn-mod11", gs1(text)));
    }
    let ok = gs1(&number);
    Some(Element::new(CodeType::Gtin, gtin_value(&number), text).checked("gs1-mod10", ok))
}

/// Expands a UPC-E to UPC-A (GS1 General Specifications, 5.2.2.4.2). The last of its six digits states where zeros were
/// left out.
fn expand(text: &str) -> Option<String> {
    digits(text)?;
    let (system, six, check) = (&text[..1], &text[1..7], &text[7..]);
    let (head, last) = six.split_at(5);
    let middle = match last {
        "0" | "1" | "2" => format!("{}{last}0000{}", &head[..2], &head[2..]),
        "3" => format!("{}00000{}", &head[..3], &head[3..]),
        "4" => format!("{}00000{}", &head[..4], &head[4..]),
        _ => format!("{head}0000{last}"),
    };
    Some(format!("{system}{middle}{check}"))
}

/// Adds the check digit of an ISSN, which its EAN-13 leaves out.
fn issn(seven: &str) -> Option<String> {
    let sum = weighted(&digits(seven)?, &[8, 7, 6, 5, 4, 3, 2]);
    let check = match (11 - sum % 11) % 11 {
        10 => 'X',
        digit => char::from_digit(digit, 10)?,
    };
    Some(format!("{seven}{check}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_upc_e_to_upc_a() {
        for (short, long) in [
            ("04252614", "042100005264"),
            ("01234505", "012000003455"),
            ("01234531", "012300000451"),
            ("01234543", "012340000053"),
            ("01234565", "012345000065"),
        ] {
            assert_eq!(expand(short).as_deref(), Some(long));
            assert!(gs1(long), "{long}");
        }
        assert_eq!(expand("0425261x"), None);
    }
}
