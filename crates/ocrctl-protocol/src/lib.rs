//! Messages between the controller and `ocrctl agent` on a host: one JSON object a line, requests
//! on the agent's standard input, events on its standard output.
//!
//! A new field or variant that an older peer can't ignore raises [`VERSION`]. In practice both ends
//! are the same executable, because the controller uploads itself.
//!
//! Beside it stands what both sides read in the same way: references to images, public SSH keys, sealed backups, errors.

pub mod alerts;
mod archive;
pub mod audit;
pub mod backup;
pub mod causes;
mod certificate;
mod change;
pub mod check;
mod desired;
mod diagnostic;
pub mod doctor;
mod failure;
pub mod health;
mod hex;
mod image;
mod keys;
pub mod logs;
mod release;
mod replace;
#[cfg(feature = "ssh")]
pub mod ssh_algorithms;
pub mod ssh_key;
pub mod status;

pub use archive::{ArchivedImage, ArchivedManifest, ArchivedPlatform, PIECE};
pub use certificate::{CertificateStatus, FailedAttempt, NextRenewal};
pub use change::{Action, Change, Detail};
pub use desired::*;
pub use diagnostic::Diagnostic;
pub use failure::{Context, DISK_FULL, Failure, FailureKind, Result, refused};
pub use hex::hex;
pub use image::{ImageRef, Invalid};
pub use keys::{HostKeys, KeyRequest};
pub use release::{Ended, HistoryEntry, KeptRelease, ReleaseInfo};
pub use replace::replace;

use std::time::Duration;

pub use ocr_api::quantity;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Version of this protocol. Peers of different versions refuse each other.
pub const VERSION: u32 = 6;

/// From the controller to the agent.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Request {
    /// The first line of a connection. Answered by [`Event::Hello`].
    Hello { version: u32, operator: String },
    /// Compare the host with `desired`. Answered by [`Event::Planned`].
    Plan { desired: Box<Desired> },
    /// Apply the plan last made on this connection, if the host still gives the same one.
    /// Answered by steps, then [`Event::Applied`] or [`Event::Failed`].
    Apply {
        fingerprint: String,
        lock_wait: Duration,
    },
    /// The controller reached the host over a new connection (answers [`Event::ConfirmReachable`]).
    Confirm,
    /// Stop before the next resource; what has begun is completed or undone.
    Cancel,
    /// Answers [`Event::Wanted`]. The bytes follow the line as they are: SSH carries binary data, and Base64 would
    /// be a third more of it.
    Piece {
        id: u64,
        /// Bytes that follow.
        length: u64,
        /// They are a gzip stream of what was asked for.
        packed: bool,
        #[serde(skip)]
        data: Vec<u8>,
    },
    /// The releases that the host can roll back to. Answered by [`Event::Releases`].
    Releases,
    /// Switch to the kept release of this id, with the configuration that belongs to it. Answered like `Apply`.
    Rollback {
        desired: Box<Desired>,
        to: String,
        lock_wait: Duration,
    },
    /// Start the live release anew through the other slot, as it is. Answered like `Apply`.
    Restart { lock_wait: Duration },
    /// Asks for the host's past operations. Answered by [`Event::History`].
    History,
    /// Pull the image of `desired` and let nothing run that did not. Answered by [`Event::Pulled`].
    Pull {
        desired: Box<Desired>,
        lock_wait: Duration,
    },
    /// Send a test over every channel of the host's alerts. Answered by [`Event::AlertsTested`].
    TestAlerts,
    /// Read or replace the API keys. Answered by [`Event::Keys`].
    Keys { request: KeyRequest },
    /// The certificate that clients verify the host against. Answered by [`Event::Ca`].
    Ca,
    /// Asks for the certificate's state. Answered by [`Event::Certificate`].
    Certificate,
    /// Renew the certificate: where it is due, or with `force` in any case. Answered by notes, then
    /// [`Event::Certificate`].
    RenewCertificate { force: bool },
    /// Asks for the host's logs. Answered by any number of [`Event::Logs`], then [`Event::LogsTold`]. If new lines
    /// were asked for, they follow until [`Request::Cancel`] or the end of the connection.
    Logs { scope: logs::Scope },
    /// Asks for the parts of the host that depend on a person. Answered by [`Event::Audited`].
    Audit { scope: Box<audit::Scope> },
    /// Would a deploy work here? Nothing is changed. Answered by [`Event::Examined`].
    Doctor { scope: Box<doctor::Scope> },
    /// Asks for the host's state; with `desired`, also for a comparison. Answered by [`Event::Status`].
    Status { desired: Option<Box<Desired>> },
    /// Encrypt what can't be made again (see `backup/`) for these recipients (`age1…`), on the host.
    /// Answered by [`Event::Sealed`].
    Backup {
        environment: String,
        host: String,
        recipients: Vec<String>,
    },
    /// The operator has what [`Event::Sealed`] carried on disk. Answered by [`Event::BackupRecorded`].
    RecordBackup { digest: String },
    /// Compare the host with the contents of a backup, and with a fingerprint put them in place if the host
    /// still differs as it was shown. Answered by [`Event::Planned`], or by [`Event::Restored`].
    Restore {
        contents: Secret,
        fingerprint: Option<String>,
    },
}

