//! A host's part of a backup: in the clear, in memory only; and sealed, as it leaves the host.

mod seal;

pub use seal::{Identities, OpenError, Recipient, RecipientError, seal};

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Version of the contents. It rises when an older `ocrctl` would restore them wrongly.
pub const VERSION: u32 = 1;

/// A host's part in the clear.
#[derive(Serialize, Deserialize)]
pub struct Contents {
    pub version: u32,
    pub environment: String,
    pub host: String,
    pub at: Timestamp,
    /// By path.
    pub entries: BTreeMap<String, Entry>,
}

/// A file or a link, at the path that it stands under.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Entry {
    File {
        /// Permission bits.
        mode: u32,
        base64: String,
    },
    /// A symbolic link.
    Link { target: String },
}

impl Contents {
    /// Returns whether there is nothing to back up.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl fmt::Debug for Entry {
    /// Without what is in the file.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { mode, .. } => write!(f, "File({mode:o})"),
            Self::Link { target } => write!(f, "Link({target})"),
        }
    }
}

impl fmt::Debug for Contents {
    /// Without what is in the files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contents")
            .field("host", &self.host)
            .field("paths", &self.entries.keys())
            .finish_non_exhaustive()
    }
}

/// The time, as exactly as people read it.
pub fn now() -> jiff::Timestamp {
    let now = jiff::Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now)
}
