//! What `ocrctl status` tells of a host.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::HistoryEntry;
use super::health::Health;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    #[serde(flatten)]
    pub health: Health,
    /// When the live release became live.
    pub since: Option<Timestamp>,
    pub firewall: Firewall,
    pub drift: Drift,
    /// The last deploy, rollback or restart.
    pub last: Option<HistoryEntry>,
}

/// UFW, by its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Firewall {
    /// What no rule allows is dropped.
    Closed,
    /// It is off, or lets in what no rule allows.
    Open,
    /// Rules in force that nobody has come in by yet: they go back.
    Unconfirmed,
    /// Its files can't be read.
    Unknown,
}

/// Whether the host is what the inventory says: the comparison of `plan`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Drift {
    No,
    Yes {
        /// Each as its resource and the reason.
        changes: Vec<String>,
    },
    Unknown {
        why: String,
    },
    /// There was no inventory to compare with.
    NotAsked,
}
