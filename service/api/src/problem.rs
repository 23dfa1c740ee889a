//! Error answers: `application/problem+json` (RFC 9457).

use serde::{Deserialize, Serialize};

use crate::answer::PageStatus;
use crate::issue::Issue;

/// Media type of a [`Problem`].
pub const MEDIA_TYPE: &str = "application/problem+json";

/// An error and its remedy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    #[serde(rename = "type")]
    pub kind: ProblemKind,
    /// The kind in words, which are the same for all problems of a kind.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// This problem in particular, and what the client can do about it.
    pub detail: String,
    /// Id as in the `X-Request-Id` header. Answers with 403 leave it out, because their body is the same for every
    /// fault of a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// For [`ProblemKind::Incomplete`]: the pages that were not read to their end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pages: Vec<UnreadPage>,
    /// For [`ProblemKind::Incomplete`]: further doubts, if the client asked to reject those.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub issues: Vec<Issue>,
}

/// A page that was not read to its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UnreadPage {
    /// Number of the page, counted from 1.
    pub page: u32,
    pub status: PageStatus,
    /// Reason, as a sentence.
    pub detail: String,
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $slug:literal, $status:literal, $title:literal;)+) => {
        /// Kind of a problem, with its URN, its HTTP status and its title.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ProblemKind {
            $($(#[$doc])* #[serde(rename = $slug)] $name,)+
            /// A kind unknown to this version of the types.
            #[serde(other, rename = "about:blank")]
            Other,
        }

        impl ProblemKind {
            /// All kinds that the service uses.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// URN in `type`.
            pub fn urn(self) -> &'static str {
                match self { $(Self::$name => $slug,)+ Self::Other => "about:blank" }
            }

            /// HTTP status.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)+ Self::Other => 500 }
            }

            pub fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)+ Self::Other => "Unknown problem" }
            }
        }
    };
}

kinds! {
    /// The request itself is malformed.
    Malformed = "urn:ocr:problem:malformed", 400, "The request is malformed";
    /// The request has no document.
    EmptyBody = "urn:ocr:problem:empty-body", 400, "There is no document in the request";
    /// The key is missing, malformed, unknown, expired, revoked, or without the scope. Clients can't distinguish these.
    Key = "urn:ocr:problem:key", 403, "No valid API key";
    NotFound = "urn:ocr:problem:not-found", 404, "Not found";
    Method = "urn:ocr:problem:method", 405, "The method is not allowed";
    NotAcceptable = "urn:ocr:problem:not-acceptable", 406, "No answer in the requested format";
    UploadTimeout = "urn:ocr:problem:upload-timeout", 408, "The upload took too long";
    TooLarge = "urn:ocr:problem:too-large", 413, "The document is too large";
    /// The document is not of a supported type, or not of the one that the content type states.
    Type = "urn:ocr:problem:type", 415, "Not a supported document type";
    /// The body has an unsupported compression. `Accept-Encoding` names the supported ones.
    Encoding = "urn:ocr:problem:encoding", 415, "Not a supported content coding";
    /// The document is damaged beyond reading.
    Corrupt = "urn:ocr:problem:corrupt", 422, "The document is damaged";
    Encrypted = "urn:ocr:problem:encrypted", 422, "The document needs a password";
    Password = "urn:ocr:problem:password", 422, "The document's password is wrong";
    NoPages = "urn:ocr:problem:no-pages", 422, "The document has no pages";
    /// The request has more pages than the limit.
    TooManyPages = "urn:ocr:problem:too-many-pages", 422, "The request asks for too many pages";
    /// The image has more pixels than the limit for a page.
    PageTooLarge = "urn:ocr:problem:page-too-large", 422, "The image has too many pixels";
    /// The same bytes, sent with the same key, crashed workers. `Retry-After` states when they may be sent again.
    Quarantined = "urn:ocr:problem:quarantined", 422, "The document crashes workers";
    /// Some pages were not read to their end, and the client rejects incomplete answers.
    Incomplete = "urn:ocr:problem:incomplete", 422, "Not every page was read";
    /// The `Idempotency-Key` was used for another request before.
    IdempotencyKey = "urn:ocr:problem:idempotency-key", 422, "The Idempotency-Key was used for another request";
    /// The key's quota is used up. `Retry-After` states when the key may be used again.
    Quota = "urn:ocr:problem:quota", 429, "The key's quota is used up";
    /// Documents of this key crashed workers repeatedly. `Retry-After` states when the next one is accepted.
    Crashes = "urn:ocr:problem:crashes", 429, "Documents of the key crash workers";
    /// An address sends many requests without a valid key. The answer does not reveal what was wrong with the last one.
    KeyAttempts = "urn:ocr:problem:key-attempts", 429, "Too many requests without a valid API key";
    Internal = "urn:ocr:problem:internal", 500, "The service failed";
    /// The queue is full. `Retry-After` states when to come back.
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
    fn json_conforms_to_rfc_9457() {
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
    fn kinds_parse_from_their_urn_and_unknown_ones_are_other() {
        for kind in ProblemKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.urn());
        }
        let later: ProblemKind = serde_json::from_str("\"urn:ocr:problem:later\"").unwrap();
        assert_eq!(later, ProblemKind::Other);
    }
}
