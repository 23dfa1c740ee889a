//! Calls `ssh`: a private directory with a configuration of ours, and the arguments.
//!
//! `ssh` takes the first value that it finds for an option. The command line comes first and holds what
//! is for this host alone. The configuration file comes next; the `ssh` that a jump host takes reads it
//! too, so it holds what is right for every host, and then includes the operator's own.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::transport::{ALIVE_QUESTIONS, Options, TransportError, host_key};
use ocrctl_command::Program;
use ocrctl_inventory::Target;

/// A login may ask a directory service, or for a touch of a security key.
const LOGIN: Duration = Duration::from_secs(20);

/// `ssh` to one host, ready to be called.
pub(super) struct Invocation {
    pub(super) target: Target,
    /// Fingerprints of the keys that the inventory pins.
    pub(super) pinned: Vec<String>,
    timeout: Duration,
    dir: TempDir,
}

impl Invocation {
    pub(super) fn prepare(target: &Target, options: &Options) -> Result<Self, TransportError> {
        check(target)?;
        let pinned = host_key::pinned(target)?;
        let this = Self {
            target: target.clone(),
            pinned: pinned.iter().map(|key| key.fingerprint.clone()).collect(),
            timeout: options.connect_timeout * 2 + LOGIN,
            dir: private_dir().map_err(|source| TransportError::Io {
                what: "no temporary directory for ssh can be made",
                source,
            })?,
        };
        let known_hosts: String = pinned
            .iter()
            .map(|key| format!("* {}\n", key.line))
            .collect();
        fs::write(this.file("config"), configuration(options))
            .and_then(|()| fs::write(this.file("known_hosts"), known_hosts))
            .map_err(|source| TransportError::Io {
                what: "the configuration for ssh can't be written",
                source,
            })?;
        Ok(this)
    }

    /// The `ssh` that connects, goes to the background and serves the control socket. If we vanish
    /// without a word, it ends by itself once it has been without work for half a minute.
    pub(super) fn master(&self) -> Program {
        self.program()
            .arg("-E")
            .arg(self.log())
            .arg("-S")
            .arg(self.control())
            .args(["-M", "-f", "-N", "-o", "ControlPersist=30"])
            .args(self.destination())
    }

    /// An `ssh` that connects by itself, runs one command and ends.
    pub(super) fn single(&self, command: &str) -> Program {
        self.program()
            .args(["-S", "none"])
            .args(self.destination())
            .arg(command)
    }

    /// An `ssh` that writes the host's key to `presented`, logs in to nothing, and fails.
    pub(super) fn ask_for_key(&self, presented: &Path) -> Program {
        let mut file = OsString::from("UserKnownHostsFile=");
        file.push(presented);
        // On the command line, too, the first value wins.
        self.base()
            .args(["-S", "none", "-o", "StrictHostKeyChecking=accept-new", "-o"])
            .arg(file)
            .args(["-o", "GlobalKnownHostsFile=/dev/null"])
            .args(["-o", "KnownHostsCommand=none"])
            .args(["-o", "HashKnownHosts=no"])
            .args(["-o", "PreferredAuthentications=none"])
            .args(["-o", "PubkeyAuthentication=no"])
            .args(self.options())
            .args(self.destination())
            .arg("true")
    }

    pub(super) fn control(&self) -> PathBuf {
        self.file("master")
    }

    pub(super) fn log(&self) -> PathBuf {
        self.file("log")
    }

