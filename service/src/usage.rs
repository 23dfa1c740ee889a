//! How often each key is used, kept in a file that outlives the process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::Date;
use ocr_api::keys::Usage;

/// A process that is killed loses no more than what was counted in this time.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// For root alone besides: it holds clients' addresses.
const FILE_MODE: u32 = 0o600;

/// Counts in memory, and writes from time to time: a request never waits for the disk.
#[derive(Debug)]
pub struct UsageLog {
    path: PathBuf,
    usage: Mutex<Usage>,
    /// Something was counted since the file was written.
    dirty: AtomicBool,
    /// The last write failed.
    failing: AtomicBool,
}

impl UsageLog {
    /// Goes on from what the file says. One that can't be read is begun anew.
    pub fn open(path: PathBuf) -> Arc<Self> {
        let usage = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, path = %path.display(), "the use of keys is counted anew");
                Usage::default()
            }),
            Err(_) => Usage::default(),
        };
        Arc::new(Self {
            path,
            usage: Mutex::new(usage),
            dirty: AtomicBool::new(false),
            failing: AtomicBool::new(false),
        })
    }

    /// One more request that the key let in.
    pub fn record(&self, key: &str, now: Timestamp, from: Option<IpAddr>) {
        self.lock().record(key, now, from);
        self.dirty.store(true, Ordering::Release);
    }

    /// One more page that was read for the key, on that day.
    pub fn record_page(&self, key: &str, day: Date) {
        self.lock().record_page(key, day);
        self.dirty.store(true, Ordering::Release);
    }

    /// Pages read for the key on that day.
    pub fn pages_on(&self, key: &str, day: Date) -> u32 {
        self.lock().pages_on(key, day)
    }

    /// Writes for ever.
    pub async fn keep(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(WRITE_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let log = Arc::clone(&self);
            // It syncs, which can take a while. If it panicked, the next one may not.
            let _ = tokio::task::spawn_blocking(move || log.write()).await;
        }
    }

    /// Writes what has not been written yet.
    pub fn write(&self) {
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return;
        }
        // Strings, numbers and times: nothing here can fail to be JSON.
        let json = serde_json::to_vec(&*self.lock()).unwrap_or_default();
        match write_atomically(&self.path, &json) {
            Ok(()) => self.failing.store(false, Ordering::Relaxed),
            Err(error) => {
                self.dirty.store(true, Ordering::Release);
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::error!(%error, path = %self.path.display(), "the use of keys can't be written");
                }
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Usage> {
        // Counting leaves it whole at every step.
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    // One that a killed process left may have any mode.
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file: File = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(FILE_MODE)
        .open(&beside)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_successor_goes_on_counting() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("usage.json");
        let now = Timestamp::now();
        let first = UsageLog::open(path.clone());
        first.record("k1", now, None);
        first.record("k1", now, None);
        first.write();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let second = UsageLog::open(path.clone());
        second.record("k1", now, Some([192, 0, 2, 1].into()));
        second.write();
        let read: Usage = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(read.keys["k1"].count, 3);
        assert_eq!(read.keys["k1"].from, Some([192, 0, 2, 1].into()));

        fs::write(&path, b"{torn").unwrap();
        assert!(UsageLog::open(path).lock().keys.is_empty());
    }

    #[test]
    fn what_can_t_be_written_is_kept_for_the_next_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("later").join("usage.json");
        let log = UsageLog::open(path.clone());
        log.record("k1", Timestamp::now(), None);
        log.write();
        fs::create_dir(directory.path().join("later")).unwrap();
        log.write();
        assert!(path.exists());
    }
}
