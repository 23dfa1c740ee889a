//! Why the agent on a host could not be brought to work, in the operator's words.

use std::io;
use std::path::PathBuf;

use crate::transport::{Exit, TransportError};

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Transport(#[from] TransportError),

    #[error("{host} has no sudo, and {user} is not root")]
    NoSudo { host: String, user: String },

    #[error("sudo on {host} asks {user} for a password")]
    SudoPassword { host: String, user: String },

    #[error("sudo on {host} does not take the password of {user}")]
    WrongSudoPassword { host: String, user: String },

    #[error("sudo on {host} refuses {user}: {message}")]
    SudoRefused {
        host: String,
        user: String,
        message: String,
    },

    #[error(
        "there is no agent for {host}: it needs one for {expected}, and there is {}",
        found.join(", ")
    )]
    WrongArchitecture {
        host: String,
        expected: String,
        /// Path and architecture of each agent that there is.
        found: Vec<String>,
    },

    #[error("{} can't be uploaded as the agent: {problem}", path.display())]
    AgentUnfit { path: PathBuf, problem: Unfit },

    #[error("the agent {} can't be read: {source}", path.display())]
    AgentUnreadable { path: PathBuf, source: io::Error },

    #[error(
        "{host} does not run programs from {directory}: it is mounted with noexec, or a security module forbids it"
    )]
    NoExec { host: String, directory: String },

    #[error("the disk of {host} is full: the agent does not fit into {directory}")]
    DiskFull { host: String, directory: String },

    #[error("the agent did not arrive whole on {host}: {message}")]
    UploadCut { host: String, message: String },

    #[error("the agent could not be uploaded to {host}: {message}")]
    Upload { host: String, message: String },

    #[error(
        "the agent on {host} speaks version {theirs} of the protocol, and this ocrctl version {ours}"
    )]
    Version {
        host: String,
        ours: u32,
        theirs: u32,
    },

    #[error("the agent on {host} ended unexpectedly ({}){}", ending(*exit), quoted(stderr))]
    AgentDied {
        host: String,
        exit: Exit,
        /// Its last lines.
        stderr: Vec<String>,
    },

    #[error("{host} answers with something else than the agent's protocol: {line:?}")]
    Garbled { host: String, line: String },

    #[error("{host} did not answer within {seconds} s ({what})")]
    Silent {
        host: String,
        what: &'static str,
        seconds: u64,
    },

    #[error("the agent refused to begin: {message}")]
    Refused {
        message: String,
        hint: Option<String>,
    },
}

impl SessionError {
    /// Suggests a fix.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Transport(error) => return error.hint(),
            Self::Refused { hint: Some(hint), .. } => hint.clone(),
            Self::Refused { hint: None, .. } => {
                "give an agent of the same release by `--agent PATH`, or none".into()
            }
            Self::NoSudo { .. } => "on the host, as root: `apt install sudo`, or log in as root".into(),
            Self::SudoPassword { user, .. } => format!(
                "give it: `--ask-sudo-password` asks for it, `sudo_password` in the inventory says where it is; or allow it \
                 without one on the host, with `visudo -f /etc/sudoers.d/ocrctl`:\n    {user} ALL=(root) NOPASSWD: ALL"
            ),
            Self::WrongSudoPassword { user, .. } => format!(
                "it was tried once and is not tried again, lest the account be locked; `ssh` there as {user} and \
                 `sudo -k true` shows what sudo wants"
            ),
            Self::SudoRefused { user, .. } => format!(
                "allow it on the host, with `visudo -f /etc/sudoers.d/ocrctl`:\n    {user} ALL=(root) NOPASSWD: ALL"
            ),
            Self::WrongArchitecture { expected, .. } => format!(
                "build ocrctl for it, and give it by `--agent PATH` or put it beside ocrctl as `ocrctl-agent-{expected}`"
            ),
            Self::AgentUnfit { .. } => {
                "build it with `-C target-feature=+crt-static` (`make build` does), or give another by `--agent PATH`".into()
            }
            Self::AgentUnreadable { .. } => "check the path and its permissions".into(),
            Self::NoExec { directory, .. } => {
                format!("on the host: `findmnt -T {directory}`, and mount it with `exec`")
            }
            Self::DiskFull { directory, .. } => {
                format!("on the host: `df -h {directory}`, and make room; nothing was left behind")
            }
            Self::UploadCut { .. } => "nothing was left behind; run the command again".into(),
            Self::Version { .. } => "give an agent of the same release by `--agent PATH`, or none".into(),
            Self::Garbled { .. } => {
                "a start-up file of the login shell may print to non-interactive sessions, or sshd may force a command".into()
            }
            Self::AgentDied { .. } => {
                "`journalctl -k` on the host says whether it ran out of memory; run the command again to see the state".into()
            }
            Self::Upload { .. } => {
                "on the host: is there room, and may root write to /opt? nothing was left behind".into()
            }
            Self::Silent { .. } => {
                "look at the host's load and disk (`uptime`, `dmesg`); what had begun there is completed or undone".into()
            }
        };
        Some(hint)
    }

    /// 69: the host can't be reached. 1: it can, and something went wrong.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Transport(error) => error.exit_code(),
            _ => 1,
        }
    }
}

/// Reasons why a file can't be an agent.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    #[error("it is not a Linux executable (ELF)")]
    NotElf,
    #[error(
        "it is an executable for 32 bits or of another byte order, for which there is no agent"
    )]
    Class,
    #[error("it is dynamically linked, needing {0}; a static one was expected")]
    Dynamic(String),
    #[error("it is cut short")]
    Truncated,
}

fn ending(exit: Exit) -> String {
    match exit {
        Exit::Code(code) => format!("exit code {code}"),
        Exit::Killed => "killed by a signal".into(),
    }
}

fn quoted(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n    {line}")).collect()
}
