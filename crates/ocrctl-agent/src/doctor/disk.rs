//! Room on the file systems that a deploy writes to.

use std::path::Path;

use nix::sys::statvfs::statvfs;

use super::Asked;
use crate::checks::Seen;
use crate::host::Host;
use ocrctl_protocol::{Context, Result};

const MIB: u64 = 1 << 20;
/// Where, how much, and for what. An image is packed and unpacked at the same time, and the release before it is kept.
const NEEDED: [(&str, u64, &str); 3] = [
    ("/var/lib/docker", 3072 * MIB, "two images and the next"),
    ("/var/cache/apt", 512 * MIB, "packages and their archives"),
    ("/opt/ocrctl", 64 * MIB, "the agent"),
];
const INODES: u64 = 50_000;

#[derive(Debug)]
struct Room {
    path: &'static str,
    /// Bytes.
    free: u64,
    needed: u64,
    for_what: &'static str,
    /// `None` if the file system makes them as they are needed.
    inodes: Option<u64>,
}

pub(super) async fn check(host: &Host, _: &Asked<'_>) -> Result<Seen> {
    let paths = NEEDED.map(|(path, ..)| host.path(path));
    // A file system whose server is gone does not answer.
    let found = tokio::task::spawn_blocking(move || paths.map(|path| room(&path)))
        .await
        .context("looking at the file systems")?;
    let mut rooms = Vec::new();
    for ((path, needed, for_what), found) in NEEDED.into_iter().zip(found) {
        let (free, inodes) = found.context(format_args!("looking at the file system of {path}"))?;
        rooms.push(Room {
            path,
            free,
            needed,
            for_what,
            inodes,
        });
    }
    Ok(compare(&rooms))
}

/// Of the file system that the path is on, or will be.
fn room(path: &Path) -> nix::Result<(u64, Option<u64>)> {
    let there = path.ancestors().find(|path| path.exists());
    let found = statvfs(there.unwrap_or(Path::new("/")))?;
    let inodes = (found.files() > 0).then(|| found.files_available());
    Ok((found.blocks_available() * found.fragment_size(), inodes))
}

fn compare(rooms: &[Room]) -> Seen {
    let mut seen = Seen::default();
    for room in rooms {
        if room.free < room.needed {
            seen.find(
                format!(
                    "{} MiB are free at {}, and {} take {}",
                    room.free / MIB,
                    room.path,
                    room.for_what,
                    room.needed / MIB
                ),
                format!(
                    "`df -h {}` on the host: make room, or mount a larger disk there",
                    room.path
                ),
            );
        } else if room.inodes.is_some_and(|free| free < INODES) {
            seen.find(
                format!("hardly any files more can be made at {}", room.path),
                format!("`df -i {}` on the host: remove what has so many", room.path),
            );
        }
    }
    if let Some(first) = rooms.first() {
        seen.summary = format!("{} MiB are free at {}", first.free / MIB, first.path);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rooms(free: u64, inodes: Option<u64>) -> Vec<Room> {
        vec![Room {
            path: "/var/lib/docker",
            free,
            needed: 3072 * MIB,
            for_what: "two images and the next",
            inodes,
        }]
    }

    #[test]
    fn bytes_and_files_may_run_out() {
        assert_eq!(
            compare(&rooms(4096 * MIB, None)),
            Seen::ok("4096 MiB are free at /var/lib/docker")
        );
        assert!(
            compare(&rooms(100 * MIB, None)).findings[0]
                .found
                .starts_with("100 MiB are free")
        );
        assert!(
            compare(&rooms(4096 * MIB, Some(9))).findings[0]
                .found
                .contains("files")
        );
    }

    #[test]
    fn a_directory_that_is_not_there_yet_is_where_it_will_be() {
        let dir = tempfile::tempdir().unwrap();
        assert!(room(&dir.path().join("a/b/c")).unwrap().0 > 0);
    }
}
