//! The state of a host's certificate.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The certificate that a host serves, and how it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateStatus {
    /// DNS names, sorted.
    pub names: Vec<String>,
    /// Where the inventory has it from.
    pub issuer: String,
    /// Distinguished name of who signed it.
    pub issued_by: String,
    /// Hexadecimal.
    pub serial: String,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// `None` if it is not renewed by itself.
    pub next_renewal: Option<NextRenewal>,
    /// Since the last that went well.
    pub last_failure: Option<FailedAttempt>,
    /// Failing checks; empty: all is well.
    pub problems: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextRenewal {
    pub at: Timestamp,
    pub why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedAttempt {
    pub at: Timestamp,
    pub message: String,
}
