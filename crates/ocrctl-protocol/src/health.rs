//! A host's state at one moment: facts, and the problems that they show. `health/` reads it.

use jiff::Timestamp;
use ocr_api::schema::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::CertificateStatus;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Health {
    /// The release in the live slot; null where none is live, or it could not be found out, which is a problem then.
    pub release: Option<Live>,
    /// NGINX, asked over TLS on the host itself.
    pub nginx: NginxState,
    /// Documents that were sent in the last minutes, from NGINX's access log.
    pub traffic: Traffic,
    /// Like in `certificate`; null if there is none, or it can't be read.
    pub certificate: Option<CertificateStatus>,
    /// File systems that matter, each once.
    pub disks: Vec<Disk>,
    /// Null where it is not known.
    pub memory: Option<Memory>,
    /// Empty: all is well.
    pub problems: Vec<Problem>,
}

/// The release in the live slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Live {
    /// The id that the service reports; empty where its container is gone.
    pub id: String,
    /// The live slot.
    #[schemars(extend("enum" = ["a", "b"]))]
    pub slot: String,
    /// By digest; empty where its container is gone.
    pub image: String,
    pub container: Container,
    /// Its own report; null if it does not answer.
    pub says: Option<SelfReport>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Container {
    Running {
        /// Time of its start.
        #[schemars(with = "Option<Time>")]
        since: Option<Timestamp>,
        /// Number of times that Docker has started it again.
        restarts: i64,
    },
    Stopped {
        exit_code: Option<i64>,
    },
    Gone,
}

/// A release of itself, by `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SelfReport {
    pub ready: bool,
    pub workers: u32,
    pub workers_ready: u32,
    /// Why the latest start of a worker failed.
    pub worker_error: Option<String>,
    /// Null where a release does not report it.
    pub load: Option<ocr_api::health::Load>,
    pub keys_error: Option<String>,
    pub rules_error: Option<String>,
}

/// NGINX, asked over TLS on the host itself, where only the certificate on disk will do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum NginxState {
    /// The release answers through it.
    Answers {
        /// The release that answers.
        release: String,
        /// Time until the answer.
        ms: u64,
    },
    /// It answers by itself, or not at all.
    Fails { why: String },
}

/// Documents that were sent in the last minutes, from NGINX's access log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Traffic {
    /// The time that is counted. Under much load, less than was asked for.
    pub seconds: u64,
    /// Documents that were sent.
    pub requests: u64,
    /// Answers 500 to 599.
    pub failed: u64,
    /// Answers 400 to 499.
    pub refused: u64,
    /// Of what was answered well, from a request's first byte to its answer's last.
    pub median_ms: Option<u64>,
    /// The same.
    pub p95_ms: Option<u64>,
}

/// A file system, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Disk {
    /// The first path of ours on it.
    pub path: String,
    /// Bytes.
    pub total: u64,
    /// Bytes, for others than root.
    pub available: u64,
    /// Counted like by `df`: of the space for users other than root.
    pub used_percent: u8,
    pub inodes_used_percent: u8,
}

/// In bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Memory {
    /// Bytes.
    pub total: u64,
    /// The kernel's estimate of memory for programs without swapping.
    pub available: u64,
    pub used_percent: u8,
}

/// Something is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The part with a problem.
    pub with: Part,
    /// In one line.
    pub text: String,
}

/// The part that has a problem.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Release,
    /// The workers are there, and do not read.
    Recognition,
    Workers,
    Restarts,
    Keys,
    Rules,
    Nginx,
    Traffic,
    Certificate,
    Disk,
    Memory,
    Firewall,
    /// The host is not what the inventory says.
    Drift,
    /// An operation on the host failed or never ended.
    Operation,
}
