//! Putting a host's part of a backup back, and saying before what that would do.

use jiff::Timestamp;
use ocr_api::keys::KeyFile;

use super::contents::{belongs, decode};
use crate::host::{Access, Host};
use crate::resources::key_file;
use crate::resources::release::CONTAINER_ID;
use ocrctl_protocol::backup::{Contents, Entry, VERSION};
use ocrctl_protocol::{Action, Change, Context, Result, refused};

/// Compares a backup with the host: missing files are created, files that differ are replaced. An update means that
/// the host has a state of its own, which would be lost.
pub fn compare(host: &Host, contents: &Contents) -> Result<Vec<Change>> {
    check(contents)?;
    let mut changes = Vec::new();
    for (path, entry) in &contents.entries {
        let there = std::fs::symlink_metadata(host.path(path)).is_ok();
        let same = match entry {
            Entry::File { base64, .. } => host.read(path)? == Some(decode(base64, path)?),
            Entry::Link { target } => host.link_target(path)?.as_ref() == Some(target),
        };
        if same {
            continue;
        }
        let (action, reason) = match there {
            false => (
                Action::Create,
                format!("from the backup of {}", contents.at),
            ),
            true => (Action::Update, newer(host, path, contents.at)),
        };
        changes.push(Change {
            resource: format!("file {path}"),
            action,
            reason,
            details: Vec::new(),
        });
    }
    Ok(changes)
}

fn newer(host: &Host, path: &str, backup: Timestamp) -> String {
    let changed = std::fs::symlink_metadata(host.path(path))
        .and_then(|metadata| metadata.modified())
        .ok()
        .and_then(|time| Timestamp::try_from(time).ok())
        .and_then(|time| time.round(jiff::Unit::Second).ok());
    match changed {
        Some(at) if at > backup => {
            format!("the host's is newer: changed at {at}, after the backup of {backup}")
        }
        Some(at) => format!("the host's differs: of {at}, from before the backup of {backup}"),
        None => format!("the host's differs from the backup of {backup}"),
    }
}

/// Writes what differs; gives the number of files.
pub fn restore(host: &Host, contents: &Contents) -> Result<usize> {
    let changes = compare(host, contents)?;
    let differs = |path: &str| {
        changes
            .iter()
            .any(|change| change.resource.strip_prefix("file ") == Some(path))
    };
    // Links last: `live` never points at what is not there yet.
    let mut links = Vec::new();
    for (path, entry) in contents.entries.iter().filter(|(path, _)| differs(path)) {
        match entry {
            Entry::File { base64, .. } if path == key_file::PATH => {
                key_file::write(host, &decode(base64, path)?)?;
            }
            Entry::File { mode, base64 } => {
                host.write(path, &decode(base64, path)?, access(path, *mode))?;
            }
            Entry::Link { target } => links.push((path, target)),
        }
    }
    for (path, target) in links {
        host.link(path, target)?;
    }
    Ok(changes.len())
}

/// Anyone can encrypt for a recipient, so contents are not trusted to say who owns what.
fn access(path: &str, mode: u32) -> Access {
    if path.starts_with("/etc/ocr/") {
        Access {
            uid: 0,
            gid: CONTAINER_ID,
            mode: 0o640,
        }
    } else {
        Access::root(mode & 0o755)
    }
}

