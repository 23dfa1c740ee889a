//! The status of a host for `ocrctl status`.

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
    /// Packets that no rule allows are dropped.
    Closed,
    /// It is off, or lets in what no rule allows.
    Open,
    /// Rules in force without a confirmed connection yet: they are reverted unless one succeeds.
    Unconfirmed,
    /// Its files can't be read.
    Unknown,
}

/// The comparison of a host with the inventory, as by `plan`.
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
