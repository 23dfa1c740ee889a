//! The certificate that NGINX serves: versions in directories of their own, `live` a symbolic link to
//! one of them. Here the issuer is the environment's own authority, or the operator's files.

mod authority;
mod pem;

use super::{Host, hex};
use crate::agent::{Context, Result, refused};
use crate::protocol::{Action, Change, Detail, Failure, Tls};
use crate::resources::host::Access;
pub use authority::authority;
pub use pem::Leaf;

pub const DIRECTORY: &str = "/etc/ocrctl/tls";
pub const CHAIN: &str = "/etc/ocrctl/tls/live/fullchain.pem";
pub const KEY: &str = "/etc/ocrctl/tls/live/key.pem";

#[derive(Debug)]
pub struct Certificate {
    pub environment: String,
    pub names: Vec<String>,
    pub tls: Tls,
}

impl Certificate {
    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let chain = host.read_text(CHAIN)?;
        let key = host.read_text(KEY)?;
        let (Some(chain), Some(key)) = (chain, key) else {
            return Ok(Some(self.because("there is none", vec![])));
        };
        match &self.tls {
            Tls::Files {
                chain: wanted,
                key: wanted_key,
            } => {
                self.check_files(wanted, wanted_key.expose())?;
                let mut details = Vec::new();
                if chain != *wanted {
                    details.push(dates(pem::leaf(&chain).ok().as_ref(), &pem::leaf(wanted)?));
                }
                if key != wanted_key.expose() {
                    details.push(Detail::Field {
                        name: "key".into(),
                        from: None,
                        to: Some("(secret changed)".into()),
                    });
                }
                Ok((!details.is_empty())
                    .then(|| self.because("the operator's files differ", details)))
            }
            Tls::SelfSigned => {
                let Ok(leaf) = pem::leaf(&chain) else {
                    return Ok(Some(self.because("the one in place can't be read", vec![])));
                };
                let mut names = self.names.clone();
                names.sort();
                let reason = if leaf.names != names {
                    format!("its names are {}", leaf.names.join(", "))
                } else if !authority::issued(host, &chain)? {
                    "it is not from the environment's own authority".into()
                } else if !pem::keys_match(&chain, &key) {
                    "its key does not belong to it".into()
                } else if leaf.due() {
                    format!(
                        "less than a third of its life is left (until {})",
                        leaf.not_after
                    )
                } else {
                    return Ok(None);
                };
                Ok(Some(self.because(&reason, vec![])))
            }
        }
    }

    pub fn apply(&self, host: &Host) -> Result<()> {
        let (chain, key) = match &self.tls {
            Tls::Files { chain, key } => {
                self.check_files(chain, key.expose())?;
                (chain.clone(), key.expose().to_owned())
            }
            Tls::SelfSigned => authority::issue(host, &self.environment, &self.names)?,
        };
        install(host, &chain, &key)
    }

    fn because(&self, reason: &str, details: Vec<Detail>) -> Change {
        Change {
            resource: format!("certificate {}", self.names.join(", ")),
            action: if details.is_empty() {
                Action::Create
            } else {
                Action::Update
            },
            reason: reason.to_owned(),
            details,
        }
    }

    /// What NGINX would refuse, or clients would: said before anything is touched.
    fn check_files(&self, chain: &str, key: &str) -> Result<()> {
        let leaf = pem::leaf(chain).map_err(|f| refused(format!("tls.chain: {}", f.message)))?;
        if !pem::keys_match(chain, key) {
            return Err(
                refused("tls.key does not belong to the certificate in tls.chain".into())
                    .hint("check that both files come from the same issuance"),
            );
        }
        if let Some(name) = self.names.iter().find(|name| !leaf.covers(name)) {
            return Err(refused(format!(
                "the certificate in tls.chain is for {}, not for {name}",
                leaf.names.join(", ")
            )));
        }
        if leaf.expired() {
            return Err(refused(format!(
                "the certificate in tls.chain expired at {}",
                leaf.not_after
            )));
        }
        Ok(())
    }
}

