//! A real ssh-agent with keys of a test.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test against"
)]

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

/// Ends when dropped.
#[derive(Debug)]
pub struct SshAgent {
    pub socket: PathBuf,
    child: Child,
    _dir: TempDir,
}

impl SshAgent {
    pub fn with(keys: &[&Path]) -> Self {
        let dir = tempfile::Builder::new()
            .prefix("ocrctl-test-agent-")
            .tempdir()
            .unwrap();
        let socket = dir.path().join("socket");
        let child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let this = Self {
            socket,
            child,
            _dir: dir,
        };
        for _ in 0..200 {
            if this.socket.exists() {
                break;
            }
            sleep(Duration::from_millis(10));
        }
        for key in keys {
            let status = Command::new("ssh-add")
                .arg("-q")
                .arg(key)
                .env("SSH_AUTH_SOCK", &this.socket)
                .status()
                .unwrap();
            assert!(status.success(), "ssh-add {}: {status}", key.display());
        }
        this
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
