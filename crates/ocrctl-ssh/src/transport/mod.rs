//! Running programs on a host: the trait, and the choice between its implementations.
//!
//! A connection is made once and serves any number of programs, one after another or at the same
//! time. Only this directory runs `ssh`.

mod credentials;
mod error;
mod host_key;
mod local;
mod openssh;
mod quote;
mod russh;
#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use futures_util::future::BoxFuture;
use secrecy::SecretString;
use tokio::io::{AsyncRead, AsyncWrite};

pub use credentials::{Credentials, Passphrases};
pub use error::TransportError;
pub use host_key::HostKey;

use ocrctl_inventory::{Connection, Target};

/// Keepalives sent before the connection is considered dead.
const ALIVE_QUESTIONS: usize = 3;

/// Time limit for looking up a name.
const LOOK_UP: Duration = Duration::from_secs(8);

/// A connection to a host.
pub trait Transport: Send + Sync {
    /// Start a program on the host. Each element of `argv` arrives as it is; none may contain NUL.
    fn exec<'a>(&'a self, argv: &'a [&'a str]) -> BoxFuture<'a, Result<Channel, TransportError>>;

    /// End the connection, and whatever still runs over it. Dropping does the same, less politely.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// A program that runs on a host. Dropping a stream closes it; dropping all of it closes the streams
/// and leaves the program to notice.
pub struct Channel {
    pub stdin: Box<dyn AsyncWrite + Send + Unpin>,
    pub stdout: Box<dyn AsyncRead + Send + Unpin>,
    pub stderr: Box<dyn AsyncRead + Send + Unpin>,
    /// Resolves to the program's exit. Read `stdout` and `stderr` to their ends first: unread output is lost when
    /// this resolves.
    pub exit: BoxFuture<'static, Result<Exit, TransportError>>,
}

/// The end of a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    /// By a signal. The `ssh` of OpenSSH does not say which.
    Killed,
}

/// Options of every connection.
#[derive(Debug, Clone)]
pub struct Options {
    /// For reaching the host and agreeing on keys. Authentication gets as long again, and 20 s more.
    pub connect_timeout: Duration,
    /// After so long without a sign of life the host is asked for one; after four times as long it is given up.
    pub alive_interval: Duration,
    /// The ssh configuration that holds after ours. Without `ssh`, only the first file is read: the operator's own.
    pub ssh_config: Vec<String>,
    /// For connections without `ssh`, which has its own ways.
    pub credentials: Credentials,
}

impl Options {
    /// `ask` is given a question, such as for the passphrase of a key, and waits for the operator's answer.
    pub fn asking(ask: impl Fn(&str) -> Option<SecretString> + Send + Sync + 'static) -> Self {
        let mut options = Self::default();
        options.credentials.passphrases = Passphrases::asked_by(ask);
        options
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            alive_interval: Duration::from_secs(15),
            ssh_config: vec!["~/.ssh/config".into(), "/etc/ssh/ssh_config".into()],
            credentials: Credentials::of_process(),
        }
    }
}

/// Connect to a host in the way that its target names.
pub async fn connect(
    target: &Target,
    options: &Options,
) -> Result<Box<dyn Transport>, TransportError> {
    match target.connection {
        Connection::Openssh => Ok(Box::new(openssh::Openssh::connect(target, options).await?)),
        Connection::Russh => Ok(Box::new(russh::Russh::connect(target, options).await?)),
        Connection::Local => Ok(Box::new(local::Local::new(target))),
    }
}

/// The addresses that a name has from here, as a connection without `ssh` would take them.
pub async fn addresses(name: &str) -> Vec<std::net::IpAddr> {
    let looked_up = tokio::time::timeout(LOOK_UP, russh::resolve(name));
    looked_up.await.unwrap_or_default()
}

/// Prove that a new connection to the host works, one that shares nothing with any that exists.
pub async fn probe(target: &Target, options: &Options) -> Result<(), TransportError> {
    match target.connection {
        Connection::Openssh => openssh::probe(target, options).await,
        Connection::Russh => russh::probe(target, options).await,
        Connection::Local => Ok(()),
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}
