//! Answers of `POST /v1/ocr` and `POST /v1/codes`. Clients ignore unknown fields, because later releases add some.

use serde::ser::SerializeStruct;
use serde::{Deserialize, Serialize, Serializer};

use crate::code::{Code, Recognizer};
use crate::health::Engine;
use crate::issue::Issue;

/// Answer to one document. Every requested page is in `pages`, whatever its result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Answer {
    /// Id of the request, as in the `X-Request-Id` header and in the service's log.
    pub id: String,
    /// Release of the service that answered.
    pub release: String,
    /// Versions of the programs that read the document.
    #[serde(default)]
    pub engine: Engine,
    /// True if each requested page was read to its end: every `status` is `ok` or `empty`.
    pub complete: bool,
    pub document: Document,
    pub pages: Vec<Page>,
    /// Structured codes found in the document, by page and place.
    pub codes: Vec<Code>,
    /// Warnings about this answer for people: the sentences of `issues`.
    pub warnings: Vec<String>,
    /// Warnings for programs. Releases before this field leave it out.
    #[serde(default)]
    pub issues: Vec<Issue>,
}

/// Answer of `POST /v1/codes`: an [`Answer`] without the text of pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CodesAnswer {
    pub id: String,
    pub release: String,
    #[serde(default)]
    pub engine: Engine,
    pub complete: bool,
    pub document: Document,
    /// Result of each requested page.
    pub pages: Vec<PageOutcome>,
    pub codes: Vec<Code>,
    pub warnings: Vec<String>,
    #[serde(default)]
    pub issues: Vec<Issue>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PageOutcome {
    /// Number of the page, counted from 1.
    pub page: u32,
    pub status: PageStatus,
    pub method: Option<Method>,
}

impl From<Answer> for CodesAnswer {
    fn from(answer: Answer) -> Self {
        let outcome = |page: &Page| PageOutcome {
            page: page.page,
            status: page.status,
            method: page.method,
        };
        Self {
            id: answer.id,
            release: answer.release,
            engine: answer.engine,
            complete: answer.complete,
            document: answer.document,
            pages: answer.pages.iter().map(outcome).collect(),
            codes: answer.codes,
            warnings: answer.warnings,
            issues: answer.issues,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Document {
    /// File name that the client gave, if it gave one. It affects nothing.
    pub name: Option<String>,
    #[serde(rename = "type")]
    pub kind: DocumentType,
    /// SHA-256 of the document's bytes, as 64 hex digits.
    pub sha256: String,
    /// Number of pages in the document, requested or not.
    pub pages: u32,
    /// Files that are embedded in a PDF. `attachment=` reads one of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
}

/// A file within a document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Attachment {
    /// Number of the file, counted from 1.
    pub number: u32,
    pub name: String,
    /// Its size; `null` where that takes too long to find out, and in answers of releases before this field.
    #[serde(default)]
    pub bytes: Option<u64>,
}

/// Type of a document, determined by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DocumentType {
    #[serde(rename = "application/pdf")]
    Pdf,
    #[serde(rename = "image/png")]
    Png,
    #[serde(rename = "image/jpeg")]
    Jpeg,
    #[serde(rename = "image/tiff")]
    Tiff,
    #[serde(rename = "image/webp")]
    Webp,
    #[serde(rename = "image/gif")]
    Gif,
    #[serde(rename = "image/bmp")]
    Bmp,
    /// JPEG 2000, in its file format or as a bare codestream.
    #[serde(rename = "image/jp2")]
    Jp2,
    #[serde(rename = "image/heic")]
    Heic,
    #[serde(rename = "image/avif")]
    Avif,
}

impl DocumentType {
    pub const ALL: [Self; 10] = [
        Self::Pdf,
        Self::Png,
        Self::Jpeg,
        Self::Tiff,
        Self::Webp,
        Self::Gif,
        Self::Bmp,
        Self::Jp2,
        Self::Heic,
        Self::Avif,
    ];

    /// Names of all types, as a sentence has them: `PDF, PNG and JPEG`.
    pub fn names() -> String {
        let names = Self::ALL.map(Self::name);
        let (last, others) = names.split_last().unwrap_or((&"", &[]));
        format!("{} and {last}", others.join(", "))
    }

    /// Media type, such as `image/png`.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Tiff => "image/tiff",
            Self::Webp => "image/webp",
            Self::Gif => "image/gif",
            Self::Bmp => "image/bmp",
            Self::Jp2 => "image/jp2",
            Self::Heic => "image/heic",
            Self::Avif => "image/avif",
        }
    }

    /// Common name, such as `PNG`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pdf => "PDF",
            Self::Png => "PNG",
            Self::Jpeg => "JPEG",
            Self::Tiff => "TIFF",
            Self::Webp => "WebP",
            Self::Gif => "GIF",
            Self::Bmp => "BMP",
            Self::Jp2 => "JPEG 2000",
            Self::Heic => "HEIC",
            Self::Avif => "AVIF",
        }
    }
}