/// All that can be wrong with contents is said before anything is written.
fn check(contents: &Contents) -> Result<()> {
    if contents.version != VERSION {
        return Err(refused(format!(
            "the backup is of version {}, this ocrctl knows {VERSION}",
            contents.version
        ))
        .hint("use the ocrctl that made it, or a newer one"));
    }
    for (path, entry) in &contents.entries {
        let inside = match entry {
            Entry::File { .. } => true,
            Entry::Link { target } => path
                .rsplit_once('/')
                .is_some_and(|(directory, _)| belongs(&format!("{directory}/{target}"))),
        };
        if !belongs(path) || !inside {
            return Err(refused(format!(
                "the backup holds {path}, which is none of its files"
            ))
            .hint("it was not made by `ocrctl backup`: ask where it comes from"));
        }
        if let (Entry::File { base64, .. }, true) = (entry, path.ends_with("/keys.json")) {
            KeyFile::parse(&decode(base64, path)?)
                .context(format_args!("reading {path} from the backup"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::contents::collect;
    use super::super::contents::tests::{KEYS, host_with};
    use super::*;

    fn made() -> Contents {
        let (_root, host) = host_with(&[
            ("/etc/ocr/keys.json", KEYS),
            ("/etc/ocrctl/tls/ca.key", "authority"),
            ("/etc/ocrctl/tls/versions/1/key.pem", "key"),
        ]);
        host.link("/etc/ocrctl/tls/live", "versions/1").unwrap();
        collect(&host, "prod", "ocr1").unwrap()
    }

    #[test]
    fn a_bare_host_gets_all_of_it_and_then_nothing_is_left_to_do() {
        let contents = made();
        let (_root, host) = host_with(&[]);
        let changes = compare(&host, &contents).unwrap();
        assert_eq!(changes.len(), 4);
        assert!(changes.iter().all(|change| change.action == Action::Create));
        assert_eq!(restore(&host, &contents).unwrap(), 4);
        assert_eq!(compare(&host, &contents).unwrap(), []);
        let read = |path| host.read_text(path).unwrap().unwrap();
        assert_eq!(read("/etc/ocrctl/tls/live/key.pem"), "key");
        assert_eq!(read("/etc/ocr/keys.json"), KEYS);
        let access = host.access("/etc/ocr/keys.json").unwrap().unwrap();
        assert_eq!((access.gid, access.mode), (CONTAINER_ID, 0o640));
        assert_eq!(
            host.access("/etc/ocrctl/tls/ca.key").unwrap(),
            Some(Access::root(0o600))
        );
    }

    #[test]
    fn reports_a_newer_state_of_the_host_as_an_update() {
        let mut contents = made();
        contents.at = "2026-01-01T00:00:00Z".parse().unwrap();
        let (_root, host) = host_with(&[("/etc/ocr/keys.json", "{\"version\":1,\"keys\": []}")]);
        let changes = compare(&host, &contents).unwrap();
        assert_eq!(changes[0].action, Action::Update);
        assert!(changes[0].reason.contains("newer"), "{}", changes[0].reason);
        contents.at = "2096-01-01T00:00:00Z".parse().unwrap();
        assert!(
            compare(&host, &contents).unwrap()[0]
                .reason
                .contains("before the backup")
        );
    }

    #[test]
    fn contents_that_were_not_made_here_are_refused_before_anything_is_written() {
        let file = |text: &str| Entry::File {
            mode: 0o777,
            base64: base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text),
        };
        let link = |target: &str| Entry::Link {
            target: target.into(),
        };
        for (path, entry) in [
            ("/etc/cron.d/x", file("* * * * * root true")),
            ("/etc/ocrctl/tls/../../cron.d/x", file("x")),
            ("/etc/ocrctl/tls/live", link("/etc")),
            ("/etc/ocrctl/tls/live", link("../../cron.d")),
            ("/etc/ocr/keys.json", file("{\"version\":1,\"ke")),
        ] {
            let mut contents = made();
            contents.entries.insert(path.to_owned(), entry);
            let (_root, host) = host_with(&[]);
            assert!(restore(&host, &contents).is_err(), "{path}");
            assert_eq!(host.read("/etc/ocrctl/tls/ca.key").unwrap(), None);
        }
        let mut newer = made();
        newer.version = 2;
        let (_root, host) = host_with(&[]);
        assert!(
            compare(&host, &newer)
                .unwrap_err()
                .message
                .contains("version 2")
        );
    }
}
