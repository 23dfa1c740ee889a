//! Pieces of blobs, asked of the controller over the agent's own connection.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Read};
use std::pin::pin;

use flate2::read::GzDecoder;
use tokio::sync::{mpsc, oneshot};

use crate::host::{Arrived, Emitter, Incoming};
use ocrctl_protocol::{Context, Event, Failure, PIECE, Result};

/// Pieces of one blob that are on their way: what a round trip costs is hidden, and little memory taken.
const AHEAD: usize = 4;

/// A piece that somebody waits for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) digest: String,
    pub(super) offset: u64,
    pub(super) length: u64,
    pub(super) reply: oneshot::Sender<Vec<u8>>,
}

/// Where pieces are asked for.
#[derive(Debug, Clone)]
pub(super) struct Pieces(mpsc::Sender<Asked>);

impl Pieces {
    pub(super) fn new() -> (Self, mpsc::Receiver<Asked>) {
        let (ask, asked) = mpsc::channel(AHEAD);
        (Self(ask), asked)
    }

    /// A blob from `offset` to its end.
    pub(super) fn of(&self, digest: &str, offset: u64, size: u64) -> Blob {
        Blob {
            digest: digest.to_owned(),
            offset,
            size,
            ahead: VecDeque::new(),
            pieces: self.clone(),
        }
    }
}

/// The pieces of one blob, in order.
#[derive(Debug)]
pub(super) struct Blob {
    digest: String,
    /// Where the next piece begins that is asked for.
    offset: u64,
    size: u64,
    ahead: VecDeque<oneshot::Receiver<Vec<u8>>>,
    pieces: Pieces,
}

impl Blob {
    /// `None` if that was the last.
    pub(super) async fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        while self.ahead.len() < AHEAD && self.offset < self.size {
            let (reply, piece) = oneshot::channel();
            let length = PIECE.min(self.size - self.offset);
            let asked = Asked {
                digest: self.digest.clone(),
                offset: self.offset,
                length,
                reply,
            };
            self.pieces.0.send(asked).await.map_err(io::Error::other)?;
            self.ahead.push_back(piece);
            self.offset += length;
        }
        match self.ahead.pop_front() {
            Some(piece) => piece.await.map(Some).map_err(io::Error::other),
            None => Ok(None),
        }
    }
}

/// Does `work` and has the pieces that it asks for sent. Without a controller, it ends.
pub(super) async fn supplied<T>(
    work: impl Future<Output = Result<T>>,
    mut asked: mpsc::Receiver<Asked>,
    events: &Emitter,
    mut incoming: Incoming<'_>,
) -> Result<T> {
    let mut wanted: HashMap<u64, (u64, oneshot::Sender<Vec<u8>>)> = HashMap::new();
    let mut next = 0;
    let mut work = pin!(work);
    loop {
        tokio::select! {
            ended = &mut work => return ended,
            Some(Asked { digest, offset, length, reply }) = asked.recv() => {
                next += 1;
                wanted.insert(next, (length, reply));
                events.send(Event::Wanted { id: next, digest, offset, length });
            }
            arrived = incoming.next() => match arrived {
                Arrived::Piece { id, packed, data } => {
                    let Some((length, reply)) = wanted.remove(&id) else {
                        continue;
                    };
                    let bytes = if packed { unpacked(&data, length)? } else { data };
                    if bytes.len() as u64 != length {
                        return Err(Failure::new("the archive has changed since it was checked")
                            .hint("deploy again; the running release was not touched"));
                    }
                    // Docker may have given up on it.
                    let _ = reply.send(bytes);
                }
                Arrived::Cancelled => {
                    return Err(Failure::new("stopped as asked, while the image came"));
                }
                Arrived::End => {
                    return Err(Failure::new("the connection ended while the image came")
                        .hint("deploy again; the running release was not touched"));
                }
            },
        }
    }
}

pub(super) fn unpacked(data: &[u8], length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    GzDecoder::new(data)
        .take(length.min(PIECE) + 1)
        .read_to_end(&mut bytes)
        .context("unpacking a piece of the image")?;
    Ok(bytes)
}
