//! Answer of `POST /v1/inspect`: properties of a document, and an estimate of the cost of reading it. Nothing is
//! recognized.

use serde::{Deserialize, Serialize};

use crate::answer::{Document, Method, PageStatus};
use crate::issue::Issue;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Inspection {
    /// Id of the request, as in the `X-Request-Id` header and in the service's log.
    pub id: String,
    /// Release of the service that answered.
    pub release: String,
    pub document: Document,
    /// The requested pages.
    pub pages: Vec<PageInspection>,
    /// Share of `pages` whose text layer is sound, 0 to 1.
    pub text_share: f64,
    pub estimate: Estimate,
    /// Warnings about this answer for people: the sentences of `issues`.
    pub warnings: Vec<String>,
    /// Warnings for programs. Releases before this field leave it out.
    #[serde(default)]
    pub issues: Vec<Issue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PageInspection {
    /// Number of the page, counted from 1.
    pub page: u32,
    /// `ok`, or the reason for which the page can't be read.
    pub status: PageStatus,
    /// Source from which `POST /v1/ocr` would read it in the requested `mode`. `null` if it would not.
    pub method: Option<Method>,
    /// `null` if the page was not inspected.
    pub text_layer: Option<TextLayer>,
    /// Pixels that boxes of its words would refer to. For a PDF page, at the resolution `dpi`.
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// Pixels per inch. `null` for an image that states no resolution.
    pub dpi: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TextLayer {
    None,
    /// The page has a text layer that differs from what a person sees: unmapped or invisible characters, or a stamp on
    /// a scan.
    Unsound,
    Sound,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Estimate {
    /// Number of pages that have to be recognized.
    pub ocr_pages: u32,
    /// Seconds of one worker for all requested pages. Several workers share this time.
    pub worker_seconds: f64,
}
