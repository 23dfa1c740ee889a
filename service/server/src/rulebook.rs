//! The rules in force. They are reloaded whenever their file changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use ocr_api::health::Rules;
use ocr_codes::rules::{MAX_BYTES, Rule, RuleFile};

/// Interval between reads of the file. It is read whole and compared each time, because times and sizes of files can be
/// wrong.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Most problems of a file that are reported. `ocr-service rules check` reports all.
const MOST_REPORTED: usize = 5;

/// The rules that were last loaded. Without a file, there are none. An invalid file changes nothing but the report of
/// `/readyz`.
#[derive(Debug)]
pub struct Rulebook {
    path: PathBuf,
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    rules: Arc<Vec<Rule>>,
    error: Option<String>,
    /// Content of the file when it was last read. `None` if there was none, or it could not be read.
    seen: Option<Vec<u8>>,
}

impl Rulebook {
    pub async fn open(path: PathBuf) -> Arc<Self> {
        let book = Self {
            path,
            state: RwLock::default(),
        };
        book.look().await;
        Arc::new(book)
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

    /// The rules in force.
    pub fn rules(&self) -> Arc<Vec<Rule>> {
        Arc::clone(&self.read_state().rules)
    }

    /// State of the rules for `/readyz`.
    pub fn status(&self) -> Rules {
        let state = self.read_state();
        Rules {
            loaded: u32::try_from(state.rules.len()).unwrap_or(u32::MAX),
            error: state.error.clone(),
        }
    }

    async fn look(&self) {
        match read(&self.path).await {
            Ok(bytes) => self.take(bytes),
            // An operator who removes the file wants no rules.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.read_state().seen.is_some() {
                    tracing::info!(path = %self.path.display(), "the rules file was removed; no rules are in force");
                }
                *self.write_state() = State::default();
            }
            Err(error) => self.fail(format!("can't read {}: {error}", self.path.display()), None),
        }
    }

    fn take(&self, bytes: Vec<u8>) {
        if self.read_state().seen.as_ref() == Some(&bytes) {
            return;
        }
        match RuleFile::parse(&bytes) {
            Ok(file) => {
                tracing::info!(rules = file.rules.len(), path = %self.path.display(), "rules loaded");
                *self.write_state() = State {
                    rules: Arc::new(file.rules),
                    error: None,
                    seen: Some(bytes),
                };
            }
            Err(problems) => {
                let reported: Vec<String> = problems
                    .iter()
                    .take(MOST_REPORTED)
                    .map(ToString::to_string)
                    .collect();
                let error = format!("{}: {}", self.path.display(), reported.join("; "));
                self.fail(error, Some(bytes));
            }
        }
    }

    fn fail(&self, error: String, seen: Option<Vec<u8>>) {
        let mut state = self.write_state();
        if state.error.as_ref() != Some(&error) {
            tracing::error!(error, in_force = state.rules.len(), "rules not loaded");
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
