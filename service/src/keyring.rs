//! The API keys in force: read from their file, and again whenever it changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use ocr_api::health::Keys;
use ocr_api::keys::{KeyFile, Quota, Refused, Scope};

/// How often the file is looked at. It is read whole each time and compared: times and sizes of files can lie.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Some 30,000 keys.
const MAX_BYTES: u64 = 8 << 20;

/// The keys that were last read well. A torn or missing file changes nothing but what `/readyz` says. To a service that
/// starts only then, the copy beside the file, which is written with every change of it, says what the last good keys are.
#[derive(Debug)]
pub struct Keyring {
    path: PathBuf,
    state: RwLock<State>,
}

/// A good key, as far as a request needs to know.
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
    /// What the file held when it was last looked at; `None`: it could not be read.
    seen: Option<Vec<u8>>,
}

impl Keyring {
    /// Reads the file, or the last good copy of one that is missing or torn. Without either the keyring is empty:
    /// everybody is refused until the file is there.
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
                tracing::warn!(keys = file.keys.len(), path = %copy.display(), "the last good keys are in force");
                state.digest = Some(file.digest());
                state.file = Arc::new(file);
            }
            Err(error) => tracing::error!(%error, path = %copy.display(), "no last good keys"),
        }
    }

    /// Looks at the file for ever.
    pub async fn watch(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.look().await;
        }
    }

    /// A presented key, if it is good for a route that one of `scopes` is enough for.
    ///
    /// # Errors
    /// Why it is refused, for the log.
    pub fn verify(&self, presented: Option<&str>, scopes: &[Scope]) -> Result<Known, Refused> {
        self.file()
            .verify(presented, scopes, Timestamp::now())
            .map(|record| Known {
                id: record.id.clone(),
                quota: record.quota,
            })
    }

    /// The keys in force, good or not.
    pub fn file(&self) -> Arc<KeyFile> {
        Arc::clone(&self.read_state().file)
    }

    /// What `/readyz` says of the keys.
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

    // Each change of the state is one that leaves it whole, so a poisoned lock still guards a good one.

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
