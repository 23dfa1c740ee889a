//! The request and the answer of a doctor.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::check::Line;
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
    /// Tesseract's names of the languages whose models the image must have.
    pub languages: Vec<String>,
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
