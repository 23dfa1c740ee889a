//! `/etc/ocr/keys.json` on the host: hashes of API keys. The service notices a new file by itself; a copy beside it is
//! for the one that starts when the file has been damaged.

use std::path::Path;
use std::time::{Duration, Instant};

use ocr_api::keys::KeyFile;

use super::journal::{Journal, State};
use super::lock::Lock;
use super::{Emitter, Result, usage};
use crate::protocol::{Failure, FailureKind, HostKeys, KeyRequest, Level};
use crate::resources::Host;
use crate::resources::host::Access;
use crate::resources::release::{CONTAINER_ID, Release};

pub const PATH: &str = "/etc/ocr/keys.json";
/// Who may read it: the service, which runs as another user.
pub const ACCESS: Access = Access {
    uid: 0,
    gid: CONTAINER_ID,
    mode: 0o640,
};
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

/// What a host without a key file is given: no keys, or those that it had before the file went.
pub fn initial(host: &Host) -> Result<String> {
    let copy = copy();
    match host.read(&copy)? {
        Some(bytes) if host.read(PATH)?.is_none() => KeyFile::parse(&bytes)
            .map(|file| file.to_json())
            .map_err(|error| {
                Failure::new(format!("{PATH} is gone, and {copy} is damaged: {error}")).hint(
                    "restore one of them from a backup; the service that runs keeps its keys until then",
                )
            }),
        _ => Ok(KeyFile::default().to_json()),
    }
}

/// What a host without a copy is given as one, and where; `None`: its key file can't be used, so there is nothing good.
pub fn initial_copy(host: &Host) -> Result<Option<(String, String)>> {
    let good = match host.read(PATH)? {
        None => Some(initial(host)?),
        Some(bytes) => KeyFile::parse(&bytes).ok().map(|file| file.to_json()),
    };
    Ok(good.map(|json| (copy(), json)))
}

struct Read {
    /// Or why it can't be used.
    file: std::result::Result<KeyFile, String>,
    copy: Option<KeyFile>,
}

fn read(host: &Host) -> Result<Read> {
    let copy = host.read(&copy())?;
    let copy = copy.and_then(|bytes| KeyFile::parse(&bytes).ok());
    let file = match host.read(PATH)? {
        Some(bytes) => KeyFile::parse(&bytes).map_err(|error| format!("{PATH}: {error}")),
        None if copy.is_some() => Err(format!("{PATH} is gone")),
        None => {
            let failure = Failure::new(format!("the host has no {PATH}"));
            return Err(failure.hint("`ocrctl deploy` makes it"));
        }
    };
    Ok(Read { file, copy })
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

/// Replaces the keys by the JSON of a key file that has been checked. The copy first: at no time does it let in a key
/// that the file no longer does.
pub fn write(host: &Host, json: &[u8]) -> Result<()> {
    for path in [copy().as_str(), PATH] {
        host.write(path, json, ACCESS)?;
    }
    Ok(())
}

fn copy() -> String {
    let path = KeyFile::last_good(Path::new(PATH));
    path.to_string_lossy().into_owned()
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
    async fn a_torn_or_deleted_file_is_told_and_replaced_only_by_who_knows() {
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
            let mended = ask(&host, replace(None, &one)).await.unwrap();
            assert_eq!((mended.error, mended.digest), (None, Some(one.digest())));
        }
    }

    #[test]
    fn a_host_from_before_there_were_copies_gets_one_of_what_is_good() {
        let (_root, host) = deployed();
        let one = file(&["one"]);
        host.write(PATH, one.to_json().as_bytes(), ACCESS).unwrap();
        let (path, json) = initial_copy(&host).unwrap().unwrap();
        assert_eq!((path, json), (copy(), one.to_json()));
        std::fs::write(host.path(PATH), "{").unwrap();
        assert_eq!(initial_copy(&host).unwrap(), None);
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