/// One requested page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Page {
    /// Number of the page, counted from 1.
    pub page: u32,
    pub status: PageStatus,
    /// Source of its text. `null` if it was not read.
    pub method: Option<Method>,
    /// Recognizer that read its pixels. `null` if none did.
    #[serde(default)]
    pub engine: Option<Recognizer>,
    /// Pixels of the page that `words` refer to. `null` if the page was not measured.
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// Pixels per inch: the image's own resolution, or the one at which a PDF page was rendered. `null` if unknown.
    pub dpi: Option<u32>,
    /// Clockwise rotation in degrees that makes the page upright for reading: 0, 90, 180 or 270.
    pub rotation: u32,
    /// Mean confidence of the words, 0 to 100. `null` without words. A text layer has 100, because it is read and not
    /// recognized.
    pub confidence: Option<f32>,
    /// Text of the page in reading order. `\n` ends each line.
    pub text: String,
    pub words: Vec<Word>,
    /// Milliseconds of a worker's time.
    pub ms: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum PageStatus {
    /// The page was read and has text.
    Ok,
    /// The page was read and has no text.
    Empty,
    /// The page is written in a script that no installed language uses.
    Unreadable,
    /// The page took longer than the time limit for a page.
    Timeout,
    /// The worker process that read the page crashed.
    Crashed,
    /// The page has more pixels than the limit.
    TooLarge,
    /// The page was not read: the time of the request was used up, there was no memory for the answer, or the document
    /// had crashed two workers.
    Skipped,
    /// The data of the page is damaged, although other pages of the document are not.
    Corrupt,
}

impl PageStatus {
    /// True if the page was read to its end.
    pub fn is_complete(self) -> bool {
        matches!(self, Self::Ok | Self::Empty)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// The text layer of a PDF page.
    Text,
    /// Recognized from pixels.
    Ocr,
    /// The text layer of a PDF page, and text recognized from pixels in parts without a text layer.
    Mixed,
    /// Not read: its barcodes had all codes that were requested by name.
    Barcode,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Word {
    pub text: String,
    /// From 0 to 100.
    pub confidence: f32,
    /// Left, top, right, bottom in pixels of the page, with the origin at its top left. Right and bottom are exclusive.
    #[serde(rename = "box")]
    pub bounds: [i32; 4],
    /// A word of a PDF page's text layer that is not seen on the page: white, covered, clipped, switched off or minute. Such words
    /// are answered with `mode=text` alone; of all others the field is left out.
    #[serde(default)]
    pub hidden: bool,
}

/// Formats with names for their fields leave `hidden` out where it is false; those without, such as postcard, need each field.
impl Serialize for Word {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let says_hidden = self.hidden || !serializer.is_human_readable();
        let mut word = serializer.serialize_struct("Word", 3 + usize::from(says_hidden))?;
        word.serialize_field("text", &self.text)?;
        word.serialize_field("confidence", &self.confidence)?;
        word.serialize_field("box", &self.bounds)?;
        if says_hidden {
            word.serialize_field("hidden", &self.hidden)?;
        }
        word.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_matches_the_documentation() {
        let page = Page {
            page: 1,
            status: PageStatus::TooLarge,
            method: Some(Method::Ocr),
            engine: Some(Recognizer::PpOcr),
            width: Some(10),
            height: None,
            dpi: Some(300),
            rotation: 0,
            confidence: Some(91.5),
            text: "A\n".into(),
            words: vec![
                Word {
                    text: "A".into(),
                    confidence: 91.5,
                    bounds: [1, 2, 3, 4],
                    hidden: false,
                },
                Word {
                    text: "B".into(),
                    confidence: 100.0,
                    bounds: [5, 2, 7, 4],
                    hidden: true,
                },
            ],
            ms: 7,
        };
        let json = serde_json::to_value(&page).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "page": 1, "status": "too_large", "method": "ocr", "engine": "pp-ocr", "width": 10, "height": null,
                "dpi": 300, "rotation": 0, "confidence": 91.5, "text": "A\n",
                "words": [
                    {"text": "A", "confidence": 91.5, "box": [1, 2, 3, 4]},
                    {"text": "B", "confidence": 100.0, "box": [5, 2, 7, 4], "hidden": true}
                ],
                "ms": 7
            })
        );
        assert_eq!(serde_json::from_value::<Page>(json).unwrap(), page);
    }

    #[test]
    fn writes_types_as_media_types() {
        for kind in DocumentType::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.media_type());
        }
    }
}
