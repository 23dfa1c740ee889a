//! Connections by the operator's own `ssh`: its configuration, agent, jump hosts and `known_hosts` hold.
//!
//! One `ssh` does the handshake and goes to the background as a multiplexing master; programs on the
//! host then start over its control socket, by the `openssh` crate. The master is started here and not
//! by the crate's builder, because only so an attempt that is given up ends its process, a master with
//! an open channel ends when we do, and one whose owner vanished ends by itself.

mod diagnosis;
mod host_key;
mod invocation;
mod master;

use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use openssh::{Error, Session, Stdio};
use tokio::time::sleep;

use self::invocation::Invocation;
use self::master::Master;
use super::error::Unreachable;
use super::quote::command_line;
use super::{Channel, Exit, Options, Transport, TransportError};
use ocrctl_command::CommandError;
use ocrctl_inventory::Target;

/// After an exit, sshd may count the old session against MaxSessions for another moment.
const REFUSED_SESSION_PAUSES_MS: [u64; 4] = [20, 50, 100, 200];

pub(super) struct Openssh {
    host: String,
    session: Arc<Session>,
    master: Arc<Master>,
}

impl Openssh {
    pub(super) async fn connect(
        target: &Target,
        options: &Options,
    ) -> Result<Self, TransportError> {
        let ssh = Invocation::prepare(target, options)?;
        let log = File::create(ssh.log()).map_err(|source| TransportError::Io {
            what: "the log of ssh can't be created",
            source,
        })?;
        let launched = ssh.master().launch(log).await;
        match launched {
            Ok(status) if status.success() => {}
            Ok(_) => return Err(diagnosis::explain_master(&ssh, &ssh.read_log()).await),
            Err(error) => return Err(not_run(target, error)),
        }
        let master = Arc::new(Master::new(ssh));
        Ok(Self {
            host: target.name.clone(),
            session: Arc::new(Session::resume_mux(master.control().into(), None)),
            master,
        })
    }

    async fn start(&self, argv: &[&str]) -> Result<Channel, TransportError> {
        let line = command_line(argv)?;
        let mut pauses = REFUSED_SESSION_PAUSES_MS.into_iter();
        let mut child = loop {
            let started = Arc::clone(&self.session)
                .arc_raw_command(&line)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .await;
            match (started, pauses.next()) {
                (Ok(child), _) => break child,
                (Err(Error::SshMux(_)), Some(pause)) => sleep(Duration::from_millis(pause)).await,
                (Err(Error::Disconnected), _) => return Err(self.lost()),
                (Err(error), _) => {
                    return Err(TransportError::Exec {
                        host: self.host.clone(),
                        reason: with_cause(&error),
                    });
                }
            }
        };
        let (Some(stdin), Some(stdout), Some(stderr)) = (
            child.stdin().take(),
            child.stdout().take(),
            child.stderr().take(),
        ) else {
            return Err(TransportError::Exec {
                host: self.host.clone(),
                reason: "its streams are not piped".into(),
            });
        };
        let (host, session) = (self.host.clone(), Arc::clone(&self.session));
        let master = Arc::downgrade(&self.master);
        let exit = async move {
            match child.wait().await {
                Ok(status) => Ok(status.code().map_or(Exit::Killed, Exit::Code)),
                // The crate takes the shell's code for a missing program as an error of its own.
                Err(Error::Remote(_)) => Ok(Exit::Code(127)),
                Err(Error::RemoteProcessTerminated) if survives(&session).await => Ok(Exit::Killed),
                Err(_) => Err(TransportError::Lost {
                    reason: master.upgrade().map(|m| m.last_words()).unwrap_or_default(),
                    host,
                }),
            }
        };
        Ok(Channel {
            stdin: Box::new(stdin),
            stdout: Box::new(stdout),
            stderr: Box::new(stderr),
            exit: exit.boxed(),
        })
    }

    fn lost(&self) -> TransportError {
        TransportError::Lost {
            host: self.host.clone(),
            reason: self.master.last_words(),
        }
    }
}

impl Transport for Openssh {
    fn exec<'a>(&'a self, argv: &'a [&'a str]) -> BoxFuture<'a, Result<Channel, TransportError>> {
        self.start(argv).boxed()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        // The master's `Drop` does it, and takes about a millisecond.
        drop(self);
        std::future::ready(()).boxed()
    }
}

/// Connect anew, run `true`, and disconnect.
pub(super) async fn probe(target: &Target, options: &Options) -> Result<(), TransportError> {
    let ssh = Invocation::prepare(target, options)?;
    let output = ssh
        .single("true")
        .output()
        .await
        .map_err(|error| not_run(target, error))?;
    let stderr = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => Ok(()),
        Some(255) => Err(diagnosis::explain(&ssh, &stderr).await),
        _ => Err(TransportError::Exec {
            host: target.name.clone(),
            reason: format!("`true` ended with {}: {}", output.status, stderr.trim()),
        }),
    }
}

/// A program that ended without a status was killed, or the connection was: `ssh` does not report which.
/// A master that has lost its connection is gone, or about to be.
async fn survives(session: &Session) -> bool {
    if session.check().await.is_err() {
        return false;
    }
    sleep(Duration::from_millis(100)).await;
    session.check().await.is_ok()
}

fn not_run(target: &Target, error: CommandError) -> TransportError {
    match error {
        CommandError::Missing { .. } => TransportError::NoSsh,
        CommandError::Timeout { after, .. } => TransportError::Unreachable {
            host: target.name.clone(),
            reason: Unreachable::Timeout(format!(
                " (not even after {} s was the login done)",
                after.as_secs()
            )),
        },
        error => error.into(),
    }
}

/// The crate's errors keep what happened in their source.
fn with_cause(error: &Error) -> String {
    match std::error::Error::source(error) {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}
