//! The API keys in force. They are reloaded whenever their file changes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use ocr_api::health::Keys;
use ocr_api::keys::{KeyFile, Quota, Refused, Scope};

use crate::reloaded::{self, Content, Reloaded};

/// The keys that were last loaded. A torn or missing file changes nothing but the report of `/readyz`. Every change of
/// the file writes a copy beside it. A service that starts while the file is torn or missing loads that copy.
#[derive(Debug)]
pub struct Keyring(Reloaded<Loaded>);

/// A valid key, with the data that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub id: String,
    pub quota: Option<Quota>,
}

#[derive(Debug, Default)]
struct Loaded {
    file: Arc<KeyFile>,
    /// `None` if no file was loaded.
    digest: Option<String>,
}

impl Content for Loaded {
    /// Some 30,000 keys.
    const MAX_BYTES: u64 = 8 << 20;
    const OPTIONAL: bool = false;

    fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file = KeyFile::parse(bytes).map_err(|error| error.to_string())?;
        Ok(Self {
            digest: Some(file.digest()),
            file: Arc::new(file),
        })
    }

    fn log_loaded(&self, path: &Path) {
        tracing::info!(keys = self.file.keys.len(), path = %path.display(), "keys loaded");
    }

    fn log_failed(&self, error: &str) {
        tracing::error!(error, in_force = self.file.keys.len(), "keys not loaded");
    }
}

impl Keyring {
    /// Reads the file, or the copy of the last valid one if the file is missing or torn. Without either, the keyring is
    /// empty, and all requests are refused until the file is there.
    pub async fn open(path: PathBuf) -> Arc<Self> {
        let copy = KeyFile::last_good(&path);
        let keyring = Self(Reloaded::open(path).await);
        if keyring.0.content().digest.is_none() {
            keyring.fall_back(&copy).await;
        }
        Arc::new(keyring)
    }

    async fn fall_back(&self, copy: &Path) {
        let Ok(bytes) = reloaded::read::<Loaded>(copy).await else {
            return;
        };
        match Loaded::parse(&bytes) {
            Ok(keys) => {
                tracing::warn!(keys = keys.file.keys.len(), path = %copy.display(), "the last valid keys are in force");
                self.0.replace(keys);
            }
            Err(error) => {
                tracing::error!(%error, path = %copy.display(), "no copy of the last valid keys")
            }
        }
    }

    /// Watches the file. Never ends.
    pub async fn watch(self: Arc<Self>) {
        self.0.watch().await;
    }

    /// Verifies a presented key for a route that needs one of `scopes`.
    ///
    /// # Errors
    /// Returns the reason of the refusal, for the log.
    pub fn verify(&self, presented: Option<&str>, scopes: &[Scope]) -> Result<Known, Refused> {
        let file = self.file();
        let record = file.verify(presented, scopes, Timestamp::now())?;
        Ok(Known {
            id: record.id.clone(),
            quota: record.quota,
        })
    }

    /// All keys of the file, valid or not.
    pub fn file(&self) -> Arc<KeyFile> {
        Arc::clone(&self.0.content().file)
    }

    /// State of the keys for `/readyz`.
    pub fn status(&self) -> Keys {
        let (keys, error) = self.0.status();
        Keys {
            loaded: u32::try_from(keys.file.keys.len()).unwrap_or(u32::MAX),
            error,
            digest: keys.digest.clone(),
        }
    }
}
