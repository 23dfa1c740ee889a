//! One operation at a time on a host: a `flock`, which can't outlive its process, with the owner's
//! name written into the locked file.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, Write};
use std::time::{Duration, Instant};

use nix::fcntl::{Flock, FlockArg};

use crate::host::Host;
use ocrctl_protocol::{Context, Failure, FailureKind, Result};

const POLL: Duration = Duration::from_millis(200);

const PATH: &str = "/run/ocrctl/lock";
/// A key that has leaked is revoked while a deploy goes on: key changes have a lock of their own.
const KEYS_PATH: &str = "/run/ocrctl/keys.lock";
/// Of the watcher's runs, so that they take turns.
const WATCH_PATH: &str = "/run/ocrctl/watch.lock";

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
}

impl Lock {
    /// Takes the lock for `operator`'s `command`, waiting for at most `wait`.
    pub async fn take(host: &Host, operator: &str, command: &str, wait: Duration) -> Result<Self> {
        Self::take_at(host, PATH, operator, command, wait).await
    }

    /// The same for a change of the keys.
    pub async fn take_for_keys(host: &Host, operator: &str, wait: Duration) -> Result<Self> {
        Self::take_at(host, KEYS_PATH, operator, "key change", wait).await
    }

    /// The same for the watcher, which holds up nobody else.
    pub async fn take_for_watch(host: &Host, wait: Duration) -> Result<Self> {
        Self::take_at(host, WATCH_PATH, "the watcher", "look", wait).await
    }

    async fn take_at(
        host: &Host,
        path: &str,
        operator: &str,
        command: &str,
        wait: Duration,
    ) -> Result<Self> {
        let path = host.path(path);
        let until = Instant::now() + wait;
        loop {
            host.make_dir("/run/ocrctl", 0o755)?;
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .open(&path)
                .context("opening the lock")?;
            match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
                Ok(mut file) => {
                    let now = jiff::Timestamp::now().round(jiff::Unit::Second);
                    let since = now.map(|t| t.to_string()).unwrap_or_default();
                    file.set_len(0).context("writing the lock")?;
                    file.rewind().context("writing the lock")?;
                    write!(file, "{command} by {operator} since {since}")
                        .context("writing the lock")?;
                    return Ok(Self { _file: file });
                }
                Err((mut file, _)) if Instant::now() >= until => {
                    let mut owner = String::new();
                    let _ = file.read_to_string(&mut owner);
                    return Err(Failure {
                        kind: FailureKind::Locked,
                        message: format!("the host is locked: {owner}"),
                        hint: Some(
                            "wait for it with --lock-wait 10m; the lock ends with its process"
                                .into(),
                        ),
                    });
                }
                Err(_) => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Returns whether an operation runs now.
    pub fn held(host: &Host) -> bool {
        File::open(host.path(PATH))
            .is_ok_and(|file| Flock::lock(file, FlockArg::LockSharedNonblock).is_err())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn names_the_holder_to_the_second_and_is_free_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::at(dir.path());
        let first = Lock::take(&host, "ann@desk", "deploy", Duration::ZERO)
            .await
            .unwrap();
        assert!(Lock::held(&host));
        let refused = Lock::take(&host, "bob@desk", "deploy", Duration::ZERO)
            .await
            .unwrap_err();
        assert_eq!(refused.kind, FailureKind::Locked);
        assert!(
            refused.message.contains("deploy by ann@desk since 20"),
            "{refused}"
        );
        drop(first);
        assert!(!Lock::held(&host));
        Lock::take(&host, "bob@desk", "deploy", Duration::ZERO)
            .await
            .unwrap();
    }
}
