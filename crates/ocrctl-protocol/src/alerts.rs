//! Alerts that a host sends by itself, while its operator is away. It has to know how by itself, so that these
//! secrets stay on it, for root alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Credentials, Secret};

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Alerts {
    /// URL that each message is posted to, as JSON.
    pub webhook: Option<Secret>,
    /// URL that is fetched as long as all is well: whoever is behind it misses it when the host is gone.
    pub ping: Option<Secret>,
    pub email: Option<Email>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Email {
    pub from: String,
    pub to: Vec<String>,
    /// DNS name or address of the relay.
    pub relay: String,
    pub port: u16,
    pub security: MailSecurity,
    /// PEM of a private authority behind the relay's certificate.
    pub ca: Option<String>,
    pub credentials: Option<Credentials>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum MailSecurity {
    /// RFC 3207.
    Starttls,
    /// From the first byte on (RFC 8314).
    Tls,
    None,
}

impl Alerts {
    pub fn is_empty(&self) -> bool {
        self.webhook.is_none() && self.ping.is_none() && self.email.is_none()
    }
}

/// Limits of a host's watcher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watcher {
    /// 0: nothing.
    #[serde(alias = "mends_per_hour")]
    pub repairs_per_hour: u32,
}

/// The outcome of a message on one of a host's channels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// `webhook`, `email`, `ping`.
    pub channel: String,
    /// Why it failed.
    pub error: Option<String>,
}
