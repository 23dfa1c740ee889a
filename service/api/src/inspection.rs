//! What `POST /v1/inspect` answers: what a document is like and what reading it would cost. Nothing is recognized.

use serde::{Deserialize, Serialize};

use crate::answer::{Document, Method, PageStatus};
use crate::issue::Issue;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Inspection {
    /// The request's id, as in the `X-Request-Id` header and the service's log.
    pub id: String,
    /// The release of the service that answered.
    pub release: String,
    pub document: Document,
    /// Each requested page.
    pub pages: Vec<PageInspection>,
    /// The share of `pages` whose text layer is sound, 0 to 1.
    pub text_share: f64,
    pub estimate: Estimate,
    /// What a person should know about this answer: the sentences of `issues`.
    pub warnings: Vec<String>,
    /// The same for programs. Releases before this field leave it out.
    #[serde(default)]
    pub issues: Vec<Issue>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PageInspection {
    /// Counted from 1.
    pub page: u32,
    /// `ok`, or why it would not be read.
    pub status: PageStatus,
    /// How `POST /v1/ocr` would read it in the `mode` that was asked for; `null` when it would not.
    pub method: Option<Method>,
    /// `null` when the page was not looked at.
    pub text_layer: Option<TextLayer>,
    /// Pixels in which its words would be given; a PDF page's at the resolution in `dpi`.
    pub width: Option<u32>,
    pub height: Option<u32>,
    /// Pixels an inch; `null` for an image that states none.
    pub dpi: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum TextLayer {
    None,
    /// There is one, but it does not say what a person sees: unmapped or invisible characters, or a stamp on a scan.
    Unsound,
    Sound,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Estimate {
    /// Pages that have to be recognized.
    pub ocr_pages: u32,
    /// Seconds of one worker for all requested pages; several workers share them.
    pub worker_seconds: f64,
}
