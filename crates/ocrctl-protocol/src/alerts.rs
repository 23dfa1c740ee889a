//! Alerts that a host sends by itself, while its operator is away. It has to know how by itself, so that these
//! secrets stay on it, for root alone.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Credentials, Secret};

/// In the inventory, with references to secrets and paths of files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alerts<S = Secret, File = String> {
    /// URL that each message is posted to, as JSON.
    pub webhook: Option<S>,
    /// URL that is fetched as long as all is well: whoever is behind it misses it when the host is gone.
    pub ping: Option<S>,
    pub email: Option<Email<S, File>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Email<S = Secret, File = String> {
    pub from: String,
    pub to: Vec<String>,
    /// DNS name or address of the relay.
    pub relay: String,
    pub port: u16,
    pub security: MailSecurity,
    /// PEM of a private authority behind the relay's certificate.
    pub ca: Option<File>,
    pub credentials: Option<Credentials<S>>,
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

impl<S, File> Default for Alerts<S, File> {
    fn default() -> Self {
        Self {
            webhook: None,
            ping: None,
            email: None,
        }
    }
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Delivery {
    /// `webhook`, `email` or `ping`.
    pub channel: String,
    /// Why nothing went out over it.
    pub error: Option<String>,
}
