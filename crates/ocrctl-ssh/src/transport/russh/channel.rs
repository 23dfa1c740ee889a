//! A channel of the protocol as streams: what is written goes out as the host's window allows, what comes in is
//! handed to whoever reads. Nothing here waits for a host that is gone.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use futures_util::FutureExt;
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf};
use tokio::io::{AsyncRead, AsyncReadExt, DuplexStream, ReadBuf};
use tokio::sync::{mpsc, oneshot, watch};

use super::client::ConnectionNotes;
use crate::transport::{Channel, Exit, TransportError};

/// Bytes that are taken from a writer before the host has room for them.
const INPUT: usize = 64 << 10;
/// Messages that wait for a reader; each has at most 32 KiB.
const OUTPUT: usize = 32;
/// `SSH_EXTENDED_DATA_STDERR` (RFC 4254, section 5.2).
const STDERR: u32 = 1;

/// Ends when the connection is given up.
pub(super) type Given = watch::Receiver<()>;

/// The streams of an open channel. Has to be called where the connection lives.
pub(super) fn streams(
    channel: russh::Channel<Msg>,
    host: String,
    notes: ConnectionNotes,
    given_up: Given,
) -> Channel {
    let (incoming, outgoing) = channel.split();
    let outgoing = Arc::new(outgoing);
    let (stdin, input) = tokio::io::duplex(INPUT);
    let (stdout, output) = mpsc::channel(OUTPUT);
    let (stderr, errors) = mpsc::channel(OUTPUT);
    let (exit, ending) = oneshot::channel();
    let (end, ended) = watch::channel(());
    tokio::spawn(send(input, Arc::clone(&outgoing), ended));
    let receiver = Receiver {
        outgoing,
        stdout: Some(stdout),
        stderr: Some(stderr),
        exit: Some(exit),
        given_up,
        _end: end,
    };
    tokio::spawn(receiver.run(incoming));
    let exit = async move {
        match ending.await {
            Ok(Ending::Exit(exit)) => Ok(exit),
            Ok(Ending::Refused) => Err(TransportError::Exec {
                host,
                reason: "its sshd refuses to run a command".into(),
            }),
            Err(_) => Err(TransportError::Lost {
                host,
                reason: notes.end(),
            }),
        }
    };
    Channel {
        stdin: Box::new(stdin),
        stdout: Box::new(Incoming::from(output)),
        stderr: Box::new(Incoming::from(errors)),
        exit: exit.boxed(),
    }
}

#[derive(Debug)]
enum Ending {
    Exit(Exit),
    Refused,
}

/// Hands out what comes in.
struct Receiver {
    outgoing: Arc<ChannelWriteHalf<Msg>>,
    stdout: Option<mpsc::Sender<Bytes>>,
    stderr: Option<mpsc::Sender<Bytes>>,
    exit: Option<oneshot::Sender<Ending>>,
    given_up: Given,
    /// Its end is that of the input.
    _end: watch::Sender<()>,
}

impl Receiver {
    async fn run(mut self, mut incoming: ChannelReadHalf) {
        loop {
            let message = tokio::select! {
                message = incoming.wait() => message,
                _ = self.given_up.changed() => return,
                () = abandoned(&self.stdout, &self.stderr, &mut self.exit) => {
                    // Its streams close at the host, and the program there notices.
                    let _ = self.outgoing.close().await;
                    return;
                }
            };
            match message {
                Some(ChannelMsg::Data { data }) => {
                    hand_over(self.stdout.as_ref(), data, &mut self.given_up).await;
                }
                Some(ChannelMsg::ExtendedData { data, ext: STDERR }) => {
                    hand_over(self.stderr.as_ref(), data, &mut self.given_up).await;
                }
                Some(ChannelMsg::Eof) => (self.stdout, self.stderr) = (None, None),
                Some(ChannelMsg::ExitStatus { exit_status }) => {
                    // The code of a program has eight bits.
                    let code = i32::try_from(exit_status).unwrap_or(i32::MAX);
                    self.ended(Ending::Exit(Exit::Code(code)));
                }
                Some(ChannelMsg::ExitSignal { .. }) => self.ended(Ending::Exit(Exit::Killed)),
                Some(ChannelMsg::Failure) => self.ended(Ending::Refused),
                // Closed without a word about the program's end, while the connection lives on.
                Some(ChannelMsg::Close) => {
                    self.ended(Ending::Exit(Exit::Killed));
                    return;
                }
                Some(_) => {}
                None => return,
            }
        }
    }

    fn ended(&mut self, ending: Ending) {
        if let Some(exit) = self.exit.take() {
            let _ = exit.send(ending);
        }
    }
}

/// Waits until the reader has room; unread output is dropped.
async fn hand_over(to: Option<&mpsc::Sender<Bytes>>, data: Bytes, given_up: &mut Given) {
    if let Some(to) = to {
        tokio::select! {
            _ = to.send(data) => {}
            _ = given_up.changed() => {}
        }
    }
}

/// Nobody awaits anything of the program any more.
async fn abandoned(
    stdout: &Option<mpsc::Sender<Bytes>>,
    stderr: &Option<mpsc::Sender<Bytes>>,
    exit: &mut Option<oneshot::Sender<Ending>>,
) {
    let closed = async |stream: &Option<mpsc::Sender<Bytes>>| {
        if let Some(stream) = stream {
            stream.closed().await;
        }
    };
    closed(stdout).await;
    closed(stderr).await;
    match exit {
        Some(exit) => exit.closed().await,
        // All is told and read: the host closes the channel in a moment.
        None if stdout.is_none() && stderr.is_none() => std::future::pending().await,
        None => {}
    }
}

/// Sends what is written, then the end of it. Gives up with the channel, so that a writer notices.
async fn send(
    mut input: DuplexStream,
    outgoing: Arc<ChannelWriteHalf<Msg>>,
    mut ended: watch::Receiver<()>,
) {
    let copy = async {
        let mut buffer = BytesMut::with_capacity(INPUT);
        while input.read_buf(&mut buffer).await.is_ok_and(|read| read > 0) {
            if outgoing.data_bytes(buffer.split().freeze()).await.is_err() {
                return;
            }
            buffer.reserve(INPUT);
        }
        let _ = outgoing.eof().await;
    };
    tokio::select! {
        () = copy => {}
        _ = ended.changed() => {}
    }
}

/// Reads messages as a stream.
#[derive(Debug)]
struct Incoming {
    messages: mpsc::Receiver<Bytes>,
    rest: Bytes,
}

impl From<mpsc::Receiver<Bytes>> for Incoming {
    fn from(messages: mpsc::Receiver<Bytes>) -> Self {
        Self {
            messages,
            rest: Bytes::new(),
        }
    }
}

impl AsyncRead for Incoming {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.rest.is_empty() {
            match ready!(self.messages.poll_recv(cx)) {
                Some(data) => self.rest = data,
                None => return Poll::Ready(Ok(())),
            }
        }
        let part = self.rest.len().min(buffer.remaining());
        buffer.put_slice(&self.rest[..part]);
        self.rest.advance(part);
        Poll::Ready(Ok(()))
    }
}
