//! A host's part of a backup, read from the host.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::host::Host;
use crate::resources::certificate;
use ocrctl_protocol::backup::{Contents, Entry, VERSION};
use ocrctl_protocol::{Context, Result, hex};

/// Single files.
const FILES: [&str; 2] = ["/etc/ocr/keys.json", "/etc/ocr/rules.yaml"];
/// With all that is below them.
const DIRECTORIES: [&str; 2] = [certificate::ACCOUNTS, certificate::DIRECTORY];

/// Collects a host's state. A file that can't be read is an error: an incomplete backup is worth nothing.
pub fn collect(host: &Host, environment: &str, name: &str) -> Result<Contents> {
    let mut entries = BTreeMap::new();
    for path in FILES {
        add(host, path, &mut entries)?;
    }
    for directory in DIRECTORIES {
        add(host, directory, &mut entries)?;
    }
    drop_old_versions(&mut entries);
    Ok(Contents {
        version: VERSION,
        environment: environment.to_owned(),
        host: name.to_owned(),
        at: ocrctl_protocol::backup::now(),
        entries,
    })
}

/// Stands for what can't be made again: all but the certificate, which is renewed without anyone.
pub fn digest(contents: &Contents) -> String {
    let mut hash = Sha256::new();
    for (path, entry) in &contents.entries {
        if is_certificate(path) {
            continue;
        }
        let text = match entry {
            Entry::File { base64, .. } => base64,
            Entry::Link { target } => target,
        };
        for part in [path, text] {
            hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
            hash.update(part);
        }
    }
    hex(&hash.finalize())
}

/// Returns whether a backup holds this path. Restoring writes to no other path.
pub(super) fn belongs(path: &str) -> bool {
    let plain = path
        .split('/')
        .skip(1)
        .all(|part| !part.is_empty() && part != "." && part != "..");
    let below = |directory: &&str| {
        path.strip_prefix(*directory)
            .is_some_and(|rest| rest.starts_with('/'))
    };
    plain && (FILES.contains(&path) || DIRECTORIES.iter().any(below))
}

fn is_certificate(path: &str) -> bool {
    path.strip_prefix(certificate::DIRECTORY)
        .is_some_and(|rest| rest == "/live" || rest.starts_with("/versions/"))
}

fn add(host: &Host, path: &str, entries: &mut BTreeMap<String, Entry>) -> Result<()> {
    let reading = format_args!("reading {path}").to_string();
    let metadata = match std::fs::symlink_metadata(host.path(path)) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        other => other.context(&reading)?,
    };
    if metadata.is_dir() {
        for entry in std::fs::read_dir(host.path(path)).context(&reading)? {
            let name = entry.context(&reading)?.file_name();
            let name = name.to_string_lossy();
            // Left by an interrupted write.
            if !name.starts_with(".ocrctl-") {
                add(host, &format!("{path}/{name}"), entries)?;
            }
        }
    } else if let Some(target) = host.link_target(path)? {
        entries.insert(path.to_owned(), Entry::Link { target });
    } else if let Some(bytes) = host.read(path)? {
        let mode = host.access(path)?.map_or(0o600, |access| access.mode);
        let base64 = STANDARD.encode(bytes);
        entries.insert(path.to_owned(), Entry::File { mode, base64 });
    }
    Ok(())
}

/// Certificates that were served before the live one are of no use to anyone.
fn drop_old_versions(entries: &mut BTreeMap<String, Entry>) {
    let live = match entries.get(&format!("{}/live", certificate::DIRECTORY)) {
        Some(Entry::Link { target }) => format!("{}/{target}/", certificate::DIRECTORY),
        _ => return,
    };
    let versions = format!("{}/versions/", certificate::DIRECTORY);
    entries.retain(|path, _| !path.starts_with(&versions) || path.starts_with(&live));
}

/// The bytes of a file.
pub(super) fn decode(base64: &str, path: &str) -> Result<Vec<u8>> {
    STANDARD
        .decode(base64)
        .context(format_args!("reading {path} from the backup"))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::host::Access;

    pub(crate) fn host_with(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        for (path, text) in files {
            host.write(path, text.as_bytes(), Access::root(0o600))
                .unwrap();
        }
        (root, host)
    }

    pub(crate) const KEYS: &str = "{\"version\":1,\"keys\":[]}";

    #[test]
    fn holds_only_state_that_can_not_be_made_again() {
        let (_root, host) = host_with(&[
            ("/etc/ocr/keys.json", KEYS),
            ("/etc/ocr/other", "x"),
            ("/etc/ocrctl/acme/accounts/a/account.json", "account"),
            ("/etc/ocrctl/tls/ca.key", "authority"),
            ("/etc/ocrctl/tls/versions/1/key.pem", "old"),
            ("/etc/ocrctl/tls/versions/2/key.pem", "new"),
            ("/etc/ocrctl/tls/versions/2/.ocrctl-x", "torn"),
        ]);
        host.link("/etc/ocrctl/tls/live", "versions/2").unwrap();
        let contents = collect(&host, "prod", "ocr1").unwrap();
        let paths: Vec<&str> = contents.entries.keys().map(String::as_str).collect();
        assert_eq!(
            paths,
            [
                "/etc/ocr/keys.json",
                "/etc/ocrctl/acme/accounts/a/account.json",
                "/etc/ocrctl/tls/ca.key",
                "/etc/ocrctl/tls/live",
                "/etc/ocrctl/tls/versions/2/key.pem",
            ]
        );
        assert!(!format!("{contents:?}").contains(&STANDARD.encode("authority")));
    }

    #[test]
    fn the_digest_follows_keys_and_accounts_and_not_renewals() {
        let (_root, host) = host_with(&[
            ("/etc/ocr/keys.json", KEYS),
            ("/etc/ocrctl/tls/versions/1/key.pem", "old"),
        ]);
        let digest = || digest(&collect(&host, "prod", "ocr1").unwrap());
        let before = digest();
        host.write(
            "/etc/ocrctl/tls/versions/2/key.pem",
            b"new",
            Access::root(0o600),
        )
        .unwrap();
        assert_eq!(digest(), before);
        host.write(
            "/etc/ocrctl/acme/accounts/a",
            b"account",
            Access::root(0o600),
        )
        .unwrap();
        assert_ne!(digest(), before);
    }

    #[test]
    fn nothing_else_is_written_to() {
        for good in [
            "/etc/ocr/keys.json",
            "/etc/ocrctl/tls/live",
            "/etc/ocrctl/acme/a/b",
        ] {
            assert!(belongs(good), "{good}");
        }
        for bad in [
            "/etc/shadow",
            "/etc/ocr/keys.json/x",
            "/etc/ocrctl/tls",
            "/etc/ocrctl/tls/",
            "/etc/ocrctl/tlsx/a",
            "/etc/ocrctl/tls/../../shadow",
            "etc/ocrctl/tls/live/../x",
            "/etc/ocrctl/acme//etc",
        ] {
            assert!(!belongs(bad), "{bad}");
        }
    }
}
