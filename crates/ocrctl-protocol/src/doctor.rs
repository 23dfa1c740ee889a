//! The request and the answer of a doctor.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::audit::Verdict as Found;
use super::{ImageRef, Packages, Registry};

/// Ports that clients come in by.
pub const PORTS: [u16; 2] = [80, 443];

/// The inputs of the checks on a host. They include the registry's password, which is sent to the registry and
/// nowhere else.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Scope {
    pub environment: String,
    /// DNS names served.
    pub names: Vec<String>,
    /// `registry/organization/name:tag` or `…@sha256:…`.
    pub image: ImageRef,
    pub registry: Registry,
    /// Limit of the container in bytes.
    pub memory: u64,
    /// The service is never ready where the kernel does not give the whole of the workers' sandbox.
    pub require_sandbox: bool,
    /// The OCI runtime of the container; `None` stands for Docker's own choice.
    pub runtime: Option<String>,
    /// The deploy's permissions for packages.
    pub packages: Packages,
    /// True if it installs certbot and unattended-upgrades.
    pub certbot: bool,
    pub security_upgrades: bool,
    /// The operator's clock when this was sent.
    pub now: Timestamp,
    /// The addresses at which the operator reaches this host, as far as they are known.
    pub reached_at: Vec<IpAddr>,
    /// The same of the environment's other hosts.
    pub others: Vec<IpAddr>,
}

/// One line of a doctor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Name of the check, such as `disk`. A check gives one line, or one for each thing that is wrong.
    pub check: String,
    #[serde(flatten)]
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    Ok {
        seen: String,
    },
    Failed {
        found: String,
        /// The suggested fix.
        mend: String,
    },
    /// It could not be looked at, which says nothing about what would have been found.
    CouldNotRun {
        why: String,
    },
}

/// The host's own view of a port that is tried from outside.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    pub number: u16,
    /// The program that listens there, beyond loopback.
    pub listener: Option<String>,
    /// True if the host's own firewall lets everyone in. `None` if it could not be read.
    pub let_in: Option<bool>,
}

/// A host's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    pub lines: Vec<Line>,
    /// The port of the operator's connection as it is on the host; another than the operator's own is translated on the way.
    pub ssh_port: u16,
    /// 80 and 443.
    pub ports: Vec<Port>,
}

impl Line {
    pub fn new(check: &str, verdict: impl Into<Verdict>) -> Self {
        Self {
            check: check.to_owned(),
            verdict: verdict.into(),
        }
    }
}

impl From<Found> for Verdict {
    fn from(found: Found) -> Self {
        match found {
            Found::Ok { seen } => Self::Ok { seen },
            Found::Finding { found, mend } => Self::Failed { found, mend },
            Found::CouldNotRun { why } => Self::CouldNotRun { why },
        }
    }
}