/// From the agent to the controller.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The agent runs, and standard input is its own. It comes first and unasked, for a controller that gives sudo a
    /// password before it says anything else.
    #[schemars(skip)]
    Up,
    /// A host's agent is there.
    Hello {
        /// Of its protocol, which is not that of these lines.
        version: u32,
        /// News since the last connection: an operation that ended unseen, or never ended.
        notices: Vec<String>,
    },
    /// A plan: the changes that a host needs. `changes` is empty if there are none. With `deploy --restore`, the first
    /// plan lists what the backup would change.
    Planned {
        changes: Vec<Change>,
        /// Stands for exactly these changes.
        fingerprint: String,
    },
    /// Work on one change.
    Step {
        /// From 0.
        index: usize,
        /// Number of steps.
        total: usize,
        /// Kind and name, like in the plan.
        resource: String,
        /// State of the step.
        state: StepState,
    },
    /// Progress of a long step.
    Progress {
        /// Kind and name, like in the plan.
        resource: String,
        /// The present action.
        message: String,
        /// In units of the step's own (bytes, packages), where that is known.
        current: Option<u64>,
        /// The same.
        total: Option<u64>,
    },
    /// A line worth showing, such as a container's last words.
    Note {
        /// Importance.
        level: Level,
        /// The line.
        text: String,
    },
    /// The firewall or sshd has changed: a new connection must work within `seconds`, or the change is reverted.
    ConfirmReachable {
        /// The part that has changed.
        #[schemars(extend("enum" = ["firewall", "sshd"]))]
        change: String,
        /// Time left for the new connection.
        seconds: u64,
    },
    /// A piece of a blob of the archive that the image comes from. Answered by [`Request::Piece`].
    #[schemars(skip)]
    Wanted {
        id: u64,
        digest: String,
        offset: u64,
        length: u64,
    },
    /// A host is what the inventory says; the same comparison found nothing left to do.
    Applied {
        /// The release that serves; null where none does.
        release: Option<ReleaseInfo>,
        /// The release before; null if there was none.
        before: Option<ReleaseInfo>,
    },
    /// The releases that a host can roll back to (`rollback`). The one that was live last comes first.
    Releases {
        /// The live release; null if there is none.
        live: Option<ReleaseInfo>,
        /// The one that was live last comes first.
        kept: Vec<KeptRelease>,
    },
    /// Past operations on a host. The oldest comes first.
    History { entries: Vec<HistoryEntry> },
    /// Result of a test of a host's alerts; without channels, nothing is sent.
    AlertsTested { deliveries: Vec<alerts::Delivery> },
    /// The API keys of a host, without what is secret of them.
    Keys(Box<HostKeys>),
    /// The authority that clients verify the environment by.
    Ca {
        /// Its certificate.
        pem: String,
    },
    /// The certificate that a host serves, and how it is kept.
    Certificate(CertificateStatus),
    /// State of a host (`status`): facts, and problems that they show.
    Status(Box<status::Status>),
    /// In the order of time.
    #[schemars(skip)]
    Logs { lines: Vec<logs::Line> },
    /// All earlier lines have been sent.
    #[schemars(skip)]
    LogsTold,
    /// Result of an audit of a host: a line for each finding, and for each check without any.
    Audited { lines: Vec<check::Line> },
    #[schemars(skip)]
    Examined(Box<doctor::Examined>),
    /// A host's part of a backup. Nobody but the recipients can read it; it is not shown all the same.
    #[schemars(skip)]
    Sealed {
        /// ASCII-armoured age file.
        age: String,
        /// Stands for what is in it; [`Request::RecordBackup`] gives it back.
        digest: String,
    },
    #[schemars(skip)]
    BackupRecorded,
    /// The contents of a backup are in place.
    Restored {
        /// Number of files.
        files: usize,
    },
    /// A host has an image (`migrate-registry`).
    Pulled {
        /// The reference that it was pulled by.
        image: String,
        /// Docker's name of it; null: Docker does not run yet.
        id: Option<String>,
        /// Docker's name of what the live release runs.
        live: Option<String>,
    },
    /// A host could not do what it was asked for. The event `error` says why the command fails.
    Failed(Failure),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Info,
    Warning,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum StepState {
    Started,
    Done {
        /// Duration of the step.
        ms: u64,
    },
    Failed,
}
