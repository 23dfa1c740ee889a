//! A host as the transport needs to know it.

use std::path::PathBuf;

/// Where a host is and how to be sure that it is the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// What the inventory calls it. For people only.
    pub name: String,
    /// DNS name, IP address, or an alias from the operator's ssh configuration.
    pub address: String,
    /// `None`: as the operator's ssh configuration says, else 22.
    pub port: Option<u16>,
    /// `None`: as the operator's ssh configuration says, else the local user's name.
    pub user: Option<String>,
    /// The only host keys accepted, such as `ssh-ed25519 AAAA…`. Empty: the operator's `known_hosts` decide.
    pub host_keys: Vec<String>,
    /// The only private key offered. `None`: as ssh chooses, its agent included.
    pub identity_file: Option<PathBuf>,
    pub connection: Connection,
}

/// How commands reach a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Connection {
    /// By the operator's own `ssh`.
    #[default]
    Openssh,
    /// Not at all: the host is this machine.
    Local,
}
