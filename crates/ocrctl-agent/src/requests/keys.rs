//! Reading and replacing the API keys for the operator, and waiting until they are in force.

use std::time::{Duration, Instant};

use ocr_api::keys::KeyFile;

use super::usage;
use crate::host::journal::{Journal, State};
use crate::host::lock::Lock;
use crate::host::{Emitter, Host};
use crate::resources::key_file::{read, write};
use crate::resources::release::Release;
use ocrctl_protocol::{Failure, FailureKind, HostKeys, KeyRequest, Level, Result};

/// Another key change takes a second at most.
const WAIT: Duration = Duration::from_secs(10);
/// The service looks at the file four times a second.
const IN_FORCE: Duration = Duration::from_secs(3);
const EVERY: Duration = Duration::from_millis(20);

pub async fn answer(
    host: &Host,
    events: &Emitter,
    operator: &str,
    request: KeyRequest,
) -> Result<HostKeys> {
    match request {
        KeyRequest::List => state(host, events).await,
        KeyRequest::Replace {
            expected,
            file,
            what,
        } => {
            let lock = Lock::take_for_keys(host, operator, WAIT).await?;
            if read(host)?.file.map(|file| file.digest()).ok() != expected {
                return Err(Failure {
                    kind: FailureKind::HostChanged,
                    message: "its keys have changed since they were read; they were left alone"
                        .into(),
                    hint: Some("run the command again".into()),
                });
            }
            write(host, file.to_json().as_bytes())?;
            drop(lock);
            let recorded =
                Journal::of(host).add(operator, "keys", State::Recorded, Some(what.clone()));
            if let Err(failure) = recorded {
                events.note(Level::Warning, format!("{what}: done, but {failure}"));
            }
            in_force(host, &file.digest()).await;
            state(host, events).await
        }
    }
}

async fn state(host: &Host, events: &Emitter) -> Result<HostKeys> {
    let read = read(host)?;
    let digest = read.file.as_ref().map(KeyFile::digest).ok();
    let (keys, error) = match read.file {
        Ok(file) => (file.keys, None),
        Err(error) => (read.copy.unwrap_or_default().keys, Some(error)),
    };
    Ok(HostKeys {
        keys,
        digest,
        error,
        usage: usage::read(host, events),
        service: Release::readiness(host).await.map(|said| said.keys),
    })
}

/// Waits until the release that serves, if there is one, has taken over these keys. What it says is in the answer.
async fn in_force(host: &Host, digest: &str) {
    let began = Instant::now();
    while began.elapsed() < IN_FORCE {
        let said = Release::readiness(host).await;
        // A release that gives no digest takes them over unseen.
        match said.and_then(|said| said.keys.digest) {
            Some(other) if other != digest => tokio::time::sleep(EVERY).await,
            _ => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resources::key_file::{PATH, initial};
    use ocr_api::keys::{ApiKey, KeyRecord};

    fn file(names: &[&str]) -> KeyFile {
        let record = |name: &&str| {
            let key = ApiKey::generate().unwrap();
            KeyRecord::new(&key, name, vec![], jiff::Timestamp::now())
        };
        KeyFile {
            keys: names.iter().map(record).collect(),
            ..KeyFile::default()
        }
    }

    async fn ask(host: &Host, request: KeyRequest) -> Result<HostKeys> {
        answer(host, &Emitter::nowhere(), "ann", request).await
    }

    fn replace(expected: Option<String>, file: &KeyFile) -> KeyRequest {
        KeyRequest::Replace {
            expected,
            file: file.clone(),
            what: "added a key".into(),
        }
    }

    fn deployed() -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        std::fs::create_dir_all(host.path("/etc/ocr")).unwrap();
        std::fs::write(host.path(PATH), initial(&host).unwrap()).unwrap();
        (root, host)
    }

    #[tokio::test]
    async fn keys_are_read_and_replaced_and_it_is_written_down_who_did() {
        let root = tempfile::tempdir().unwrap();
        let none = ask(&Host::at(root.path()), KeyRequest::List).await;
        assert!(none.unwrap_err().hint.unwrap().contains("deploy"));

        let (_root, host) = deployed();
        let before = ask(&host, KeyRequest::List).await.unwrap();
        assert_eq!((before.keys.len(), &before.error), (0, &None));
        let one = file(&["one"]);
        let after = ask(&host, replace(before.digest.clone(), &one))
            .await
            .unwrap();
        assert_eq!(
            (after.file(), after.digest),
            (one.clone(), Some(one.digest()))
        );
        assert_eq!(host.access(PATH).unwrap().unwrap().mode, 0o640);
        let journal = host.read_text("/var/log/ocrctl/journal.jsonl").unwrap();
        let journal = journal.unwrap();
        assert!(journal.contains("\"ann\"") && journal.contains("added a key"));

        // Whoever has read them before that must read again.
        let late = ask(&host, replace(before.digest, &file(&["two"]))).await;
        assert_eq!(late.unwrap_err().kind, FailureKind::HostChanged);
        assert_eq!(ask(&host, KeyRequest::List).await.unwrap().file(), one);
    }

    #[tokio::test]
    async fn reports_a_torn_or_deleted_file_and_replaces_it_only_on_purpose() {
        let (_root, host) = deployed();
        let before = ask(&host, KeyRequest::List).await.unwrap();
        let one = file(&["one"]);
        ask(&host, replace(before.digest, &one)).await.unwrap();
        for torn in [Some("{\"version\":1,\"ke"), None] {
            match torn {
                Some(text) => std::fs::write(host.path(PATH), text).unwrap(),
                None => std::fs::remove_file(host.path(PATH)).unwrap(),
            }
            let found = ask(&host, KeyRequest::List).await.unwrap();
            assert!(found.error.as_ref().unwrap().contains(PATH), "{found:?}");
            assert_eq!((found.digest.as_ref(), found.file()), (None, one.clone()));
            let blind = ask(&host, replace(Some(one.digest()), &file(&["two"]))).await;
            assert_eq!(blind.unwrap_err().kind, FailureKind::HostChanged);
            if torn.is_none() {
                let restored = initial(&host).unwrap();
                assert_eq!(restored, one.to_json(), "by a deploy");
            }
            let repaired = ask(&host, replace(None, &one)).await.unwrap();
            assert_eq!(
                (repaired.error, repaired.digest),
                (None, Some(one.digest()))
            );
        }
    }

    #[tokio::test]
    async fn a_deploy_never_holds_up_a_key_change() {
        let (_root, host) = deployed();
        let before = ask(&host, KeyRequest::List).await.unwrap();
        let _deploy = Lock::take(&host, "bob", "deploy", Duration::ZERO)
            .await
            .unwrap();
        ask(&host, replace(before.digest, &file(&["one"])))
            .await
            .unwrap();
    }
}
