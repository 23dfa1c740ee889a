//! Why a host could not be reached or was lost, in the operator's words.

use std::path::PathBuf;

use super::HostKey;
use ocrctl_command::CommandError;

#[derive(Debug, thiserror::Error)]
pub enum TransportError {
    #[error("{host} can't be reached: {reason}")]
    Unreachable { host: String, reason: Unreachable },

    #[error("{host} refused to let us in: {reason}")]
    Authentication { host: String, reason: String },

    #[error("{host} refused to let {user} in: {reason}{}", listed(tried))]
    Denied {
        host: String,
        user: String,
        reason: String,
        /// Each key that was offered, or could not be, and what became of it.
        tried: Vec<String>,
    },

    #[error("{}", unknown_key(host, key.as_ref()))]
    UnknownHostKey {
        host: String,
        /// The host's key, if it could be fetched.
        key: Option<HostKey>,
    },

    #[error("{}", changed_key(host, expected, *pinned, found.as_deref()))]
    ChangedHostKey {
        host: String,
        /// Fingerprints that would have been right.
        expected: Vec<String>,
        /// By the inventory, rather than by a `known_hosts` file.
        pinned: bool,
        /// Fingerprint that the host presented.
        found: Option<String>,
        /// `file:line` of what it disagrees with.
        offending: Option<String>,
    },

    #[error(
        "the host key of {host} is not known, so it could be anyone; it presents {} {fingerprint}",
        entry.split(' ').nth(1).unwrap_or("a key")
    )]
    UnknownJumpHostKey {
        host: String,
        /// The line to add to `known_hosts`.
        entry: String,
        fingerprint: String,
    },

    #[error(
        "THE HOST KEY OF {host} IS REVOKED at {place}. Nothing was sent.\n    presented: {found}"
    )]
    RevokedHostKey {
        host: String,
        found: String,
        place: String,
    },

    #[error(
        "{host} is vouched for by an authority ({place}), which `connection: russh` does not ask"
    )]
    HostCertificate { host: String, place: String },

    #[error("the key {} could let us in to {host}, but needs a passphrase, and nobody gave it", path.display())]
    Passphrase { host: String, path: PathBuf },

    #[error("{} can't be followed: {problem}", path.display())]
    SshConfig { path: PathBuf, problem: String },

    #[error("the connection to {host} was lost{}", because(reason))]
    Lost { host: String, reason: String },

    #[error("the program `ssh` is not installed on this machine")]
    NoSsh,

    #[error("the identity file {} of {host} can't be read: {source}", path.display())]
    IdentityFile {
        host: String,
        path: PathBuf,
        source: std::io::Error,
    },

    #[error("{value:?} can't be used as {what} of {host}: {problem}")]
    Setting {
        host: String,
        what: &'static str,
        value: String,
        problem: &'static str,
    },

    #[error("an argument of a command contains a NUL byte")]
    NulInArgument,

    #[error("{host} did not start the command: {reason}")]
    Exec { host: String, reason: String },

    /// Anything else that `ssh` complains about: its own words are the best there are.
    #[error("ssh can't connect to {host}: {message}")]
    Ssh { host: String, message: String },

    #[error("{what}: {source}")]
    Io {
        what: &'static str,
        source: std::io::Error,
    },

    #[error(transparent)]
    Command(#[from] CommandError),
}

/// Why nothing that speaks SSH answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreachable {
    #[error("its name {0} does not resolve")]
    Name(String),
    #[error("the connection was refused{0}")]
    Refused(String),
    #[error("it did not answer in time{0}")]
    Timeout(String),
    #[error("no route leads there{0}")]
    NoRoute(String),
    #[error("it closed the connection before the SSH handshake was done{0}")]
    Closed(String),
}

