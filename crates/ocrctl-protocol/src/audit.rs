//! The request and the answer of an audit.

use serde::{Deserialize, Serialize};

use super::{Firewall, ImageRef};

/// The part of the inventory that an audit compares a host with. It has no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scope {
    pub environment: String,
    /// DNS names served.
    pub names: Vec<String>,
    /// `registry/organization/name:tag` or `…@sha256:…`.
    pub image: ImageRef,
    pub ownership: Ownership,
    pub firewall: Firewall,
    /// True if the certificate comes from the operator's own files.
    pub certificate_from_files: bool,
    /// Whom the ACME server writes to, where one issues the certificate.
    pub acme_contact: Option<String>,
}

/// The organization's property, and the accounts that may act on its hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ownership {
    /// The image's owner in its registry: the first part of its repository.
    pub organization: Option<String>,
    /// DNS domains of the organization, beside those that the environment's names are in.
    pub domains: Vec<String>,
    /// Fingerprints of the keys that may log in, `SHA256:…` without padding.
    pub ssh_keys: Vec<String>,
    /// Accounts that may become root.
    pub sudoers: Vec<String>,
    /// Cron jobs and units made by hand that the organization knows of, as an audit names them.
    pub jobs: Vec<String>,
}
