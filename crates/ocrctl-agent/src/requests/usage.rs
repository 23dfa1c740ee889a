//! Counts the uses of each key on this host: the sum over both slots. A slot's file stays when its
//! release is replaced, and the next one goes on counting in it.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::OFlag;
use ocr_api::keys::Usage;

use crate::host::{Emitter, Host};
use crate::resources::release::SLOTS;
use ocrctl_protocol::Level;

/// Some 100,000 keys.
const LONGEST: u64 = 8 << 20;

pub(super) fn read(host: &Host, events: &Emitter) -> Usage {
    let mut all = Usage::default();
    for slot in SLOTS {
        let path = format!("{}/usage.json", slot.directory());
        match read_file(&host.path(&path)) {
            Ok(usage) => all.merge(&usage),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => events.note(
                Level::Warning,
                format!("what slot {slot} has counted is left out: {path}: {error}"),
            ),
        }
    }
    all
}

/// The directory belongs to the container's user, whatever runs there: no link is followed, no pipe is waited for.
fn read_file(path: &Path) -> std::io::Result<Usage> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(std::io::Error::other("not a file"));
    }
    let mut bytes = Vec::new();
    file.take(LONGEST).read_to_end(&mut bytes)?;
    serde_json::from_slice(&bytes).map_err(|_| std::io::Error::other("not a count of keys"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_slots_count_and_nothing_but_a_file_is_read() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let events = Emitter::nowhere();
        assert!(read(&host, &events).keys.is_empty());

        let now = jiff::Timestamp::now();
        for slot in SLOTS {
            let mut usage = Usage::default();
            usage.record("k1", now, None);
            std::fs::create_dir_all(host.path(&slot.directory())).unwrap();
            let path = host.path(&format!("{}/usage.json", slot.directory()));
            std::fs::write(path, serde_json::to_vec(&usage).unwrap()).unwrap();
        }
        assert_eq!(read(&host, &events).keys["k1"].count, 2);

        let path = host.path(&format!("{}/usage.json", SLOTS[0].directory()));
        let elsewhere = host.path("/elsewhere");
        std::fs::rename(&path, &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, &path).unwrap();
        assert_eq!(read(&host, &events).keys["k1"].count, 1, "a link");
        std::fs::remove_file(&path).unwrap();
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert_eq!(read(&host, &events).keys["k1"].count, 1, "a pipe");
    }
}
