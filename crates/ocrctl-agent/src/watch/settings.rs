//! The watcher's settings from the last deploy. Secrets are in a file of their own.

use serde::{Deserialize, Serialize};

use crate::host::Host;
use ocrctl_protocol::{Context, Desired, Result};

pub const PATH: &str = "/etc/ocrctl/watch.json";
/// The channels of `alerts`, with their secrets: for root alone.
pub const ALERTS: &str = "/etc/ocrctl/alerts.json";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    pub environment: String,
    /// The first that is served.
    pub name: String,
    #[serde(alias = "mends_per_hour")]
    pub repairs_per_hour: u32,
    /// The host's own.
    #[serde(skip)]
    pub host: String,
}

impl Settings {
    pub fn of(desired: &Desired) -> Self {
        Self {
            environment: desired.environment.clone(),
            name: desired.names.first().cloned().unwrap_or_default(),
            repairs_per_hour: desired.watcher.repairs_per_hour,
            host: String::new(),
        }
    }

    /// `None` if nothing was deployed yet.
    pub fn read(host: &Host) -> Result<Option<Self>> {
        let Some(json) = host.read(PATH)? else {
            return Ok(None);
        };
        let settings: Self =
            serde_json::from_slice(&json).context(format_args!("reading {PATH}"))?;
        let name = nix::unistd::gethostname().context("reading the host's name")?;
        Ok(Some(Self {
            host: name.to_string_lossy().into_owned(),
            ..settings
        }))
    }

    pub fn to_json(&self) -> String {
        // Strings and a number.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
