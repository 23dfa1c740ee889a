//! Messages about API keys. Only hashes travel, never a key.

use ocr_api::health;
use ocr_api::keys::{KeyFile, KeyRecord, Usage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Both are answered with the keys as they are then.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum KeyRequest {
    List,
    /// Put `file` in the place of the one that was read before, if that is still the one.
    Replace {
        /// [`HostKeys::digest`] as it was read.
        expected: Option<String>,
        file: KeyFile,
        /// For the host's journal: what is changed, in words.
        what: String,
    },
}

/// The API keys of one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostKeys {
    /// The keys of the key file, or of its last good copy if the file can't be used.
    pub keys: Vec<KeyRecord>,
    /// Of the key file; null: it can't be used.
    pub digest: Option<String>,
    /// Why not.
    pub error: Option<String>,
    /// Use of each key, by its id, over all releases that have served here.
    pub usage: Usage,
    /// The live release's report of its keys; null where none answers.
    pub service: Option<health::Keys>,
}

impl HostKeys {
    /// The file that the host has, or had last.
    pub fn file(&self) -> KeyFile {
        KeyFile {
            keys: self.keys.clone(),
            ..KeyFile::default()
        }
    }
}
