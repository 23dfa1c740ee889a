//! Every error answer: `application/problem+json` (RFC 9457).

use serde::{Deserialize, Serialize};

use crate::answer::PageStatus;
use crate::issue::Issue;

/// The media type of a [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// What went wrong and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// The kind in words; the same for every problem of a kind.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// This very problem, and what the client can do.
    pub detail: String,
    /// As in the `X-Request-Id` header. Absent from 403, whose body is the same whatever was wrong with the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// Of [`ProblemKind::Incomplete`]: each page that was not read to its end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<UnreadPage>,
    /// Of [`ProblemKind::Incomplete`]: what else is in doubt, where that was to be refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<Issue>,
}

/// A page that was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnreadPage {
    /// Counted from 1.
    pub page: u32,
    pub status: PageStatus,
    /// Why, in a sentence.
    pub detail: String,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $title:literal;)+) => {
        /// What kind of problem: its URN, its HTTP status and its title.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ProblemKind {
            $($(#[$doc])* #[serde(rename = $slug)] $name,)+
            /// A kind that this version of the types does not know.
            #[serde(other, rename = "about:blank")]
            Other,
        }

        impl ProblemKind {
            /// Each kind that the service answers with.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The URN in `type`.
            pub fn urn(self) -> &'static str {
                match self { $(Self::$name => $slug,)+ Self::Other => "about:blank" }
            }

            /// The HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ Self::Other => 500 }
            }

            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ Self::Other => "Something else" }
            }
        }
    };
}

kinds! {
    /// The request itself is not well formed.
    Malformed = "urn:ocr:problem:malformed", 400, "The request is malformed";
    /// There is no document in it.
    EmptyBody = "urn:ocr:problem:empty-body", 400, "There is no document in the request";
    /// Missing, malformed, unknown, expired, revoked, or without the scope: not told apart.
    Key = "urn:ocr:problem:key", 403, "No valid API key";
    NotFound = "urn:ocr:problem:not-found", 404, "There is nothing here";
    Method = "urn:ocr:problem:method", 405, "Another method is needed";
    NotAcceptable = "urn:ocr:problem:not-acceptable", 406, "No answer in the wanted format";
    UploadTimeout = "urn:ocr:problem:upload-timeout", 408, "The upload took too long";
    TooLarge = "urn:ocr:problem:too-large", 413, "The document is too large";
    /// Not a supported document, or not the one that the content type announces.
    Type = "urn:ocr:problem:type", 415, "Not a supported document type";
    /// The body is compressed in a way that is not decoded; `Accept-Encoding` names those that are.
    Encoding = "urn:ocr:problem:encoding", 415, "Not a supported content coding";
    /// Damaged beyond reading.
    Corrupt = "urn:ocr:problem:corrupt", 422, "The document is damaged";
    Encrypted = "urn:ocr:problem:encrypted", 422, "The document needs a password";
    NoPages = "urn:ocr:problem:no-pages", 422, "The document has no pages";
    /// More pages than are answered at a time.
    TooManyPages = "urn:ocr:problem:too-many-pages", 422, "The request asks for too many pages";
    /// More pixels than a page may have.
    PageTooLarge = "urn:ocr:problem:page-too-large", 422, "The image has too many pixels";
    /// Workers crashed at these very bytes, sent with the same key; `Retry-After` says when they are tried again.
    Quarantined = "urn:ocr:problem:quarantined", 422, "The document crashes its readers";
    /// Some pages were not read to their end, and the client wanted all or nothing.
    Incomplete = "urn:ocr:problem:incomplete", 422, "Not every page was read";
    /// The `Idempotency-Key` came with another request before.
    IdempotencyKey = "urn:ocr:problem:idempotency-key", 422, "The Idempotency-Key was used for something else";
    /// This key has used up what it may; `Retry-After` says when it may again.
    Quota = "urn:ocr:problem:quota", 429, "The key's quota is used up";
    /// Documents of this key crashed their readers again and again; `Retry-After` says when the next one is taken.
    Crashes = "urn:ocr:problem:crashes", 429, "Documents of the key crash their readers";
    /// An address keeps on asking without a valid key. Not a word on what was wrong with the last one.
    KeyAttempts = "urn:ocr:problem:key-attempts", 429, "Too many requests without a valid API key";
    Internal = "urn:ocr:problem:internal", 500, "The service failed";
    /// The queue is full; `Retry-After` says when to come back.
    Busy = "urn:ocr:problem:busy", 503, "The service is busy";
    Deadline = "urn:ocr:problem:deadline", 504, "The deadline has passed";
}

#[cfg(feature = "openapi")]
impl utoipa::PartialSchema for ProblemKind {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(Self::ALL.iter().map(|kind| kind.urn())))
            .into()
    }
}

#[cfg(feature = "openapi")]
impl utoipa::ToSchema for ProblemKind {}

impl Problem {
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self {
            kind,
            title: kind.title().to_owned(),
            status: kind.status(),
            detail: detail.into(),
            request_id: None,
            pages: Vec::new(),
            issues: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_rfc_9457() {
        let mut problem = Problem::new(ProblemKind::TooLarge, "The limit is 50 MB.");
        problem.request_id = Some("r1".into());
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "type": "urn:ocr:problem:too-large", "title": "The document is too large",
                "status": 413, "detail": "The limit is 50 MB.", "request_id": "r1"
            })
        );
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }

    #[test]
    fn every_kind_is_named_by_its_urn_and_an_unknown_one_still_reads() {
        for kind in ProblemKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.urn());
        }
        let later: ProblemKind = serde_json::from_str("\"urn:ocr:problem:later\"").unwrap();
        assert_eq!(later, ProblemKind::Other);
    }
}
