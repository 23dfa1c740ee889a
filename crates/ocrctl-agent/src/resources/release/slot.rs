//! The two slots, `a` and `b`: a container and a directory for its Unix socket each.

use crate::host::Host;
use ocrctl_protocol::{Failure, Result};

/// A symbolic link to the directory of the slot that serves.
pub const LIVE: &str = "/var/lib/ocr/live";
pub const SLOTS: [Slot; 2] = [Slot::A, Slot::B];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    A = 0,
    B = 1,
}

impl Slot {
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    pub fn container(self) -> &'static str {
        match self {
            Self::A => "ocr-a",
            Self::B => "ocr-b",
        }
    }

    pub fn directory(self) -> String {
        format!("/var/lib/ocr/{self}")
    }

    pub fn socket(self) -> String {
        format!("{}/ocr.sock", self.directory())
    }

    /// Removes the socket that a killed container left.
    pub fn clear(self, host: &Host) -> Result<()> {
        host.remove(&self.socket())
    }

    /// `None` if nothing is live yet.
    pub fn live(host: &Host) -> Result<Option<Self>> {
        match host.link_target(LIVE)?.as_deref() {
            None => Ok(None),
            Some("a") => Ok(Some(Self::A)),
            Some("b") => Ok(Some(Self::B)),
            Some(other) => Err(
                Failure::new(format!("{LIVE} points at {other}, neither a nor b"))
                    .hint(format!("remove {LIVE} on the host and deploy again")),
            ),
        }
    }

    /// The switch: one rename(2). New connections go to this slot from here on.
    pub fn make_live(self, host: &Host) -> Result<()> {
        host.link(LIVE, &self.to_string())
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}
