//! The state of a host's certificate.

use jiff::Timestamp;
use ocr_api::schema::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The certificate that a host serves, and how it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateStatus {
    /// DNS names, sorted.
    pub names: Vec<String>,
    /// Issuer in the inventory.
    pub issuer: String,
    /// Distinguished name of the authority that signed it.
    pub issued_by: String,
    /// Hexadecimal.
    pub serial: String,
    #[schemars(with = "Time")]
    pub not_before: Timestamp,
    #[schemars(with = "Time")]
    pub not_after: Timestamp,
    /// Null where it is not renewed by itself.
    pub next_renewal: Option<NextRenewal>,
    /// The last attempt that failed since one went well, or null.
    pub last_failure: Option<FailedAttempt>,
    /// Failing checks; none: all is well.
    pub problems: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NextRenewal {
    #[schemars(with = "Time")]
    pub at: Timestamp,
    /// Why then.
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedAttempt {
    #[schemars(with = "Time")]
    pub at: Timestamp,
    pub message: String,
}
