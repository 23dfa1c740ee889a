//! Use of each key, counted in a file that outlives the process.

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

/// Interval of writing. A process that is killed loses at most the counts of this time.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Mode of the file. It holds addresses of clients, so only root can read it besides the service.
const FILE_MODE: u32 = 0o600;

/// Counts in memory that are written from time to time, so that no request waits for the disk.
#[derive(Debug)]
pub struct UsageLog {
    path: PathBuf,
    usage: Mutex<Usage>,
    /// True if the counts have changed since the file was written.
    dirty: AtomicBool,
    /// True if the last write failed.
    failing: AtomicBool,
}

impl UsageLog {
    /// Continues from the counts in the file. If the file can't be read, the counts start from zero.
    pub fn open(path: PathBuf) -> Arc<Self> {
        let usage = match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).unwrap_or_else(|error| {
                tracing::warn!(%error, path = %path.display(), "the use of keys can't be read; counting starts from zero");
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

    /// Counts one more request of the key.
    pub fn record(&self, key: &str, now: Timestamp, from: Option<IpAddr>) {
        self.lock().record(key, now, from);
        self.dirty.store(true, Ordering::Release);
    }

    /// Counts one more page of the key on that day.
    pub fn record_page(&self, key: &str, day: Date) {
        self.lock().record_page(key, day);
        self.dirty.store(true, Ordering::Release);
    }

    /// Pages read for the key on that day.
    pub fn pages_on(&self, key: &str, day: Date) -> u32 {
        self.lock().pages_on(key, day)
    }

    /// Writes at intervals. Never ends.
    pub async fn keep(self: Arc<Self>) {
        let mut ticks = tokio::time::interval(WRITE_EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let log = Arc::clone(&self);
            // Writing syncs the file, which can take a while. If it panics, the next attempt may succeed.
            let _ = tokio::task::spawn_blocking(move || log.write()).await;
        }
    }

    /// Writes the counts if they have changed.
    pub fn write(&self) {
        if !self.dirty.swap(false, Ordering::AcqRel) {
            return;
        }
        // The counts consist of strings, numbers and times, which always serialize.
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
        // Counting leaves the data whole at every step.
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn write_atomically(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("new");
    // A file that a killed process left may have any mode.
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
    fn a_new_process_continues_the_counts() {
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
    fn keeps_counts_that_could_not_be_written() {
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
