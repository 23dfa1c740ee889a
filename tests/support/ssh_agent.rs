//! A real ssh-agent with keys of a test.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test against"
)]

use std::os::unix::net::UnixStream;
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
        let this = Self::start();
        for key in keys {
            this.add(key, &[]);
        }
        this
    }

    fn start() -> Self {
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
        // The socket is there a moment before anybody listens on it.
        for _ in 0..500 {
            if UnixStream::connect(&socket).is_ok() {
                break;
            }
            sleep(Duration::from_millis(10));
        }
        Self {
            socket,
            child,
            _dir: dir,
        }
    }

    /// A key that it uses only for the destination, which it knows by a `known_hosts` file.
    pub fn constrained(key: &Path, destination: &str, known_hosts: &Path) -> Self {
        let this = Self::start();
        this.add(
            key,
            &["-H", known_hosts.to_str().unwrap(), "-h", destination],
        );
        this
    }

    fn add(&self, key: &Path, options: &[&str]) {
        let status = Command::new("ssh-add")
            .arg("-q")
            .args(options)
            .arg(key)
            .env("SSH_AUTH_SOCK", &self.socket)
            .status()
            .unwrap();
        assert!(status.success(), "ssh-add {}: {status}", key.display());
    }
}

impl Drop for SshAgent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