    pub(super) fn read_log(&self) -> String {
        let bytes = fs::read(self.log()).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn program(&self) -> Program {
        self.base().args(self.options())
    }

    fn base(&self) -> Program {
        Program::new("ssh")
            .timeout(self.timeout)
            .arg("-F")
            .arg(self.file("config"))
    }

    /// For this host alone. What the operator's configuration adds for interactive use is turned off.
    fn options(&self) -> Vec<OsString> {
        let mut options: Vec<OsString> = [
            "ClearAllForwardings=yes",
            "ForwardAgent=no",
            "ForwardX11=no",
            "PermitLocalCommand=no",
            "RemoteCommand=none",
            "RequestTTY=no",
            "Tunnel=no",
        ]
        .into_iter()
        .flat_map(|option| ["-o".into(), option.into()])
        .collect();
        if !self.pinned.is_empty() {
            let mut file = OsString::from("UserKnownHostsFile=");
            file.push(self.file("known_hosts"));
            options.extend(["-o".into(), file]);
            for option in [
                "GlobalKnownHostsFile=/dev/null",
                "KnownHostsCommand=none",
                "VerifyHostKeyDNS=no",
                "UpdateHostKeys=no",
            ] {
                options.extend(["-o".into(), option.into()]);
            }
        }
        if let Some(path) = &self.target.identity_file {
            // `%` introduces a token in this option.
            let path = path.to_string_lossy().replace('%', "%%");
            options.extend(["-o".into(), "IdentitiesOnly=yes".into()]);
            options.extend(["-o".into(), format!("IdentityFile=\"{path}\"").into()]);
        }
        if !self.target.jump.is_empty() {
            let hosts: Vec<String> = self.target.jump.iter().map(ToString::to_string).collect();
            options.extend(["-o".into(), format!("ProxyJump={}", hosts.join(",")).into()]);
        }
        options
    }

    fn destination(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        if let Some(user) = &self.target.user {
            words.extend(["-l".into(), user.into()]);
        }
        if let Some(port) = self.target.port {
            words.extend(["-p".into(), port.to_string().into()]);
        }
        words.extend(["--".into(), self.target.address.clone().into()]);
        words
    }
}

fn configuration(options: &Options) -> String {
    let mut text = format!(
        "Host *\n\
         BatchMode yes\n\
         StrictHostKeyChecking yes\n\
         ConnectTimeout {}\n\
         ServerAliveInterval {}\n\
         ServerAliveCountMax {}\n\
         LogLevel ERROR\n",
        options.connect_timeout.as_secs().max(1),
        options.alive_interval.as_secs().max(1),
        ALIVE_QUESTIONS
    );
    for file in &options.ssh_config {
        text.push_str(&format!("Include \"{file}\"\n"));
    }
    text
}

/// Values that `ssh` would take for something else.
fn check(target: &Target) -> Result<(), TransportError> {
    let refuse = |what, value: &str, problem| {
        Err(TransportError::Setting {
            host: target.name.clone(),
            what,
            value: value.to_owned(),
            problem,
        })
    };
    let odd = |c: char| c.is_whitespace() || c.is_control() || "@/\\'\"`$;&|<>(){}*?!".contains(c);
    let address = target.address.as_str();
    if address.is_empty() || address.starts_with('-') || address.contains(odd) {
        return refuse(
            "address",
            address,
            "expected a DNS name, an IP address or an ssh alias",
        );
    }
    if let Some(user) = target.user.as_deref()
        && (user.is_empty() || user.starts_with('-') || user.contains(odd))
    {
        return refuse("user", user, "expected a login name");
    }
    if let Some(path) = &target.identity_file {
        let text = path.to_string_lossy();
        if text.contains(['"', '\n', '\r']) || text.contains("${") {
            return refuse("identity_file", &text, "ssh can't be given such a path");
        }
        // `~` is for ssh to resolve.
        if !text.starts_with('~')
            && let Err(source) = fs::File::open(path)
        {
            return Err(TransportError::IdentityFile {
                host: target.name.clone(),
                path: path.clone(),
                source,
            });
        }
    }
    Ok(())
}

/// A directory for us alone. Its path has to be short, because a socket's address has 108 bytes, and
/// plain, because `ssh` pastes it into a shell command for a jump host.
fn private_dir() -> std::io::Result<TempDir> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    let preferred = std::env::temp_dir();
    let fits = preferred
        .to_str()
        .is_some_and(|path| path.len() <= 60 && path.chars().all(plain));
    let parent = if fits { preferred } else { "/tmp".into() };
    tempfile::Builder::new()
        .prefix("ocrctl-")
        .tempdir_in(parent)
}
