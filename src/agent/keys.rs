//! `/etc/ocr/keys.json` on the host: hashes of API keys. The service notices a new file by itself.

use std::time::Duration;

use ocr_api::keys::{KeyFile, KeyRecord};

use super::lock::Lock;
use super::{Context, Result, refused};
use crate::protocol::{Failure, KeyChange};
use crate::resources::Host;
use crate::resources::host::Access;
use crate::resources::release::CONTAINER_ID;

const PATH: &str = "/etc/ocr/keys.json";
/// Another key change takes milliseconds, a deploy may take minutes.
const WAIT: Duration = Duration::from_secs(10);

pub async fn change(host: &Host, operator: &str, change: KeyChange) -> Result<Vec<KeyRecord>> {
    if let KeyChange::List = change {
        return Ok(read(host)?.keys);
    }
    let _lock = Lock::take(host, operator, "key change", WAIT).await?;
    let mut file = read(host)?;
    match change {
        KeyChange::List => {}
        KeyChange::Add { record } => {
            if file.keys.iter().any(|key| key.id == record.id) {
                return Err(refused(format!("there is a key {} already", record.id)));
            }
            file.keys.push(record);
        }
        KeyChange::Revoke { id } => {
            let key = file
                .keys
                .iter_mut()
                .find(|key| key.id == id)
                .ok_or_else(|| {
                    refused(format!("there is no key {id}"))
                        .hint("`ocrctl keys list` shows the ids")
                })?;
            key.revoked.get_or_insert(jiff::Timestamp::now());
        }
    }
    let access = Access {
        uid: 0,
        gid: CONTAINER_ID,
        mode: 0o640,
    };
    host.write(PATH, file.to_json().as_bytes(), access)?;
    Ok(file.keys)
}

fn read(host: &Host) -> Result<KeyFile> {
    let json = host.read(PATH)?.ok_or_else(|| {
        Failure::new(format!("the host has no {PATH}")).hint("`ocrctl deploy` makes it")
    })?;
    KeyFile::parse(&json)
        .context(format_args!("reading {PATH}"))
        .map_err(|f| {
            f.hint(
                "the service keeps the last good keys; mend the file or restore it from a backup",
            )
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(id: &str) -> KeyRecord {
        let key = ocr_api::keys::ApiKey::generate().unwrap();
        let mut record = KeyRecord::new(&key, "client", vec![], jiff::Timestamp::now());
        record.id = id.to_owned();
        record
    }

    #[tokio::test]
    async fn keys_are_added_listed_and_revoked() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let run = async |step| change(&host, "ann", step).await;
        let none = run(KeyChange::List).await.unwrap_err();
        assert!(none.hint.unwrap().contains("deploy"));

        std::fs::create_dir_all(host.path("/etc/ocr")).unwrap();
        std::fs::write(host.path(PATH), "{\"version\":1,\"keys\":[]}").unwrap();
        run(KeyChange::Add {
            record: record("one"),
        })
        .await
        .unwrap();
        run(KeyChange::Add {
            record: record("two"),
        })
        .await
        .unwrap();
        assert!(
            run(KeyChange::Add {
                record: record("two")
            })
            .await
            .is_err()
        );
        let keys = run(KeyChange::Revoke { id: "one".into() }).await.unwrap();
        assert!(keys[0].revoked.is_some() && keys[1].revoked.is_none());
        assert!(run(KeyChange::Revoke { id: "three".into() }).await.is_err());
        assert_eq!(host.access(PATH).unwrap().unwrap().mode, 0o640);
    }

    #[tokio::test]
    async fn a_torn_file_is_never_written_over() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        std::fs::create_dir_all(host.path("/etc/ocr")).unwrap();
        std::fs::write(host.path(PATH), "{\"version\":1,\"ke").unwrap();
        assert!(
            change(
                &host,
                "ann",
                KeyChange::Add {
                    record: record("one")
                }
            )
            .await
            .is_err()
        );
        assert_eq!(host.read(PATH).unwrap().unwrap(), b"{\"version\":1,\"ke");
    }
}
