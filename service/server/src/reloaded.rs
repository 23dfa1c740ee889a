//! The content of a file, which is in force and reloaded whenever the file changes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

use tokio::time::MissedTickBehavior;

/// Interval between reads of the file. It is read whole and compared each time, because times and sizes of files can be
/// wrong.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Content of a file. Its default is in force until it is loaded.
pub(crate) trait Content: Default {
    /// Largest file in bytes.
    const MAX_BYTES: u64;
    /// True if a missing file stands for the default content. Otherwise it is an error, and changes nothing.
    const OPTIONAL: bool;

    /// Parses the file. The error explains to the operator what is wrong.
    fn parse(bytes: &[u8]) -> Result<Self, String>;

    fn log_loaded(&self, path: &Path);

    /// Logs that a file was not loaded, and that this content stays in force.
    fn log_failed(&self, error: &str);

    /// Logs that an optional file was removed.
    fn log_removed(_path: &Path) {}
}

/// The content that was last loaded. An invalid file changes nothing but the error.
#[derive(Debug)]
pub(crate) struct Reloaded<T> {
    path: PathBuf,
    state: RwLock<State<T>>,
}

#[derive(Debug, Default)]
struct State<T> {
    content: Arc<T>,
    error: Option<String>,
    /// Content of the file when it was last read. `None` if it could not be read.
    seen: Option<Vec<u8>>,
}

impl<T: Content> Reloaded<T> {
    pub(crate) async fn open(path: PathBuf) -> Self {
        let this = Self {
            path,
            state: RwLock::default(),
        };
        this.look().await;
        this
    }

    /// Watches the file. Never ends.
    pub(crate) async fn watch(&self) {
        let mut ticks = tokio::time::interval(LOOK_EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.look().await;
        }
    }

    /// The content in force.
    pub(crate) fn content(&self) -> Arc<T> {
        Arc::clone(&self.read_state().content)
    }

    /// The content in force, and the reason for which the file as it is now is not.
    pub(crate) fn status(&self) -> (Arc<T>, Option<String>) {
        let state = self.read_state();
        (Arc::clone(&state.content), state.error.clone())
    }

    /// Puts other content in force until the file is loaded.
    pub(crate) fn replace(&self, content: T) {
        self.write_state().content = Arc::new(content);
    }

    async fn look(&self) {
        match read::<T>(&self.path).await {
            Ok(bytes) => self.take(bytes),
            Err(error) if T::OPTIONAL && error.kind() == io::ErrorKind::NotFound => {
                if self.read_state().seen.is_some() {
                    T::log_removed(&self.path);
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
        match T::parse(&bytes) {
            Ok(content) => {
                content.log_loaded(&self.path);
                *self.write_state() = State {
                    content: Arc::new(content),
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
            state.content.log_failed(&error);
        }
        state.error = Some(error);
        state.seen = seen;
    }

    // Each change of the state leaves it whole, so the data behind a poisoned lock is good.

    fn read_state(&self) -> RwLockReadGuard<'_, State<T>> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_state(&self) -> RwLockWriteGuard<'_, State<T>> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads a file of this content, unless it is too large.
pub(crate) async fn read<T: Content>(path: &Path) -> io::Result<Vec<u8>> {
    let most = T::MAX_BYTES;
    if tokio::fs::metadata(path).await?.len() > most {
        return Err(io::Error::other(format!("larger than {most} bytes")));
    }
    tokio::fs::read(path).await
}