/// Writes a new version and makes it the live one, in this order, so that `live` is always whole.
fn install(host: &Host, chain: &str, key: &str) -> Result<()> {
    let leaf = pem::leaf(chain)?;
    let version = format!(
        "versions/{}-{}",
        jiff::Timestamp::now().as_second(),
        leaf.serial
    );
    let directory = format!("{DIRECTORY}/{version}");
    host.write(
        &format!("{directory}/key.pem"),
        key.as_bytes(),
        Access::root(0o600),
    )?;
    host.write(
        &format!("{directory}/fullchain.pem"),
        chain.as_bytes(),
        Access::root(0o644),
    )?;
    host.link(&format!("{DIRECTORY}/live"), &version)
}

fn dates(from: Option<&Leaf>, to: &Leaf) -> Detail {
    let shown = |leaf: &Leaf| format!("serial {}, until {}", leaf.serial, leaf.not_after);
    Detail::Field {
        name: "certificate".into(),
        from: from.map(shown),
        to: Some(shown(to)),
    }
}

/// SHA-256 of what is live, for those who must act when it changes.
pub fn live_hash(host: &Host) -> Result<Option<String>> {
    use sha2::{Digest, Sha256};
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Secret;

    fn certificate(names: &[&str], tls: Tls) -> Certificate {
        Certificate {
            environment: "prod".into(),
            names: names.iter().map(|n| (*n).to_owned()).collect(),
            tls,
        }
    }

    #[test]
    fn the_own_authority_issues_once_and_for_new_names_again() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let first = certificate(&["ocr.example.org"], Tls::SelfSigned);
        assert_eq!(first.diff(&host).unwrap().unwrap().reason, "there is none");
        first.apply(&host).unwrap();
        assert_eq!(first.diff(&host).unwrap(), None);
        assert_eq!(host.access(KEY).unwrap().unwrap().mode, 0o600);
        assert_eq!(
            host.access("/etc/ocrctl/tls/ca.key").unwrap().unwrap().mode,
            0o600
        );
        let before = authority(&host).unwrap();

        let second = certificate(&["ocr.example.org", "api.example.org"], Tls::SelfSigned);
        assert!(
            second
                .diff(&host)
                .unwrap()
                .unwrap()
                .reason
                .contains("its names are")
        );
        second.apply(&host).unwrap();
        assert_eq!(second.diff(&host).unwrap(), None);
        assert_eq!(
            authority(&host).unwrap(),
            before,
            "clients keep trusting it"
        );

        host.remove("/etc/ocrctl/tls/ca.pem").unwrap();
        assert!(second.diff(&host).unwrap().is_some());
        second.apply(&host).unwrap();
        assert_eq!(second.diff(&host).unwrap(), None);
    }

    #[test]
    fn the_operators_files_are_checked_before_use() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let (chain, key) = authority::issue(&host, "x", &["ocr.example.org".into()]).unwrap();
        let (_, other_key) = authority::issue(&host, "x", &["ocr.example.org".into()]).unwrap();
        let files = |key: &str| Tls::Files {
            chain: chain.clone(),
            key: Secret(key.to_owned().into()),
        };
        let good = certificate(&["ocr.example.org"], files(&key));
        good.apply(&host).unwrap();
        assert_eq!(good.diff(&host).unwrap(), None);

        let mixed = certificate(&["ocr.example.org"], files(&other_key));
        assert!(
            mixed
                .diff(&host)
                .unwrap_err()
                .message
                .contains("does not belong")
        );
        let elsewhere = certificate(&["other.example.org"], files(&key));
        assert!(
            elsewhere
                .apply(&host)
                .unwrap_err()
                .message
                .contains("not for other.example.org")
        );
        let garbage = certificate(
            &["ocr.example.org"],
            Tls::Files {
                chain: "no PEM".into(),
                key: Secret(key.into()),
            },
        );
        assert!(
            garbage
                .diff(&host)
                .unwrap_err()
                .message
                .starts_with("tls.chain")
        );
    }
}
