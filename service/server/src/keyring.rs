//! The API keys in force. They are reloaded whenever their file changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use ocr_api::health::Keys;
use ocr_api::keys::{KeyFile, Quota, Refused, Scope};

/// Interval between reads of the file. It is read whole and compared each time, because times and sizes of files can be
/// wrong.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Largest key file in bytes, which is some 30,000 keys.
const MAX_BYTES: u64 = 8 << 20;

/// The keys that were last loaded. A torn or missing file changes nothing but the report of `/readyz`. Every change of
/// the file writes a copy beside it. A service that starts while the file is torn or missing loads that copy.
#[derive(Debug)]
pub struct Keyring {
    path: PathBuf,
    state: RwLock<State>,
}

/// A valid key, with the data that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub id: String,
    pub quota: Option<Quota>,
}

#[derive(Debug, Default)]
struct State {
    file: Arc<KeyFile>,
    digest: Option<String>,
    error: Option<String>,
    /// Content of the file when it was last read. `None` if it could not be read.
    seen: Option<Vec<u8>>,
}

impl Keyring {
    /// Reads the file, or the copy of the last valid one if the file is missing or torn. Without either, the keyring is
    /// empty, and all requests are refused until the file is there.
    pub async fn open(path: PathBuf) -> Arc<Self> {
        let keyring = Self {
            path,
            state: RwLock::default(),
        };
        keyring.look().await;
        if keyring.read_state().digest.is_none() {
            keyring.fall_back().await;
        }
        Arc::new(keyring)
    }

    async fn fall_back(&self) {
        let copy = KeyFile::last_good(&self.path);
        let Ok(bytes) = read(&copy).await else { return };
        match KeyFile::parse(&bytes) {
            Ok(file) => {
                let mut state = self.write_state();
                tracing::warn!(keys = file.keys.len(), path = %copy.display(), "the last valid keys are in force");
                state.digest = Some(file.digest());
                state.file = Arc::new(file);
            }
            Err(error) => {
                tracing::error!(%error, path = %copy.display(), "no copy of the last valid keys")
            }
        }
    }

    /// Watches the file. Never ends.
    pub async fn watch(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.look().await;
        }
    }

    /// Verifies a presented key for a route that needs one of `scopes`.
    ///
    /// # Errors
    /// Returns the reason of the refusal, for the log.
    pub fn verify(&self, presented: Option<&str>, scopes: &[Scope]) -> Result<Known, Refused> {
        self.file()
            .verify(presented, scopes, Timestamp::now())
            .map(|record| Known {
                id: record.id.clone(),
                quota: record.quota,
            })
    }

    /// All keys of the file, valid or not.
    pub fn file(&self) -> Arc<KeyFile> {
        Arc::clone(&self.read_state().file)
    }

    /// State of the keys for `/readyz`.
    pub fn status(&self) -> Keys {
        let state = self.read_state();
        Keys {
            loaded: u32::try_from(state.file.keys.len()).unwrap_or(u32::MAX),
            error: state.error.clone(),
            digest: state.digest.clone(),
        }
    }

    async fn look(&self) {
        match read(&self.path).await {
            Ok(bytes) => self.take(bytes),
            Err(error) => {
                self.fail(format!("can't read {}: {error}", self.path.display()), None);
            }
        }
    }

    fn take(&self, bytes: Vec<u8>) {
        if self.read_state().seen.as_ref() == Some(&bytes) {
            return;
        }
        match KeyFile::parse(&bytes) {
            Ok(file) => {
                tracing::info!(keys = file.keys.len(), path = %self.path.display(), "keys loaded");
                *self.write_state() = State {
                    digest: Some(file.digest()),
                    file: Arc::new(file),
                    error: None,
                    seen: Some(bytes),
                };
            }
            Err(error) => self.fail(format!("{}: {error}", self.path.display()), Some(bytes)),
        }
    }

    fn fail(&self, error: String, seen: Option<Vec<u8>>) {
        let mut state = self.write_state();
        if state.error.as_ref() != Some(&error) {
            tracing::error!(error, in_force = state.file.keys.len(), "keys not loaded");
        }
        state.error = Some(error);
        state.seen = seen;
    }

    // Each change of the state leaves it whole, so the data behind a poisoned lock is good.

    fn read_state(&self) -> std::sync::RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn read(path: &Path) -> io::Result<Vec<u8>> {
    if tokio::fs::metadata(path).await?.len() > MAX_BYTES {
        return Err(io::Error::other(format!("larger than {MAX_BYTES} bytes")));
    }
    tokio::fs::read(path).await
}
