//! The bottom of what runs on a host, below everything else: files, programs, units, the lock and the journal of operations.
//!
//! [`Host`] is the machine that resources live on: its file tree (under a root of a test's own, in tests) and its
//! programs.

pub(crate) mod dpkg;
mod events;
pub(crate) mod journal;
pub(crate) mod lock;
pub(crate) mod loopback;
mod operation;
pub(crate) mod sockets;
pub(crate) mod systemd;

pub use events::Emitter;
pub use operation::{Arrived, Confirmation, Incoming, Operation};

use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use ocrctl_command::{Program, last_lines};
use ocrctl_protocol::{Context, DISK_FULL, Failure, Result, replace};

/// Lines of a failing program that are shown.
const LAST_WORDS: usize = 12;

#[derive(Debug)]
pub struct Host {
    root: PathBuf,
}

/// Owner, group and permission bits of a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
}

impl Access {
    pub const fn root(mode: u32) -> Self {
        Self {
            uid: 0,
            gid: 0,
            mode,
        }
    }
}

impl std::fmt::Display for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{} {:04o}", self.uid, self.gid, self.mode)
    }
}

impl Host {
    pub fn real() -> Self {
        Self {
            root: PathBuf::from("/"),
        }
    }

    /// A tree of files that stands for a host, without programs that run.
    pub fn at(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    /// Returns whether this is the machine itself, with programs that run, and not a tree of files.
    pub fn is_machine(&self) -> bool {
        self.root == Path::new("/")
    }

    /// Where an absolute path of the host is found.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }

    /// `None` if there is no such file.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        match std::fs::read(self.path(path)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(e) if absent(&e) => Ok(None),
            Err(e) => Err(e).context(format_args!("reading {path}")),
        }
    }

    pub fn read_text(&self, path: &str) -> Result<Option<String>> {
        let bytes = self.read(path)?;
        Ok(bytes.map(|b| String::from_utf8_lossy(&b).into_owned()))
    }

    /// Names in a directory, sorted; none where there is no such directory.
    pub fn list(&self, path: &str) -> Result<Vec<String>> {
        let entries = match std::fs::read_dir(self.path(path)) {
            Ok(entries) => entries,
            Err(e) if absent(&e) => return Ok(Vec::new()),
            Err(e) => return Err(e).context(format_args!("reading {path}")),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.context(format_args!("reading {path}"))?;
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
        names.sort();
        Ok(names)
    }

    pub fn link_target(&self, path: &str) -> Result<Option<String>> {
        match std::fs::read_link(self.path(path)) {
            Ok(target) => Ok(Some(target.to_string_lossy().into_owned())),
            Err(e) if absent(&e) => Ok(None),
            Err(e) => Err(e).context(format_args!("reading the link {path}")),
        }
    }

    pub fn access(&self, path: &str) -> Result<Option<Access>> {
        match std::fs::symlink_metadata(self.path(path)) {
            Ok(meta) => Ok(Some(Access {
                uid: meta.uid(),
                gid: meta.gid(),
                mode: meta.mode() & 0o7777,
            })),
            Err(e) if absent(&e) => Ok(None),
            Err(e) => Err(e).context(format_args!("reading {path}")),
        }
    }

    pub fn set_access(&self, path: &str, access: Access) -> Result<()> {
        let real = self.path(path);
        std::os::unix::fs::chown(&real, Some(access.uid), Some(access.gid))
            .and_then(|()| {
                // After chown, which clears the set-id bits.
                std::fs::set_permissions(&real, std::fs::Permissions::from_mode(access.mode))
            })
            .context(format_args!("setting owner and mode of {path}"))
    }

    pub fn make_dir(&self, path: &str, mode: u32) -> Result<()> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(mode)
            .create(self.path(path))
            .context(format_args!("making the directory {path}"))
    }

    /// Writes a whole file or nothing: a temporary file beside it, synced, renamed over it.
    pub fn write(&self, path: &str, bytes: &[u8], access: Access) -> Result<()> {
        let real = self.path(path);
        let parent = real.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(parent)
            .and_then(|()| {
                replace(&real, bytes, |file| {
                    std::os::unix::fs::fchown(file, Some(access.uid), Some(access.gid))?;
                    file.set_permissions(std::fs::Permissions::from_mode(access.mode))
                })
            })
            .context(format_args!("writing {path}"))
    }

    /// Points a symbolic link at `target` in one rename(2), so that it is never missing.
    pub fn link(&self, path: &str, target: &str) -> Result<()> {
        let real = self.path(path);
        let temporary = real.with_extension("new");
        let _ = std::fs::remove_file(&temporary);
        std::os::unix::fs::symlink(target, &temporary)
            .and_then(|()| std::fs::rename(&temporary, &real))
            .and_then(|()| {
                real.parent()
                    .map_or(Ok(()), |parent| std::fs::File::open(parent)?.sync_all())
            })
            .context(format_args!("pointing {path} at {target}"))
    }

    /// Removes a file or link; one that is not there is fine.
    pub fn remove(&self, path: &str) -> Result<()> {
        match std::fs::remove_file(self.path(path)) {
            Err(e) if !absent(&e) => Err(e).context(format_args!("removing {path}")),
            _ => Ok(()),
        }
    }

    /// Id of a group, from `/etc/group`: a static executable has no NSS.
    pub fn group_id(&self, name: &str) -> Result<Option<u32>> {
        let groups = self.read_text("/etc/group")?.unwrap_or_default();
        Ok(groups.lines().find_map(|line| {
            let mut fields = line.split(':');
            (fields.next() == Some(name))
                .then(|| fields.nth(1)?.parse().ok())
                .flatten()
        }))
    }

    /// Runs a program of the host to its end and gives its standard output. A failing one is an error
    /// with its last words.
    pub async fn run(&self, program: &str, arguments: &[&str], limit: Duration) -> Result<String> {
        let output = Program::new(program)
            .args(arguments)
            .env("LC_ALL", "C.UTF-8")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("NEEDRESTART_MODE", "a")
            .timeout(limit)
            .output()
            .await
            .context(format_args!("running {program}"))?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            return Ok(stdout);
        }
        let stderr = String::from_utf8_lossy(&output.stderr);
        let said = if stderr.trim().is_empty() {
            &*stdout
        } else {
            &*stderr
        };
        let words = last_lines(said, LAST_WORDS).join("\n");
        let failure = Failure::new(format!(
            "`{program} {}` failed ({}):\n{words}",
            arguments.join(" "),
            output.status
        ));
        Err(if words.contains("No space left on device") {
            failure.hint(DISK_FULL)
        } else {
            failure
        })
    }
}

