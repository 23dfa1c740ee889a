//! The certificate that NGINX serves: from the environment's own authority, the operator's files, or an authority
//! that speaks ACME, asked by ocrctl or by certbot.

mod account;
mod authority;
pub mod certbot;
pub mod issuance;
mod live;
mod obtain;
mod pem;
mod problem;
pub mod renewal;
pub mod schedule;
pub mod served;
pub mod settings;
pub mod status;
#[cfg(test)]
mod tests;

use crate::host::{Access, Host};
pub use account::DIRECTORY as ACCOUNTS;
pub use authority::authority;
pub use live::{CHAIN, DIRECTORY, KEY, live_hash, live_leaf};
use live::{Issued, Pair};
pub use obtain::{CHALLENGES, Surroundings, WEBROOT, own_addresses};
use ocrctl_protocol::{Action, Change, Detail, Result, Tls, refused};
pub use pem::Leaf;
use settings::Settings;

/// The certificate that NGINX starts with: the final one where that needs nobody else, and a temporary one where an
/// authority has yet to be asked ([`issuance::Issuance`]).
#[derive(Debug)]
pub struct Certificate {
    pub settings: Settings,
    pub tls: Tls,
}

/// The key's: NGINX reads it before it gives up being root.
const SECRET: Access = Access::root(0o600);

impl Certificate {
    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        if let Some(change) = self.another(host)? {
            return Ok(Some(change));
        }
        let access = host.access(KEY)?.filter(|access| *access != SECRET);
        Ok(access.map(|access| {
            let details = vec![Detail::Field {
                name: "access to its key".into(),
                from: Some(access.to_string()),
                to: Some(SECRET.to_string()),
            }];
            self.because("owner or mode of its key differ", details)
        }))
    }

    /// Why there shall be another pair.
    fn another(&self, host: &Host) -> Result<Option<Change>> {
        let Some(live) = Pair::live(host)? else {
            if let Tls::Files { chain, key } = &self.tls {
                self.files(chain, key.expose())
                    .check(&self.settings.names)?;
            }
            let reason = match &self.tls {
                Tls::Acme { .. } | Tls::Certbot { .. } => {
                    "there is none: a temporary one, until the authority has issued one"
                }
                Tls::SelfSigned | Tls::Files { .. } => "there is none",
            };
            return Ok(Some(self.because(reason, vec![])));
        };
        let damaged = Pair::is_damaged(&live);
        let (chain, key) = live;
        match &self.tls {
            Tls::Files {
                chain: wanted,
                key: wanted_key,
            } => {
                let files = self.files(wanted, wanted_key.expose());
                files.check(&self.settings.names)?;
                let mut details = Vec::new();
                if chain != *wanted {
                    details.push(Detail::Field {
                        name: "certificate".into(),
                        from: pem::leaf(&chain).ok().map(|leaf| leaf.shown()),
                        to: Some(pem::leaf(wanted)?.shown()),
                    });
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
                let reason = self.why_another_self_signed(host, &chain, &key)?;
                Ok(reason.map(|reason| self.because(&reason, vec![])))
            }
            // NGINX would refuse it, and with it everything that comes before the authority is asked.
            Tls::Acme { .. } | Tls::Certbot { .. } if damaged => {
                let reason = "the one in place is damaged: a temporary one, until the authority has issued one";
                Ok(Some(self.because(reason, vec![])))
            }
            // The certificate in use stays until the authority has issued a new one.
            Tls::Acme { .. } | Tls::Certbot { .. } => Ok(None),
        }
    }

    fn why_another_self_signed(
        &self,
        host: &Host,
        chain: &str,
        key: &str,
    ) -> Result<Option<String>> {
        let Ok(leaf) = pem::leaf(chain) else {
            return Ok(Some("the one in place can't be read".to_owned()));
        };
        let mut names = self.settings.names.clone();
        names.sort();
        Ok(if leaf.names != names {
            Some(format!("its names are {}", leaf.names.join(", ")))
        } else if !authority::issued(host, chain)? {
            Some("it is not from the environment's own authority".into())
        } else if !pem::keys_match(chain, key) {
            Some("its key does not belong to it".into())
        } else if leaf.due(jiff::Timestamp::now()) {
            Some(format!(
                "less than a third of its life is left (until {})",
                leaf.not_after
            ))
        } else {
            None
        })
    }

    pub async fn apply(&self, host: &Host) -> Result<()> {
        if self.another(host)?.is_none() {
            return host.set_access(KEY, SECRET);
        }
        let pair = match &self.tls {
            Tls::Files { chain, key } => self.files(chain, key.expose()),
            Tls::SelfSigned => authority::issue(host, &self.settings)?,
            Tls::Acme { .. } | Tls::Certbot { .. } => authority::temporary(&self.settings.names)?,
        };
        pair.check(&self.settings.names)?;
        let name = self.settings.name();
        match Pair::live(host)? {
            Some(live) if !Pair::is_damaged(&live) => pair.put_in_force(host, name).await,
            _ => pair.put_in_place(host, name).await,
        }
    }

    fn files(&self, chain: &str, key: &str) -> Pair {
        Pair {
            chain: chain.to_owned(),
            key: key.to_owned(),
            issued: Issued::Files,
        }
    }

    fn because(&self, reason: &str, details: Vec<Detail>) -> Change {
        Change {
            resource: format!("certificate {}", self.settings.names.join(", ")),
            action: if details.is_empty() {
                Action::Create
            } else {
                Action::Update
            },
            reason: reason.to_owned(),
            details,
        }
    }
}

impl Pair {
    /// Rejects a certificate that NGINX or clients would refuse, before anything is changed.
    fn check(&self, names: &[String]) -> Result<()> {
        let what = match self.issued {
            Issued::Files => "the certificate in tls.chain",
            _ => "the new certificate",
        };
        let leaf = pem::leaf(&self.chain).map_err(|f| refused(format!("{what}: {}", f.message)))?;
        if !pem::keys_match(&self.chain, &self.key) {
            return Err(match self.issued {
                Issued::Files => {
                    refused("tls.key does not belong to the certificate in tls.chain".into())
                        .hint("check that both files come from the same issuance")
                }
                _ => refused(format!("{what} is not for the key it was asked with")),
            });
        }
        if let Some(name) = names.iter().find(|name| !leaf.covers(name)) {
            return Err(refused(format!(
                "{what} is for {}, not for {name}",
                leaf.names.join(", ")
            )));
        }
        if leaf.expired(jiff::Timestamp::now()) {
            return Err(refused(format!("{what} expired at {}", leaf.not_after)));
        }
        pem::check_order(&self.chain).map_err(|why| {
            refused(format!("{what}: {why}"))
                .hint("the certificate comes first, then each one's issuer after it")
        })
    }
}
