//! Connections without `ssh`: the protocol is spoken by the `russh` crate, within this process.
//!
//! What is the operator's own holds as far as it is understood: an SSH agent, keys under their usual names,
//! `known_hosts`, and part of `~/.ssh/config` (see `ssh_config.rs`). A jump host is a connection through which the next
//! one is made. Connections live on a thread of their own.

mod channel;
mod client;
mod identity;
mod known_hosts;
mod login;
mod route;
mod runtime;
mod ssh_config;
mod tcp;
mod wild;

pub(super) use tcp::resolve;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use russh::client::Handle;
use russh::{ChannelOpenFailure, Disconnect};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use self::client::{Client, ConnectionNotes, HandshakeError};
use self::login::Login;
use self::route::Hop;
use super::error::Unreachable;
use super::quote::command_line;
use super::{Channel, Exit, Options, Transport, TransportError};
use ocrctl_inventory::Target;

/// After an exit, sshd may count the old session against MaxSessions for another moment.
const REFUSED_SESSION_PAUSES_MS: [u64; 4] = [20, 50, 100, 200];
/// For a goodbye to reach the host.
const GOODBYE: Duration = Duration::from_secs(1);

/// A connection over all the hosts on the way.
pub(super) struct Russh {
    host: String,
    /// The nearest first; the last is the host's own.
    links: Vec<Link>,
}

/// A connection to one host.
struct Link {
    handle: Handle<Client>,
    notes: ConnectionNotes,
    /// Its end is that of every stream over this connection.
    given_up: watch::Sender<()>,
}

impl Russh {
    pub(super) async fn connect(
        target: &Target,
        options: &Options,
    ) -> Result<Self, TransportError> {
        let mut this = Self {
            host: target.name.clone(),
            links: Vec::new(),
        };
        for hop in route::to(target, options)? {
            let link = match this.links.last() {
                None => Link::direct(hop, options).await?,
                Some(previous) => Link::through(previous, hop, options).await?,
            };
            this.links.push(link);
        }
        Ok(this)
    }

    async fn start(&self, argv: &[&str]) -> Result<Channel, TransportError> {
        let line = command_line(argv)?;
        let Some(link) = self.links.last() else {
            return Err(self.lost(""));
        };
        let mut pauses = REFUSED_SESSION_PAUSES_MS.into_iter();
        let channel = loop {
            match (link.handle.channel_open_session().await, pauses.next()) {
                (Ok(channel), _) => break channel,
                (Err(russh::Error::ChannelOpenFailure(_)), Some(pause)) => {
                    sleep(Duration::from_millis(pause)).await;
                }
                (Err(russh::Error::ChannelOpenFailure(reason)), None) => {
                    return Err(TransportError::Exec {
                        host: self.host.clone(),
                        reason: link.refusal(&reason).await,
                    });
                }
                (Err(_), _) => return Err(self.lost(&link.notes.end())),
            }
        };
        // The answer is awaited with what comes: it would cost a round trip.
        if channel.exec(true, line).await.is_err() {
            return Err(self.lost(&link.notes.end()));
        }
        let _guard = runtime()?.enter();
        Ok(channel::streams(
            channel,
            self.host.clone(),
            link.notes.clone(),
            link.given_up.subscribe(),
        ))
    }

    fn lost(&self, reason: &str) -> TransportError {
        TransportError::Lost {
            host: self.host.clone(),
            reason: reason.to_owned(),
        }
    }
}

impl Transport for Russh {
    fn exec<'a>(&'a self, argv: &'a [&'a str]) -> BoxFuture<'a, Result<Channel, TransportError>> {
        self.start(argv).boxed()
    }

    fn close(mut self: Box<Self>) -> BoxFuture<'static, ()> {
        async move {
            while let Some(link) = self.links.pop() {
                link.close().await;
            }
        }
        .boxed()
    }
}

impl Drop for Russh {
    /// The furthest first: each goes over the one before.
    fn drop(&mut self) {
        while self.links.pop().is_some() {}
    }
}

impl Link {
    async fn direct(hop: Hop, options: &Options) -> Result<Self, TransportError> {
        let (host, port, settings) = (hop.address.clone(), hop.port, options.clone());
        let connecting = async move { tcp::connect(&host, port, &settings).await };
        let stream =
            on_thread(connecting)
                .await?
                .map_err(|reason| TransportError::Unreachable {
                    host: hop.name.clone(),
                    reason,
                })?;
        Self::over(stream, hop, options).await
    }

