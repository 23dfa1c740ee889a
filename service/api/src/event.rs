//! Lines of an answer in `application/x-ndjson`.

use serde::{Deserialize, Serialize};

use crate::answer::{Document, Page};
use crate::code::Code;
use crate::health::Engine;
use crate::issue::Issue;
use crate::problem::Problem;

/// A line of an `application/x-ndjson` answer. `document` comes first, then a `page` for each page as soon as it is
/// read, then `end`, or `problem` in its place. Without one of these two, the answer was cut off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event {
    Document(Box<Begin>),
    /// A page. Pages come in the order in which they are finished.
    Page(Box<Page>),
    End(End),
    /// The problem that would have been the whole answer if it had not begun already.
    Problem(Problem),
}

/// Properties of a document that are known before its pages.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Begin {
    pub id: String,
    pub release: String,
    #[serde(default)]
    pub engine: Engine,
    pub document: Document,
    /// Pages that will follow, in their order.
    pub requested: Vec<u32>,
}

/// Results for the whole document, as in [`Answer`](crate::answer::Answer).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct End {
    pub complete: bool,
    pub codes: Vec<Code>,
    pub warnings: Vec<String>,
    #[serde(default)]
    pub issues: Vec<Issue>,
}