impl TransportError {
    /// Suggests a fix.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Unreachable { reason, .. } => reason.hint().to_owned(),
            Self::Authentication { .. } => {
                "try `ssh` to the same address by hand; a key with a passphrase has to be in an agent (`ssh-add`)".into()
            }
            Self::Denied { reason, .. } if reason.contains("Too many") => {
                "name the right key: `identity_file` in the inventory, or IdentityFile in ~/.ssh/config; others are not offered before it then".into()
            }
            Self::Denied { user, .. } => format!(
                "one of these keys has to be in ~/.ssh/authorized_keys of {user} on the host; `identity_file` names another, `ssh-add` gives it to an agent"
            ),
            Self::UnknownHostKey { key: Some(key), .. } => format!(
                "compare the fingerprint with the one shown on the host's own console (`ssh-keygen -lf \
                 /etc/ssh/ssh_host_ed25519_key.pub`); if it is the same, pin it in the inventory:\n    host_keys: [\"{}\"]",
                key.line
            ),
            Self::UnknownHostKey { key: None, .. } => {
                "it may be a jump host: connect to it once with `ssh`, compare the fingerprint, and accept it".into()
            }
            Self::ChangedHostKey { pinned, offending, .. } => changed_key_hint(*pinned, offending.as_deref()),
            Self::UnknownJumpHostKey { entry, .. } => format!(
                "compare the fingerprint with the one shown on its own console; if it is the same, add to ~/.ssh/known_hosts:\n    {entry}"
            ),
            Self::RevokedHostKey { .. } => {
                "somebody may have stolen that key: give the host a new one, and only then connect".into()
            }
            Self::HostCertificate { .. } => {
                "use `connection: openssh`, or pin the host's own key: `host_keys` in the inventory".into()
            }
            Self::Passphrase { path, .. } => format!(
                "give the key to an agent (`ssh-add {}`), or run this on a terminal",
                path.display()
            ),
            Self::SshConfig { .. } => {
                "use `connection: openssh`, or change that file; the inventory can say the same: `port`, `user`, `jump`, `identity_file`".into()
            }
            Self::Lost { .. } => {
                "what had begun on the host is completed or undone there; run the command again to see the state".into()
            }
            Self::NoSsh => {
                "install it (`apt install openssh-client`), or do without: `connection: russh` in the inventory".into()
            }
            Self::IdentityFile { .. } => "correct `identity_file` in the inventory".into(),
            Self::Exec { .. } => "the host's sshd may limit sessions (MaxSessions) or force a command".into(),
            Self::Setting { what, .. } => format!("correct {what} in the inventory"),
            Self::NulInArgument => "an argument can't hold one: look for it in the inventory and the flags".into(),
            Self::Ssh { .. } => {
                "these are ssh's own words: `ssh -v` to the same address says more, and ~/.ssh/config may have a part in it".into()
            }
            Self::Io { .. } => "check this machine's disk, its temporary directory, and what is open: `df -h`, `ulimit -n`".into(),
            Self::Command(error) => error.hint(),
        };
        Some(hint)
    }

    /// 69: nothing answered. 1: something did, and it went wrong.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Unreachable { .. } => 69,
            _ => 1,
        }
    }
}

impl Unreachable {
    fn hint(&self) -> &'static str {
        match self {
            Self::Name(_) => "check `address` in the inventory, and DNS",
            Self::Refused(_) => "is sshd running there, and is the port in the inventory right?",
            Self::Timeout(_) => "is the host up, and does a firewall on the way drop the SSH port?",
            Self::NoRoute(_) => "check the address, the network, and whether a VPN is needed",
            Self::Closed(_) => {
                "the port may belong to something other than sshd, or sshd refuses this address (fail2ban, MaxStartups)"
            }
        }
    }
}

fn listed(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n    {line}")).collect()
}

fn because(reason: &str) -> String {
    match reason {
        "" => String::new(),
        reason => format!(": {reason}"),
    }
}

fn unknown_key(host: &str, key: Option<&HostKey>) -> String {
    match key {
        Some(key) => {
            let kind = key.line.split(' ').next().unwrap_or_default();
            format!(
                "the host key of {host} is not known, so it could be anyone; it presents {kind} {}",
                key.fingerprint
            )
        }
        None => format!("the host key of {host} is not known, so it could be anyone"),
    }
}

fn changed_key(host: &str, expected: &[String], pinned: bool, found: Option<&str>) -> String {
    let by = if pinned {
        "the inventory pins"
    } else {
        "known_hosts has"
    };
    let expected = match expected {
        [] => "another key".to_owned(),
        keys => keys.join(" or "),
    };
    let found = found.unwrap_or("a different key");
    format!(
        "THE HOST KEY OF {host} IS NOT THE EXPECTED ONE. Someone may be intercepting the connection, or the host \
         was installed anew. Nothing was sent.\n    expected: {expected} ({by} it)\n    presented: {found}"
    )
}

fn changed_key_hint(pinned: bool, offending: Option<&str>) -> String {
    let ask = "find out on the host's own console which key is right (`ssh-keygen -lf \
               /etc/ssh/ssh_host_ed25519_key.pub`)";
    match (pinned, offending) {
        (true, _) => format!("{ask}; only then change `host_keys` in the inventory"),
        (false, Some(place)) => format!("{ask}; only then remove the old one, at {place}"),
        (false, None) => format!("{ask}; only then remove the old one from known_hosts"),
    }
}
