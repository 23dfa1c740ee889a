//! The request and the answer of `ocrctl logs`.

use std::time::Duration;

use jiff::Timestamp;
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

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub at: Timestamp,
    pub from: Source,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