    /// By a channel of a connection that there is.
    async fn through(previous: &Self, hop: Hop, options: &Options) -> Result<Self, TransportError> {
        let unreachable = |reason| TransportError::Unreachable {
            host: hop.name.clone(),
            reason,
        };
        let place = format!(" ({}, port {})", hop.address, hop.port);
        let opening = previous.handle.channel_open_direct_tcpip(
            &hop.address,
            u32::from(hop.port),
            "127.0.0.1",
            0,
        );
        let channel = match timeout(options.connect_timeout, opening).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
                let words = previous.refusal(&reason).await;
                return Err(unreachable(behind_jump_host(&words, place)));
            }
            Ok(Err(_)) => {
                return Err(TransportError::Lost {
                    host: hop.name.clone(),
                    reason: previous.notes.end(),
                });
            }
            Err(_) => return Err(unreachable(Unreachable::Timeout(place))),
        };
        let streams = {
            let _guard = runtime()?.enter();
            channel::streams(
                channel,
                hop.name.clone(),
                previous.notes.clone(),
                previous.given_up.subscribe(),
            )
        };
        Self::over(tokio::io::join(streams.stdout, streams.stdin), hop, options).await
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        mut hop: Hop,
        options: &Options,
    ) -> Result<Self, TransportError> {
        let notes = ConnectionNotes::default();
        let client = Client::of(&mut hop, notes.clone());
        let config = Arc::new(client.config(options));
        let limit = options.connect_timeout;
        let shaking = async move {
            timeout(limit, russh::client::connect_stream(config, stream, client)).await
        };
        let mut handle = match on_thread(shaking).await? {
            Ok(Ok(handle)) => handle,
            Ok(Err(error)) => return Err(not_agreed(&hop, error, &notes)),
            Err(_) => {
                return Err(TransportError::Unreachable {
                    host: hop.name,
                    reason: Unreachable::Timeout(format!(" ({}, port {})", hop.address, hop.port)),
                });
            }
        };
        Login::new(&mut handle, &hop, &notes, options).run().await?;
        Ok(Self {
            handle,
            notes,
            given_up: watch::channel(()).0,
        })
    }

    /// The host's words for a channel that it did not open; they come a moment after the answer.
    async fn refusal(&self, reason: &ChannelOpenFailure) -> String {
        for _ in 0..10 {
            if let Some(words) = self.notes.refusal().filter(|words| !words.is_empty()) {
                return words;
            }
            sleep(Duration::from_millis(10)).await;
        }
        reason.description().to_owned()
    }

    async fn close(self) {
        let Self {
            handle, given_up, ..
        } = self;
        // Streams end first: a full one would keep the connection from hearing us.
        drop(given_up);
        let _ = timeout(GOODBYE, async {
            let _ = handle.disconnect(Disconnect::ByApplication, "", "").await;
            let _ = handle.await;
        })
        .await;
    }
}

/// Connect anew, run `true`, and disconnect.
pub(super) async fn probe(target: &Target, options: &Options) -> Result<(), TransportError> {
    let transport = Box::new(Russh::connect(target, options).await?);
    let Channel {
        stdin,
        stdout,
        mut stderr,
        exit,
    } = transport.start(&["true"]).await?;
    drop((stdin, stdout));
    let mut said = String::new();
    let limit = options.connect_timeout * 2;
    let ended = timeout(limit, async {
        let _ = stderr.read_to_string(&mut said).await;
        exit.await
    })
    .await;
    transport.close().await;
    match ended {
        Ok(Ok(Exit::Code(0))) => Ok(()),
        Ok(Ok(exit)) => Err(TransportError::Exec {
            host: target.name.clone(),
            reason: format!("`true` ended with {exit:?}: {}", said.trim()),
        }),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(TransportError::Unreachable {
            host: target.name.clone(),
            reason: Unreachable::Timeout(" (`true` did not end)".into()),
        }),
    }
}

fn runtime() -> Result<&'static tokio::runtime::Handle, TransportError> {
    runtime::handle().map_err(no_thread)
}

/// Run where connections live.
async fn on_thread<T: Send + 'static>(
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, TransportError> {
    runtime()?
        .spawn(work)
        .await
        .map_err(|error| no_thread(io::Error::other(error)))
}

fn no_thread(source: io::Error) -> TransportError {
    TransportError::Io {
        what: "the thread for SSH connections failed",
        source,
    }
}

/// Why a handshake ended.
fn not_agreed(hop: &Hop, error: HandshakeError, notes: &ConnectionNotes) -> TransportError {
    let host = hop.name.clone();
    let place = format!(" ({}, port {})", hop.address, hop.port);
    let closed = |place| TransportError::Unreachable {
        host: hop.name.clone(),
        reason: Unreachable::Closed(place),
    };
    let error = match error {
        HandshakeError::HostKey(error) => return *error,
        HandshakeError::Protocol(error) => error,
    };
    match error {
        russh::Error::IO(error) => TransportError::Unreachable {
            host,
            reason: tcp::unreachable(&error, &place),
        },
        russh::Error::Disconnect | russh::Error::HUP | russh::Error::Version => match notes.end() {
            said if said.is_empty() => closed(place),
            said => closed(format!("{place}: {said}")),
        },
        russh::Error::NoCommonAlgo { kind, ours, theirs } => TransportError::Ssh {
            host,
            message: format!(
                "there is no {kind:?} algorithm that both know: it offers {}, and we {}",
                theirs.join(", "),
                ours.join(", ")
            ),
        },
        error => TransportError::Ssh {
            host,
            message: error.to_string(),
        },
    }
}

/// Reads a jump host's message about the next one; sshd (channels.c) takes its words from the system.
fn behind_jump_host(words: &str, place: String) -> Unreachable {
    let says = |known: &[&str]| known.iter().any(|known| words.contains(known));
    if says(&["refused"]) {
        Unreachable::Refused(place)
    } else if says(&["timed out"]) {
        Unreachable::Timeout(place)
    } else if says(&["not known", "name resolution", "unknown host", "No address"]) {
        Unreachable::Name(format!("to the jump host{place}"))
    } else {
        Unreachable::NoRoute(format!("{place}, says the jump host: {words}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separates_messages_of_a_jump_host() {
        let place = || " (ocr1, port 22)".to_owned();
        assert_eq!(
            behind_jump_host("Connection refused", place()),
            Unreachable::Refused(place())
        );
        assert_eq!(
            behind_jump_host("Connection timed out", place()),
            Unreachable::Timeout(place())
        );
        assert!(matches!(
            behind_jump_host("Name or service not known", place()),
            Unreachable::Name(_)
        ));
        assert!(matches!(
            behind_jump_host("administratively prohibited: open failed", place()),
            Unreachable::NoRoute(_)
        ));
    }
}
