//! Codes in barcodes: the content of a barcode, by type.

mod article;
mod gs1;
mod link;
mod payment;
mod plain;
mod written;

use ocr_api::code::{Check, Code, Source};

use super::kind::{CodeType, Selection};
use super::rules::RuleFinder;

/// A barcode that the reader found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Barcode {
    /// Symbology, such as `qr_code`.
    pub format: &'static str,
    pub content: Content,
    /// True if the barcode is marked as GS1 element strings. FNC1 within them is U+001D.
    pub gs1: bool,
    /// Left, top, right, bottom in pixels of the page.
    pub bounds: [i32; 4],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Text(String),
    /// Content that is not declared as text and is not UTF-8.
    Bytes(Vec<u8>),
}

/// A value in a barcode.
#[derive(Debug, PartialEq, Eq)]
struct Element {
    kind: CodeType,
    value: String,
    raw: String,
    /// The scheme of the check, and its result.
    check: Option<(&'static str, bool)>,
}

impl Element {
    fn new(kind: CodeType, value: impl Into<String>, raw: impl Into<String>) -> Self {
        Self {
            kind,
            value: value.into(),
            raw: raw.into(),
            check: None,
        }
    }

    fn checked(self, scheme: &'static str, ok: bool) -> Self {
        Self {
            check: Some((scheme, ok)),
            ..self
        }
    }
}

/// Codes of the wanted types in the barcodes of a page. Content of no wanted type is a `barcode`, if that type is
/// wanted.
pub fn in_barcodes(
    barcodes: &[Barcode],
    page: u32,
    wanted: &Selection,
    rules: &RuleFinder,
) -> Vec<Code> {
    let mut codes = Vec::new();
    for barcode in barcodes {
        let before = codes.len();
        let code = |element: Element| code(barcode, page, element);
        let (elements, rest) = elements(barcode, wanted);
        codes.extend(
            elements
                .into_iter()
                .filter(|element| wanted.has(element.kind))
                .map(code),
        );
        if let Content::Text(text) = &barcode.content {
            codes.extend(rules.in_content(text).map(|(rule, value, check)| Code {
                kind: rule.to_owned(),
                check,
                ..code(Element::new(CodeType::Barcode, value, text))
            }));
        }
        let rest = match rest {
            _ if codes.len() == before => Some(printable(&barcode.content)),
            rest => rest,
        };
        if let Some(rest) = rest.filter(|_| wanted.has(CodeType::Barcode)) {
            codes.push(code(Element::new(CodeType::Barcode, rest.clone(), rest)));
        }
    }
    codes
}

/// Elements of known types in the content, and the rest.
fn elements(barcode: &Barcode, wanted: &Selection) -> (Vec<Element>, Option<String>) {
    let Content::Text(text) = &barcode.content else {
        return (Vec::new(), None);
    };
    if barcode.gs1 {
        return gs1::elements(text);
    }
    let found = article::number(barcode.format, text, wanted)
        .map(|element| vec![element])
        .or_else(|| payment::elements(text))
        .or_else(|| plain::number(barcode.format, text).map(|element| vec![element]));
    if let Some(found) = found {
        return (found, None);
    }
    // Addresses and written texts contain more than the codes in them.
    let found = link::elements(text).unwrap_or_else(|| written::numbers(text, wanted));
    let rest = (!found.is_empty()).then(|| text.clone());
    (found, rest)
}

/// Text unchanged, and other bytes as hex digits.
fn printable(content: &Content) -> String {
    match content {
        Content::Text(text) => text.clone(),
        Content::Bytes(bytes) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            format!("0x{}", digits.collect::<String>())
        }
    }
}

fn code(barcode: &Barcode, page: u32, element: Element) -> Code {
    Code {
        kind: element.kind.name().to_owned(),
        value: element.value,
        raw: element.raw,
        page,
        bounds: barcode.bounds,
        source: Source::Barcode,
        format: Some(barcode.format.to_owned()),
        label: None,
        confidence: 100.0,
        check: element.check.map(|(scheme, ok)| Check {
            scheme: scheme.to_owned(),
            ok,
        }),
        repaired: false,
        edits: Vec::new(),
        agreement: Vec::new(),
        readings: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
