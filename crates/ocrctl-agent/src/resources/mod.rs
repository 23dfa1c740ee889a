//! The kinds of things that make up a host. Each reads its real state, compares it with the desired
//! one, and applies the difference; applied twice, the second time finds nothing to do.

pub(crate) mod certificate;
pub(crate) mod directory;
pub(crate) mod file;
pub(crate) mod firewall;
pub mod guard;
pub mod key_file;
pub(crate) mod link;
pub(crate) mod logins;
pub(crate) mod nginx;
pub(crate) mod package;
pub(crate) mod release;
pub(crate) mod rules;
pub(crate) mod secret_file;
pub(crate) mod sshd;
mod ufw;
pub(crate) mod unit;

use crate::host::{Host, Operation};
use ocrctl_protocol::{Change, Result};

#[derive(Debug)]
pub enum Resource {
    Packages(package::Packages),
    Directory(directory::Directory),
    File(file::File),
    SecretFile(secret_file::SecretFile),
    Link(link::Link),
    Certificate(Box<certificate::Certificate>),
    Issuance(Box<certificate::issuance::Issuance>),
    RetiredCertbot(certificate::certbot::Retired),
    Nginx(nginx::Nginx),
    Units(unit::Units),
    Firewall(firewall::Firewall),
    Sshd(sshd::Sshd),
    Release(Box<release::Release>),
    Rules(rules::Rules),
}

impl Resource {
    /// Returns the change that makes the host as desired; `None` if there is none. A state that can't be read is an
    /// error.
    pub async fn diff(&self, host: &Host) -> Result<Option<Change>> {
        match self {
            Self::Packages(it) => it.diff(host).await,
            Self::Directory(it) => it.diff(host),
            Self::File(it) => it.diff(host),
            Self::SecretFile(it) => it.diff(host),
            Self::Link(it) => it.diff(host),
            Self::Certificate(it) => it.diff(host),
            Self::Issuance(it) => it.diff(host),
            Self::RetiredCertbot(it) => it.diff(host),
            Self::Nginx(it) => it.diff(host),
            Self::Units(it) => it.diff(host).await,
            Self::Firewall(it) => it.diff(host),
            Self::Sshd(it) => it.diff(host).await,
            Self::Release(it) => it.diff(host).await,
            Self::Rules(it) => it.diff(host),
        }
    }

    /// Makes the change that [`Resource::diff`] has just found.
    pub async fn apply(
        &self,
        host: &Host,
        change: &Change,
        operation: &mut Operation,
    ) -> Result<()> {
        match self {
            Self::Packages(it) => it.apply(host, change, operation).await,
            Self::Directory(it) => it.apply(host),
            Self::File(it) => it.apply(host),
            Self::SecretFile(it) => it.apply(host),
            Self::Link(it) => it.apply(host),
            Self::Certificate(it) => it.apply(host).await,
            Self::Issuance(it) => it.apply(host, operation).await,
            Self::RetiredCertbot(it) => it.apply(host).await,
            Self::Nginx(it) => it.apply(host).await,
            Self::Units(it) => it.apply(host, operation).await,
            Self::Firewall(it) => it.apply(host, operation).await,
            Self::Sshd(it) => it.apply(host, operation).await,
            Self::Release(it) => it.apply(host, change, operation).await,
            Self::Rules(it) => it.apply(host).await,
        }
    }
}
