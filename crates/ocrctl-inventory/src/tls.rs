//! Where an environment's certificate comes from.

use std::path::PathBuf;

use serde_saphyr::Location;

use super::problem::{Checks, word};
use ocrctl_protocol::{Invalid, KeyType};

use super::schema::{self, Issuer, Spanned};
use super::secret::SecretRef;

const LETSENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";
const LETSENCRYPT_STAGING: &str = "https://acme-staging-v02.api.letsencrypt.org/directory";

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// An authority of the environment's own, kept on the host.
    SelfSigned,
    /// The operator's certificate, in PEM.
    Files { chain: PathBuf, key: SecretRef },
    /// A certificate authority asked by ocrctl itself.
    Acme(Authority),
    /// The same, asked by the distribution's certbot.
    Certbot(Authority),
}

/// A certificate authority that speaks ACME.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authority {
    /// URL of its directory.
    pub directory: String,
    pub directory_ca: Option<PathBuf>,
    /// An e-mail address.
    pub contact: Option<String>,
    pub key_type: KeyType,
    pub profile: Option<String>,
    pub external_account: Option<ExternalAccount>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExternalAccount {
    pub key_id: String,
    pub hmac_key: SecretRef,
}

impl Issuer {
    fn name(self) -> &'static str {
        match self {
            Self::Acme => "acme",
            Self::Certbot => "certbot",
            Self::Files => "files",
            Self::SelfSigned => "self_signed",
        }
    }

    /// Issuers that give a field of the section its meaning.
    fn of_field(field: &str) -> &'static [Self] {
        match field {
            "chain" | "key" => &[Self::Files],
            // Of the releases rehearsed, no certbot knows profiles.
            "profile" => &[Self::Acme],
            _ => &[Self::Acme, Self::Certbot],
        }
    }
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
        let given = raw
            .issuer
            .as_ref()
            .map(|text| checks.parse(text, |text| word(text, "is not an issuer of certificates")));
        let chosen = given.flatten().unwrap_or(Issuer::SelfSigned);
        // Of a misspelt issuer, nothing more can be said.
        if given != Some(None) {
            refuse_unused(raw, chosen, checks);
        }
        match chosen {
            Issuer::SelfSigned => Some(Self::SelfSigned),
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
            Issuer::Acme => Authority::read(raw, environment, checks).map(Self::Acme),
            Issuer::Certbot => Authority::read(raw, environment, checks).map(Self::Certbot),
        }
    }
}

impl Authority {
    fn read(raw: &schema::Tls, environment: &str, checks: &mut Checks<'_>) -> Option<Self> {
        let external_account = raw
            .external_account
            .as_ref()
            .map(|raw| ExternalAccount::read(raw, environment, checks));
        let authority = Self {
            directory: checks.value(&raw.directory, LETSENCRYPT.to_owned(), directory),
            directory_ca: raw.directory_ca.as_ref().map(|path| checks.path(path)),
            contact: match &raw.contact {
                Some(text) => checks.parse(text, address),
                None => None,
            },
            key_type: match checks.value(&raw.key_type, schema::KeyType::EcdsaP256, |text| {
                word(text, "is not a type of key")
            }) {
                schema::KeyType::EcdsaP256 => KeyType::EcdsaP256,
                schema::KeyType::Rsa2048 => KeyType::Rsa2048,
            },
            profile: raw.profile.as_ref().map(|text| text.value.clone()),
            external_account: None,
        };
        match external_account {
            None => Some(authority),
            Some(account) => Some(Self {
                external_account: Some(account?),
                ..authority
            }),
        }
    }
}

impl ExternalAccount {
    fn read(
        raw: &Spanned<schema::ExternalAccount>,
        environment: &str,
        checks: &mut Checks<'_>,
    ) -> Option<Self> {
        let (Some(key_id), Some(hmac_key)) = (&raw.value.key_id, &raw.value.hmac_key) else {
            checks
                .refuse(
                    raw.referenced,
                    "an external account has `key_id` and `hmac_key`",
                )
                .hint("both are from the authority: `{key_id: ID, hmac_key: {env: NAME}}`");
            return None;
        };
        let field = format!("environments.{environment}.tls.external_account.hmac_key");
        Some(Self {
            key_id: key_id.value.clone(),
            hmac_key: SecretRef::read(hmac_key, field, checks)?,
        })
    }
}

fn refuse_unused(raw: &schema::Tls, chosen: Issuer, checks: &mut Checks<'_>) {
    fn place<Form>(text: &Option<schema::Text<Form>>) -> Option<Location> {
        text.as_ref().map(|text| text.referenced)
    }
    let given: [(&str, Option<Location>); 8] = [
        ("chain", place(&raw.chain)),
        ("key", raw.key.as_ref().map(|key| key.referenced)),
        ("directory", place(&raw.directory)),
        ("directory_ca", place(&raw.directory_ca)),
        ("contact", place(&raw.contact)),
        ("key_type", place(&raw.key_type)),
        ("profile", place(&raw.profile)),
        (
            "external_account",
            raw.external_account.as_ref().map(|field| field.referenced),
        ),
    ];
    for (field, at) in given {
        let meant = Issuer::of_field(field);
        if let Some(at) = at
            && !meant.contains(&chosen)
        {
            let names: Vec<String> = meant
                .iter()
                .map(|issuer| format!("`issuer: {}`", issuer.name()))
                .collect();
            checks
                .refuse(
                    at,
                    format!("`{field}` has no meaning with `issuer: {}`", chosen.name()),
                )
                .hint(format!("write {}, or remove it", names.join(" or ")));
        }
    }
}

/// The URL of an ACME directory, by name or written out.
fn directory(text: &str) -> Result<String, Invalid> {
    match text {
        "letsencrypt" => Ok(LETSENCRYPT.to_owned()),
        "letsencrypt-staging" => Ok(LETSENCRYPT_STAGING.to_owned()),
        url if url.starts_with("https://") && reqwest::Url::parse(url).is_ok() => {
            Ok(url.to_owned())
        }
        _ => Err(Invalid::new(format!("`{text}` is not an ACME directory")).hint(
            "write `letsencrypt`, `letsencrypt-staging`, or the directory's URL, which begins with https://",
        )),
    }
}

pub(super) fn address(text: &str) -> Result<String, Invalid> {
    let text = text.strip_prefix("mailto:").unwrap_or(text);
    let sound = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && domain.contains('.')
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || ",<>".contains(c))
    });
    if sound {
        Ok(text.to_owned())
    } else {
        Err(Invalid::new(format!("`{text}` is not an e-mail address"))
            .hint("write an address of the organization, such as `ocr@example.org`"))
    }
}
