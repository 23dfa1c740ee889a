//! Settings by which the host renews on its own. They include no secret.

use serde::{Deserialize, Serialize};

use super::Host;
use ocrctl_protocol::{Authority, Context, Failure, Result, Tls};

pub const PATH: &str = "/etc/ocrctl/certificate.json";

/// An environment's certificate: for which names, and from whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub environment: String,
    /// The first is the common name.
    pub names: Vec<String>,
    pub issuer: Issuer,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "issuer", rename_all = "snake_case")]
pub enum Issuer {
    SelfSigned,
    Files,
    Acme(Authority),
    Certbot(Authority),
}

impl Settings {
    pub fn new(environment: &str, names: &[String], tls: &Tls) -> Self {
        Self {
            environment: environment.to_owned(),
            names: names.to_vec(),
            issuer: match tls {
                Tls::SelfSigned => Issuer::SelfSigned,
                Tls::Files { .. } => Issuer::Files,
                Tls::Acme { authority, .. } => Issuer::Acme(authority.clone()),
                Tls::Certbot { authority, .. } => Issuer::Certbot(authority.clone()),
            },
        }
    }

    /// Reads the settings that the last deploy wrote.
    pub fn read(host: &Host) -> Result<Self> {
        let json = host.read(PATH)?.ok_or_else(|| {
            Failure::new("nothing is known of this host's certificate").hint("deploy first")
        })?;
        serde_json::from_slice(&json).context(format_args!("reading {PATH}"))
    }

    pub fn to_json(&self) -> String {
        // Strings and enums only.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// The name that NGINX is asked for.
    pub fn name(&self) -> &str {
        self.names.first().map_or("localhost", String::as_str)
    }
}

impl Issuer {
    /// For people: `acme: https://…`.
    pub fn describe(&self) -> String {
        match self {
            Self::SelfSigned => "the environment's own authority".into(),
            Self::Files => "the operator's files".into(),
            Self::Acme(authority) => authority.directory.clone(),
            Self::Certbot(authority) => format!("{} by certbot", authority.directory),
        }
    }
}
