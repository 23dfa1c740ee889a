//! Repairs that the watcher makes by itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::settings::Settings;
use crate::host::{Host, Operation, systemd};
use crate::resources::nginx;
use crate::resources::release::{Release, images};
use ocrctl_protocol::Result;
use ocrctl_protocol::health::Part;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Repair {
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
    pub(super) repair: Repair,
    /// The repair made, `None` if none was needed, or the reason why it failed.
    pub(super) outcome: std::result::Result<Option<String>, String>,
}

impl Repair {
    pub(super) fn helps(self, with: Part) -> bool {
        match self {
            Self::Prune => with == Part::Disk,
            Self::Nginx => with == Part::Nginx,
            Self::Docker => with == Part::Release,
            Self::Start | Self::Restart => matches!(with, Part::Release | Part::Recognition),
        }
    }

    /// Repairs of the same number are counted together.
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
    repair: Repair,
    operation: &mut Operation,
) -> Result<Option<String>> {
    match repair {
        Repair::Prune => {
            let removed = images::prune(host).await?;
            Ok((removed > 0)
                .then(|| format!("{removed} images that no release needs were removed")))
        }
        Repair::Docker => {
            systemd::start(host, "docker.service").await?;
            Ok(Some("Docker was started".to_owned()))
        }
        Repair::Nginx => {
            nginx::check(host).await?;
            nginx::load(host, &settings.name).await?;
            Ok(Some("NGINX was started".to_owned()))
        }
        Repair::Start => {
            Release::start(host, operation).await?;
            Ok(Some("its container was started".to_owned()))
        }
        Repair::Restart => {
            Release::restart(host, settings.name.clone(), false, operation).await?;
            Ok(Some("it was restarted through the other slot".to_owned()))
        }
    }
}
