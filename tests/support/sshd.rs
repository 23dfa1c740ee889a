//! A real sshd on loopback, with keys of its own in a temporary directory.
#![allow(
    clippy::disallowed_methods,
    reason = "tests start the programs that they test against"
)]

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;

const SSHD: &str = "/usr/sbin/sshd";

/// Ends with all its connections when dropped.
#[derive(Debug)]
pub struct Sshd {
    pub port: u16,
    dir: TempDir,
    child: Child,
}

impl Sshd {
    pub fn start() -> Self {
        Self::with("")
    }

    /// `settings` come first in its configuration, so they win.
    pub fn with(settings: &str) -> Self {
        Self::made(settings, &[])
    }

    /// Its host key is the one that `ssh-keygen` makes with these options; a second one is of another type.
    pub fn with_host_key(options: &[&str]) -> Self {
        Self::made("", options)
    }

    fn made(settings: &str, host_key: &[&str]) -> Self {
        assert!(
            Path::new(SSHD).exists(),
            "{SSHD} is missing: `make test` installs what the tests need"
        );
        assert!(
            nix::unistd::geteuid().is_root(),
            "sshd has to be started by root: `make test` runs the tests as root"
        );
        fs::create_dir_all("/run/sshd").unwrap();
        let dir = tempfile::Builder::new()
            .prefix("ocrctl-test-sshd-")
            .tempdir()
            .unwrap();
        // Any user may log in here, and sshd reads the keys with that user's rights.
        run(Command::new("chmod").arg("755").arg(dir.path()));
        for name in ["user", "stranger"] {
            keygen(&dir.path().join(name), &[]);
        }
        keygen(&dir.path().join("host"), host_key);
        fs::copy(dir.path().join("user.pub"), dir.path().join("authorized")).unwrap();
        let base = dir.path().display();
        let other = match host_key {
            [] => String::new(),
            // Clients that ask for nothing in particular get this one.
            _ => format!("HostKey {base}/stranger\n"),
        };
        let settings = format!(
            "{settings}\n\
             ListenAddress 127.0.0.1\n\
             HostKey {base}/host\n\
             {other}\
             AuthorizedKeysFile {base}/authorized\n\
             PermitRootLogin yes\n\
             PasswordAuthentication no\n\
             KbdInteractiveAuthentication no\n\
             StrictModes no\n\
             UsePAM no\n\
             # bash runs ~/.bashrc for sshd only at the first level, and what stands there is not ours\n\
             SetEnv SHLVL=9\n\
             PidFile none\n\
             LogLevel VERBOSE\n"
        );
        fs::write(dir.path().join("sshd_config"), settings).unwrap();
        // Somebody else may take the port between our finding it and sshd's binding it.
        for _ in 0..5 {
            let port = free_port();
            if let Some(child) = serve(dir.path(), port) {
                return Self { port, dir, child };
            }
        }
        panic!("sshd does not start:\n{}", log(dir.path()));
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Its key as the inventory has it.
    pub fn host_key(&self) -> String {
        self.public_key("host")
    }

    pub fn public_key(&self, name: &str) -> String {
        let line = fs::read_to_string(self.path(name).with_extension("pub")).unwrap();
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        words.join(" ")
    }

    /// Another key takes the place of the one that clients know.
    pub fn change_host_key(&mut self) {
        for name in ["host", "host.pub"] {
            fs::remove_file(self.path(name)).unwrap();
        }
        keygen(&self.path("host"), &[]);
        self.restart();
    }

    /// How often it let somebody in.
    pub fn logins(&self) -> usize {
        log(self.dir.path()).matches("Accepted publickey").count()
    }

    /// How many commands it has run.
    pub fn commands(&self) -> usize {
        log(self.dir.path())
            .matches("Starting session: command")
            .count()
    }

    /// Cut every connection as if the cable were: no goodbye from the processes that serve them.
    pub fn cut(&self) {
        self.signal_connections(Signal::SIGKILL);
    }

    /// The processes that serve connections stand still; what arrives is taken in by the kernel as far as it has room.
    pub fn freeze(&self) {
        self.signal_connections(Signal::SIGSTOP);
    }

    fn signal_connections(&self, what: Signal) {
        for id in descendants(self.child.id()) {
            // What runs at the other end of a connection outlives it.
            let name = fs::read_to_string(format!("/proc/{id}/comm")).unwrap_or_default();
            if name.starts_with("sshd") {
                signal(id, what);
            }
        }
    }

    /// Number of connections that it serves.
    pub fn connections(&self) -> usize {
        children(self.child.id()).len()
    }

    pub fn restart(&mut self) {
        self.stop();
        self.child = serve(self.dir.path(), self.port).unwrap();
    }

    /// Nothing listens any longer.
    pub fn stop(&mut self) {
        for id in descendants(self.child.id()) {
            kill(id);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.stop();
    }
}

pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn serve(dir: &Path, port: u16) -> Option<Child> {
    let log = fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(dir.join("log"))
        .unwrap();
    let mut child = Command::new(SSHD)
        .args(["-D", "-e", "-p", &port.to_string(), "-f"])
        .arg(dir.join("sshd_config"))
        .stdin(Stdio::null())
        .stderr(log)
        .spawn()
        .unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while Instant::now() < deadline {
        if child.try_wait().unwrap().is_some() {
            return None;
        }
        if fs::read_to_string(dir.join("log"))
            .unwrap()
            .contains(&format!("Server listening on 127.0.0.1 port {port}"))
            && TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok()
        {
            return Some(child);
        }
        sleep(Duration::from_millis(10));
    }
    let _ = child.kill();
    let _ = child.wait();
    None
}

fn log(dir: &Path) -> String {
    fs::read_to_string(dir.join("log")).unwrap_or_default()
}

/// Anybody may use the key now.
pub fn remove_passphrase(path: &Path, passphrase: &str) {
    run(Command::new("ssh-keygen")
        .args(["-q", "-p", "-P", passphrase, "-N", "", "-f"])
        .arg(path)
        .stdout(Stdio::null()));
}

/// A certificate for root beside the key, signed by an authority.
pub fn sign(authority: &Path, key: &Path) {
    run(Command::new("ssh-keygen")
        .arg("-q")
        .arg("-s")
        .arg(authority)
        .args(["-I", "ocrctl test", "-n", "root"])
        .arg(key.with_extension("pub")));
}

/// Have a `known_hosts` file not tell its names.
pub fn hash_names(known_hosts: &Path) {
    run(Command::new("ssh-keygen")
        .args(["-q", "-H", "-f"])
        .arg(known_hosts)
        .stdout(Stdio::null())
        .stderr(Stdio::null()));
}

/// A new key pair. `options` are those of `ssh-keygen`; without any it is an Ed25519 key without a passphrase.
pub fn keygen(path: &Path, options: &[&str]) {
    run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "ocrctl test", "-f"])
        .arg(path)
        .args(options));
}

fn run(command: &mut Command) {
    let status = command.status().unwrap();
    assert!(status.success(), "{command:?}: {status}");
}

fn kill(id: u32) {
    signal(id, Signal::SIGKILL);
}

fn signal(id: u32, what: Signal) {
    let id = nix::unistd::Pid::from_raw(i32::try_from(id).unwrap());
    let _ = nix::sys::signal::kill(id, what);
}

fn descendants(id: u32) -> Vec<u32> {
    let mut found = children(id);
    let mut next = 0;
    while let Some(&child) = found.get(next) {
        found.extend(children(child));
        next += 1;
    }
    found
}

fn children(parent: u32) -> Vec<u32> {
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|&id| parent_of(id) == Some(parent))
        .collect()
}

/// The fourth field of `/proc/<pid>/stat`; the second is a name in parentheses.
fn parent_of(id: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}
