//! The certificate in force: versions in directories of their own, `live` a symbolic link to one of them. It
//! changes in one rename(2), and goes back if NGINX does not come to serve it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::settings::Issuer;
use super::{Host, pem, served};
use crate::host::Access;
use crate::resources::nginx;
use ocrctl_protocol::{Context, Failure, KeyType, Result, hex};

pub const DIRECTORY: &str = "/etc/ocrctl/tls";
pub const CHAIN: &str = "/etc/ocrctl/tls/live/fullchain.pem";
pub const KEY: &str = "/etc/ocrctl/tls/live/key.pem";
const ISSUED: &str = "/etc/ocrctl/tls/live/issued.json";
const LINK: &str = "/etc/ocrctl/tls/live";
/// Versions that are kept beside the live one.
const KEPT: usize = 3;

/// A chain and its key, PEM, and where they are from.
pub struct Pair {
    pub chain: String,
    pub key: String,
    pub issued: Issued,
}

/// The origin of a version's certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Issued {
    /// Serves until the authority has issued one.
    Temporary,
    SelfSigned,
    Files,
    Acme(From),
    Certbot(From),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct From {
    pub directory: String,
    pub key_type: KeyType,
    pub profile: Option<String>,
}

impl Issued {
    pub fn by(issuer: &Issuer) -> Self {
        let from = |authority: &ocrctl_protocol::Authority| From {
            directory: authority.directory.clone(),
            key_type: authority.key_type,
            profile: authority.profile.clone(),
        };
        match issuer {
            Issuer::SelfSigned => Self::SelfSigned,
            Issuer::Files => Self::Files,
            Issuer::Acme(authority) => Self::Acme(from(authority)),
            Issuer::Certbot(authority) => Self::Certbot(from(authority)),
        }
    }

    /// Of the live certificate; `None` if it is not known.
    pub fn live(host: &Host) -> Result<Option<Self>> {
        let json = host.read(ISSUED)?;
        Ok(json.and_then(|json| serde_json::from_slice(&json).ok()))
    }
}

impl Pair {
    /// Reads the live chain and key; `None` unless both exist.
    pub fn live(host: &Host) -> Result<Option<(String, String)>> {
        Ok(host.read_text(CHAIN)?.zip(host.read_text(KEY)?))
    }

    /// Returns whether NGINX would refuse the live pair.
    pub fn is_damaged((chain, key): &(String, String)) -> bool {
        pem::leaf(chain).is_err() || !pem::keys_match(chain, key)
    }

    /// Makes this the live certificate, and NGINX serve it where NGINX runs. If it does not come to serve it, the
    /// one before is back.
    pub async fn put_in_force(&self, host: &Host, name: &str) -> Result<()> {
        let before = host.link_target(LINK)?;
        let version = self.write(host)?;
        host.link(LINK, &version)?;
        // Before NGINX's first start there is no process to reload.
        if nginx::is_serving(host).await?
            && let Err(failure) = nginx::load(host, name).await
        {
            let back = match &before {
                Some(before) => {
                    host.link(LINK, before)?;
                    // One that was refused has changed nothing: NGINX serves what it served.
                    match nginx::load(host, name).await {
                        Ok(()) => Ok(()),
                        Err(_) => served::until_served(host, name).await,
                    }
                }
                None => Ok(()),
            };
            let outcome = match (before, back) {
                (Some(_), Ok(())) => "the old one is back",
                (Some(_), Err(_)) => {
                    "the old one is back on disk, but NGINX does not serve it either"
                }
                (None, _) => "there was none before",
            };
            return Err(Failure {
                message: format!(
                    "the new certificate is not served; {outcome}. {}",
                    failure.message
                ),
                ..failure
            });
        }
        prune(host, &version);
        Ok(())
    }

    /// The same where there is nothing good to go back to. What else NGINX does not like is repaired after this, and then it
    /// loads both.
    pub async fn put_in_place(&self, host: &Host, name: &str) -> Result<()> {
        let version = self.write(host)?;
        host.link(LINK, &version)?;
        if nginx::is_serving(host).await? {
            let _ = nginx::load(host, name).await;
        }
        prune(host, &version);
        Ok(())
    }

    /// Writes a version, whole; gives its place below [`DIRECTORY`].
    fn write(&self, host: &Host) -> Result<String> {
        let leaf = pem::leaf(&self.chain)?;
        let now = jiff::Timestamp::now().as_second();
        let version = format!("versions/{now}-{}", leaf.serial);
        let directory = format!("{DIRECTORY}/{version}");
        let issued = serde_json::to_vec(&self.issued).context("describing the certificate")?;
        let files: [(&str, &[u8], u32); 3] = [
            ("key.pem", self.key.as_bytes(), 0o600),
            ("fullchain.pem", self.chain.as_bytes(), 0o644),
            ("issued.json", &issued, 0o644),
        ];
        let written = files.into_iter().try_for_each(|(name, bytes, mode)| {
            host.write(&format!("{directory}/{name}"), bytes, Access::root(mode))
        });
        if written.is_err() {
            let _ = std::fs::remove_dir_all(host.path(&directory));
        }
        written.map(|()| version)
    }
}

impl std::fmt::Debug for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pair({:?})", self.issued)
    }
}

/// Removes old versions; one that can't be removed is no reason to fail.
fn prune(host: &Host, live: &str) {
    let versions = host.path(&format!("{DIRECTORY}/versions"));
    let Ok(entries) = std::fs::read_dir(&versions) else {
        return;
    };
    let mut old: Vec<_> = entries
        .flatten()
        .map(|entry| entry.file_name())
        .filter(|name| !live.ends_with(&*name.to_string_lossy()))
        .collect();
    // They begin with the second that they were made in.
    old.sort();
    for name in &old[..old.len().saturating_sub(KEPT)] {
        let _ = std::fs::remove_dir_all(versions.join(name));
    }
}

/// SHA-256 of what is live, for those who must act when it changes.
pub fn live_hash(host: &Host) -> Result<Option<String>> {
    let Some(chain) = host.read(CHAIN)? else {
        return Ok(None);
    };
    Ok(Some(hex(&Sha256::digest(chain))))
}

/// The certificate that NGINX must present now, in DER.
pub fn live_leaf(host: &Host) -> Result<Vec<u8>> {
    let chain = host
        .read_text(CHAIN)?
        .ok_or_else(|| Failure::new("there is no certificate"))?;
    pem::der(&chain)
        .map(|certificates| certificates.into_iter().next().unwrap_or_default())
        .context("reading the live certificate")
}
