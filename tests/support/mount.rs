//! A small file system of its own, for tests of full disks and mount options.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test against"
)]

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// Unmounted when dropped.
#[derive(Debug)]
pub struct Tmpfs(TempDir);

impl Tmpfs {
    /// `options` as of mount(8), such as `size=64k`.
    pub fn with(options: &str) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("ocrctl-test-mount-")
            .tempdir()
            .unwrap();
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("mode=755,{options}"), "tmpfs"])
            .arg(dir.path())
            .status()
            .unwrap();
        assert!(
            status.success(),
            "a tmpfs can't be mounted: the tests need root and CAP_SYS_ADMIN"
        );
        Self(dir)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily, because a process on the host may just be ending.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
