//! `/etc/ocr/keys.json`: hashes of API keys. The service notices a new file by itself; a copy beside it is
//! for the one that starts when the file has been damaged.

use std::path::Path;

use ocr_api::keys::KeyFile;

use super::release::CONTAINER_ID;
use crate::host::{Access, Host};
use ocrctl_protocol::{Failure, Result};

pub const PATH: &str = "/etc/ocr/keys.json";
/// Readable by the service, which runs as another user.
pub const ACCESS: Access = Access {
    uid: 0,
    gid: CONTAINER_ID,
    mode: 0o640,
};
/// Returns the first content of a missing key file: no keys, or those from before it was removed.
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

/// Returns the path and content of a missing copy; `None` if the key file can't be used, so that there is nothing
/// good to copy.
pub fn initial_copy(host: &Host) -> Result<Option<(String, String)>> {
    let good = match host.read(PATH)? {
        None => Some(initial(host)?),
        Some(bytes) => KeyFile::parse(&bytes).ok().map(|file| file.to_json()),
    };
    Ok(good.map(|json| (copy(), json)))
}

/// The key file as it is.
#[derive(Debug)]
pub struct Read {
    /// Or why it can't be used.
    pub file: std::result::Result<KeyFile, String>,
    pub copy: Option<KeyFile>,
}

pub fn read(host: &Host) -> Result<Read> {
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

#[cfg(test)]
mod tests {
    use ocr_api::keys::{ApiKey, KeyRecord};

    use super::*;

    #[test]
    fn a_host_from_before_there_were_copies_gets_one_of_what_is_good() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let key = ApiKey::generate().unwrap();
        let one = KeyFile {
            keys: vec![KeyRecord::new(&key, "one", vec![], jiff::Timestamp::now())],
            ..KeyFile::default()
        };
        host.write(PATH, one.to_json().as_bytes(), ACCESS).unwrap();
        let (path, json) = initial_copy(&host).unwrap().unwrap();
        assert_eq!((path, json), (copy(), one.to_json()));
        std::fs::write(host.path(PATH), "{").unwrap();
        assert_eq!(initial_copy(&host).unwrap(), None);
    }
}
