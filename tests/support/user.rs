//! An account on this machine that lives as long as a test does.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test against"
)]

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Removed with its sudo rule when dropped.
#[derive(Debug)]
pub struct User {
    pub name: String,
}

impl User {
    /// `rule`: what sudo allows it, such as `ALL=(root) NOPASSWD: ALL`.
    pub fn with_sudo(rule: Option<&str>) -> Self {
        // A password that nothing matches: not locked, or sshd would refuse the key too.
        Self::made(rule, "*")
    }

    /// One whom sudo asks for this password, whatever it was given before.
    pub fn with_password(password: &str) -> Self {
        let mut openssl = Command::new("openssl")
            .args(["passwd", "-6", "-stdin"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = openssl.stdin.take().unwrap();
        writeln!(stdin, "{password}").unwrap();
        drop(stdin);
        let hash = openssl.wait_with_output().unwrap().stdout;
        let hash = String::from_utf8(hash).unwrap();
        Self::made(Some("ALL=(root) ALL"), hash.trim())
    }

    fn made(rule: Option<&str>, hash: &str) -> Self {
        assert!(
            Path::new("/usr/bin/sudo").exists(),
            "sudo is missing: `make test` installs what the tests need"
        );
        let name = format!("ocrctl-t{:x}", rand());
        run(Command::new("useradd").args(["--shell", "/bin/sh", "--password", hash, &name]));
        let user = Self { name };
        if let Some(rule) = rule {
            fs::write(user.sudoers(), format!("{} {rule}\n", user.name)).unwrap();
        }
        user
    }

    fn sudoers(&self) -> String {
        format!("/etc/sudoers.d/{}", self.name)
    }
}

impl Drop for User {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.sudoers());
        // Processes of a closed session may take a moment to end; `--force` does not wait for them.
        let _ = Command::new("userdel")
            .args(["--force", &self.name])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

fn run(command: &mut Command) {
    // Tests in parallel take turns at the lock of /etc/passwd.
    for _ in 0..50 {
        if command.stderr(Stdio::null()).status().unwrap().success() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    panic!("{command:?} fails");
}

fn rand() -> u32 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id()) as u32
}