fn absent(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{InvalidInput, NotADirectory, NotFound};
    // EINVAL: a path that is no link.
    matches!(error.kind(), NotFound | NotADirectory | InvalidInput)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_replaces_the_whole_file_with_its_access() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::at(dir.path());
        host.write("/etc/a/b", b"one", Access::root(0o640)).unwrap();
        host.write("/etc/a/b", b"two", Access::root(0o600)).unwrap();
        assert_eq!(host.read("/etc/a/b").unwrap().unwrap(), b"two");
        assert_eq!(
            host.access("/etc/a/b").unwrap().unwrap(),
            Access::root(0o600)
        );
        assert_eq!(std::fs::read_dir(host.path("/etc/a")).unwrap().count(), 1);
    }

    #[test]
    fn a_link_moves_and_is_never_missing() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::at(dir.path());
        assert_eq!(host.link_target("/live").unwrap(), None);
        host.link("/live", "a").unwrap();
        host.link("/live", "b").unwrap();
        assert_eq!(host.link_target("/live").unwrap().as_deref(), Some("b"));
    }

    #[tokio::test]
    async fn a_failing_program_says_its_last_words() {
        let host = Host::real();
        let failure = host
            .run(
                "sh",
                &["-c", "echo sorry >&2; exit 3"],
                Duration::from_secs(5),
            )
            .await
            .unwrap_err();
        assert!(
            failure.message.contains("sorry") && failure.message.contains('3'),
            "{failure}"
        );
    }
}
