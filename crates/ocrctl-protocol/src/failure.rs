//! Errors of the host's side. They cross the connection as [`Failure`], so that is what they are from
//! the start: words for the operator, a hint, and a kind where the controller decides by it.

use std::fmt::Display;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Why an operation failed, in words for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Failure {
    /// Kind of failure.
    pub kind: FailureKind,
    pub message: String,
    /// Suggested fix.
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// Another operation holds the host's lock (exit code 75).
    Locked,
    /// The host no longer gives the plan that was shown.
    HostChanged,
    /// The operator asked to stop.
    Cancelled,
    /// The desired state makes no sense for this host (exit code 64).
    Refused,
    Failed,
}

/// Result of everything that runs on the host; a [`Failure`] is what the operator will read.
pub type Result<T> = std::result::Result<T, Failure>;

/// The hint wherever a write found no room.
pub const DISK_FULL: &str = "free space on the host (`df -h`), then run the command again";

/// The desired state or the request makes no sense for this host.
pub fn refused(message: String) -> Failure {
    Failure {
        kind: FailureKind::Refused,
        message,
        hint: None,
    }
}

impl Failure {
    pub fn new(message: impl Into<String>) -> Self {
        Self {
            kind: FailureKind::Failed,
            message: message.into(),
            hint: None,
        }
    }

    /// Adds what to do, unless a deeper layer, which knows better, has said it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint.get_or_insert(hint.into());
        self
    }
}

/// Says what was being done when an error came up.
pub trait Context<T> {
    fn context(self, doing: impl Display) -> Result<T>;
}

impl<T, E: Display> Context<T> for std::result::Result<T, E> {
    fn context(self, doing: impl Display) -> Result<T> {
        self.map_err(|error| {
            let message = format!("{doing}: {error}");
            let hint = message
                .contains("No space left on device")
                .then(|| DISK_FULL.to_owned());
            Failure {
                kind: FailureKind::Failed,
                message,
                hint,
            }
        })
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
