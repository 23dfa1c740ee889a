//! Running programs on a host: the trait, and the choice between its implementations.
//!
//! A connection is made once and serves any number of programs, one after another or at the same
//! time. Only this directory runs `ssh`.

mod error;
mod local;
mod openssh;
mod quote;
#[cfg(test)]
pub(crate) mod tests;

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

pub use error::{HostKey, TransportError};

use crate::inventory::{Connection, Target};

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
    /// How the program ended. Read `stdout` and `stderr` to their ends first: what is unread when
    /// this resolves is lost.
    pub exit: BoxFuture<'static, Result<Exit, TransportError>>,
}

/// How a program ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    /// By a signal. OpenSSH does not say which.
    Killed,
}

/// What applies to every connection.
#[derive(Debug, Clone)]
pub struct Options {
    /// For reaching the host and agreeing on keys. Authentication gets as long again, and 20 s more.
    pub connect_timeout: Duration,
    /// The ssh configuration that holds after ours.
    pub ssh_config: Vec<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            ssh_config: vec!["~/.ssh/config".into(), "/etc/ssh/ssh_config".into()],
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
        Connection::Local => Ok(Box::new(local::Local::new(target))),
    }
}

/// Prove that a new connection to the host works, one that shares nothing with any that exists.
pub async fn probe(target: &Target, options: &Options) -> Result<(), TransportError> {
    match target.connection {
        Connection::Openssh => openssh::probe(target, options).await,
        Connection::Local => Ok(()),
    }
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").finish_non_exhaustive()
    }
}
