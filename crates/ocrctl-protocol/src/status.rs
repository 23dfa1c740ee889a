//! The status of a host for `ocrctl status`.

use jiff::Timestamp;
use ocr_api::schema::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::HistoryEntry;
use super::health::Health;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    #[serde(flatten)]
    pub health: Health,
    /// Time at which the live release became live.
    #[schemars(with = "Option<Time>")]
    pub since: Option<Timestamp>,
    /// `unconfirmed`: rules that are reverted unless a new connection confirms them.
    pub firewall: Firewall,
    /// Comparison of the host with the inventory.
    pub drift: Drift,
    /// The last deploy, rollback or restart, as in `history`.
    pub last: Option<HistoryEntry>,
}

/// UFW, by its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
