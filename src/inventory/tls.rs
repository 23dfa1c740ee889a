//! Where an environment's certificate comes from.

use std::path::PathBuf;

use serde_saphyr::Spanned;

use super::problem::{Checks, Invalid};
use super::schema;
use super::secret::SecretRef;
use super::suggestion;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// An authority of the environment's own, kept on the host.
    SelfSigned,
    /// The operator's certificate, in PEM.
    Files { chain: PathBuf, key: SecretRef },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Issuer {
    SelfSigned,
    Files,
}

impl Tls {
    pub(super) fn read(
        raw: Option<&Spanned<schema::Tls>>,
        environment: &str,
        checks: &mut Checks<'_>,
    ) -> Option<Self> {
        let Some(raw) = raw else {
            return Some(Self::SelfSigned);
        };
        let (at, raw) = (raw.referenced, &raw.value);
        match checks.value(&raw.issuer, Issuer::SelfSigned, issuer) {
            Issuer::SelfSigned => {
                let unused = [
                    ("chain", raw.chain.as_ref().map(|field| field.referenced)),
                    ("key", raw.key.as_ref().map(|field| field.referenced)),
                ];
                for (field, place) in unused {
                    if let Some(place) = place {
                        checks
                            .refuse(
                                place,
                                format!("`{field}` has no meaning with `issuer: self_signed`"),
                            )
                            .hint("write `issuer: files`, or remove it");
                    }
                }
                Some(Self::SelfSigned)
            }
            Issuer::Files => match (&raw.chain, &raw.key) {
                (Some(chain), Some(key)) => Some(Self::Files {
                    chain: checks.path(chain),
                    key: SecretRef::read(
                        key,
                        format!("environments.{environment}.tls.key"),
                        checks,
                    )?,
                }),
                _ => {
                    checks
                        .refuse(at, "`issuer: files` needs `chain` and `key`")
                        .hint("add `chain: fullchain.pem` and `key: {file: privkey.pem}`");
                    None
                }
            },
        }
    }
}

fn issuer(text: &str) -> Result<Issuer, Invalid> {
    match text {
        "self_signed" => Ok(Issuer::SelfSigned),
        "files" => Ok(Issuer::Files),
        _ => Err(
            Invalid::new(format!("`{text}` is not an issuer of certificates")).hint(
                suggestion::hint(text, "it is one of", ["self_signed", "files"]),
            ),
        ),
    }
}
