//! A structured code found in a document.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Code {
    /// Type, such as `iban`. `?codes=` takes the same names.
    #[serde(rename = "type")]
    pub kind: String,
    /// Normalized value, without spaces, hyphens and labels, and with letters in upper case. A date is `2026-01-31`. An
    /// amount is `1234.50`, followed by a space and its currency if one is printed. The number of an invoice or an
    /// order keeps the signs within it. A `barcode` has its encoded content; bytes that are not text are hex digits
    /// after `0x`.
    pub value: String,
    /// Text as it is printed on the page, with one space between words. For a barcode, the part of its content that the
    /// value is from.
    pub raw: String,
    /// Number of the page, counted from 1.
    pub page: u32,
    /// Box around all its words: left, top, right, bottom in pixels of the page, as in `words`.
    #[serde(rename = "box")]
    pub bounds: [i32; 4],
    pub source: Source,
    /// Symbology of a barcode, such as `qr_code`. `null` for all others.
    #[serde(default)]
    pub format: Option<String>,
    /// Label on the page, for types without a check. `null` for all others.
    #[serde(default)]
    pub label: Option<String>,
    /// Lowest confidence of its words, 0 to 100. A text layer or a barcode has 100, because it is read and not
    /// recognized.
    pub confidence: f32,
    /// `null` if the type has no check digit.
    pub check: Option<Check>,
    /// True if characters were exchanged so that it passes its check.
    pub repaired: bool,
    pub edits: Vec<Edit>,
    /// Sources that found this type and value with a check that passes, if there are several. Otherwise empty.
    pub agreement: Vec<Source>,
    /// Readings of each recognizer, if the code was re-read. Otherwise empty.
    #[serde(default)]
    pub readings: Vec<Reading>,
}

/// Reading of a line that was cut out of the page and recognized by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reading {
    pub recognizer: Recognizer,
    pub text: String,
    /// Confidence of its least certain word or character, 0 to 100.
    pub confidence: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Recognizer {
    Tesseract,
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
    /// Name, such as `iso7064-mod97-10`.
    pub scheme: String,
    pub ok: bool,
}

/// A character that was exchanged for a look-alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Edit {
    /// Index in `value`, in characters from 0.
    pub at: usize,
    /// The character that was read.
    pub from: char,
    pub to: char,
}
