//! Why a certificate could not be had from an authority.

use jiff::Timestamp;

use crate::acme::AcmeError;
use ocrctl_protocol::{Failure, FailureKind};

/// Why there is no new certificate, and what that means for the next attempt.
#[derive(Debug)]
pub struct Problem {
    pub failure: Failure,
    /// True if the authority had been asked for a certificate.
    pub ordered: bool,
    pub retry_after: Option<Timestamp>,
}

impl Problem {
    pub(super) fn after_order(mut self) -> Self {
        self.ordered = true;
        self
    }
}

impl From<AcmeError> for Problem {
    fn from(error: AcmeError) -> Self {
        Self {
            failure: Failure {
                kind: FailureKind::Failed,
                message: error.message,
                hint: error.hint,
            },
            ordered: false,
            retry_after: error.retry_after,
        }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            ordered: false,
            retry_after: None,
        }
    }
}
