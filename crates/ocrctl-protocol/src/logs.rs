//! The request and the answer of `ocrctl logs`.

use std::time::Duration;

use jiff::Timestamp;
use ocr_api::schema::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    /// The age of the oldest lines, by the host's own clock.
    pub since: Duration,
    /// Also what is written from then on.
    pub follow: bool,
    /// Also NGINX's access and error log.
    pub nginx: bool,
    /// Only lines that name this request.
    pub request: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Line {
    /// Time at which it was written.
    #[schemars(with = "Time")]
    pub at: Timestamp,
    /// The service's slot, or which of NGINX's logs.
    pub from: Source,
    /// The line as it is.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    OcrA,
    OcrB,
    Access,
    Error,
}

impl Source {
    pub fn name(self) -> &'static str {
        match self {
            Self::OcrA => "ocr-a",
            Self::OcrB => "ocr-b",
            Self::Access => "access",
            Self::Error => "error",
        }
    }
}
