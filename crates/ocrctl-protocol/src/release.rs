//! The releases of a host, and the operations on it.

use jiff::Timestamp;
use ocr_api::schema::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The release that a host serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseInfo {
    /// The id that the service reports: made of the image's digest and of the settings.
    pub id: String,
    /// Slot that is live.
    #[schemars(extend("enum" = ["a", "b"]))]
    pub slot: String,
    /// By digest: `registry/organization/name@sha256:…`.
    pub image: String,
}

/// A release that a host can roll back to, or could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeptRelease {
    /// A release.
    pub id: String,
    /// By digest.
    pub image: String,
    /// Time at which a deploy last made it live.
    #[schemars(with = "Time")]
    pub live_since: Timestamp,
    /// Why it was reverted.
    pub failed: Option<String>,
    /// True if a rollback has left it behind.
    #[serde(default)]
    pub left: bool,
}

/// An operation on a host, from its journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HistoryEntry {
    #[schemars(with = "Time")]
    pub began: Timestamp,
    /// Null: it never ended, or goes on.
    #[schemars(with = "Option<Time>")]
    pub ended: Option<Timestamp>,
    /// The person who began it.
    pub operator: String,
    /// Its command.
    pub command: String,
    /// Release before.
    pub from: Option<String>,
    /// Release after.
    pub to: Option<String>,
    /// `never`: its agent was killed, or the host went down.
    pub outcome: Ended,
    /// The error, or what was done.
    pub detail: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    Done,
    Failed,
    /// It runs now.
    Running,
    /// Its agent was killed, or the host went down.
    Never,
}
