//! Repairs that the watcher makes by itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use crate::host::{Host, Operation, systemd};
use crate::resources::nginx;
use crate::resources::release::{Release, images};
use ocrctl_protocol::Result;
use ocrctl_protocol::health::With;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mend {
    /// Remove images that no release needs.
    Prune,
    /// Start Docker.
    Docker,
    /// Start NGINX, or start it again.
    Nginx,
    /// Start the live container, which has stopped.
    Start,
    /// Have the live release serve from the other slot.
    Restart,
}

/// A repair that was tried.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) at: Timestamp,
    pub(super) mend: Mend,
    /// The repair made, `None` if none was needed, or the reason why it failed.
    pub(super) outcome: std::result::Result<Option<String>, String>,
}

impl Mend {
    pub(super) fn helps(self, with: With) -> bool {
        match self {
            Self::Prune => with == With::Disk,
            Self::Nginx => with == With::Nginx,
            Self::Docker => with == With::Release,
            Self::Start | Self::Restart => matches!(with, With::Release | With::Recognition),
        }
    }

    /// Mends of the same number are counted together.
    pub(super) fn budget(self) -> u8 {
        match self {
            Self::Prune => 0,
            Self::Docker => 1,
            Self::Nginx => 2,
            Self::Start | Self::Restart => 3,
        }
    }

    pub(super) fn doing(self) -> &'static str {
        match self {
            Self::Prune => "removing images that no release needs",
            Self::Docker => "starting Docker",
            Self::Nginx => "starting NGINX",
            Self::Start => "starting the container",
            Self::Restart => "restarting the release through the other slot",
        }
    }
}

/// Says what was done.
pub(super) async fn apply(
    host: &Host,
    settings: &Settings,
    mend: Mend,
    operation: &mut Operation,
) -> Result<Option<String>> {
    match mend {
        Mend::Prune => {
            let removed = images::prune(host).await?;
            Ok((removed > 0)
                .then(|| format!("{removed} images that no release needs were removed")))
        }
        Mend::Docker => {
            systemd::start(host, "docker.service").await?;
            Ok(Some("Docker was started".to_owned()))
        }
        Mend::Nginx => {
            nginx::check(host).await?;
            nginx::load(host, &settings.name).await?;
            Ok(Some("NGINX was started".to_owned()))
        }
        Mend::Start => {
            Release::start(host, operation).await?;
            Ok(Some("its container was started".to_owned()))
        }
        Mend::Restart => {
            Release::restart(host, settings.name.clone(), false, operation).await?;
            Ok(Some("it was restarted through the other slot".to_owned()))
        }
    }
}
