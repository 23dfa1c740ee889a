//! A structured code found in a document.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Code {
    /// Such as `iban`; `?codes=` takes the same names.
    #[serde(rename = "type")]
    pub kind: String,
    /// Normalized: no spaces, hyphens or labels; letters in upper case; a date as `2026-01-31`; an amount as
    /// `1234.50`, with its currency after a space where one is printed. An invoice's or order's number keeps the signs
    /// within it, and a `barcode` is as it was encoded: bytes that are no text are hex digits after `0x`.
    pub value: String,
    /// As it stands on the page; words are joined by one space. For a barcode, what of its content the value is from.
    pub raw: String,
    /// Counted from 1.
    pub page: u32,
    /// Around all its words: left, top, right, bottom, in pixels of the page as in `words`.
    #[serde(rename = "box")]
    pub bounds: [i32; 4],
    pub source: Source,
    /// The symbology of a barcode, such as `qr_code`; else `null`.
    #[serde(default)]
    pub format: Option<String>,
    /// The words on the page that say what it is, for the types without a check; else `null`.
    #[serde(default)]
    pub label: Option<String>,
    /// The lowest of its words' confidences, 0 to 100. A text layer or a barcode has 100: it was read, not guessed.
    pub confidence: f32,
    /// `null` where the type has no check digit.
    pub check: Option<Check>,
    /// Whether characters were exchanged to make it pass its check.
    pub repaired: bool,
    pub edits: Vec<Edit>,
    /// The sources that gave this type and value, its check passing, when there is more than one; else empty.
    pub agreement: Vec<Source>,
    /// What each recognizer read where the code stands, when it was looked at a second time; else empty.
    #[serde(default)]
    pub readings: Vec<Reading>,
}

/// A line that was cut out of the page and recognized again, by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reading {
    pub recognizer: Recognizer,
    pub text: String,
    /// Of its least certain word or character, 0 to 100.
    pub confidence: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Recognizer {
    Tesseract,
    /// PP-OCR's recognition model.
    PpOcr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Source {
    Barcode,
    /// A PDF's text layer.
    Text,
    /// Recognized from pixels.
    Ocr,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Check {
    /// Such as `iso7064-mod97-10`.
    pub scheme: String,
    pub ok: bool,
}

/// One character exchanged for its look-alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Edit {
    /// Its place in `value`, in characters from 0.
    pub at: usize,
    /// As it was read.
    pub from: char,
    pub to: char,
}
