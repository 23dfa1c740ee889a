//! Body of an answer, from its making until the client has received it. It consists of blocks of bytes. Each is charged
//! to the request until it is written to the connection, or until the connection has ended.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::{fmt, io};

use axum::body::{Body, HttpBody};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use serde::Serialize;

use crate::http::limits::share::Share;
use crate::http::outcome::error::Rejection;
use crate::memory::{Charge, Charged, Full};

/// Bytes of the first block. Each next block is twice as large.
const FIRST: usize = 8 << 10;
const LARGEST: usize = 256 << 10;

/// Writer of an answer. Unlike a string, it does not grow by copying, and it stops when there is no memory.
#[derive(Debug)]
pub(crate) struct Written {
    /// Reserved memory, as long as it lasts.
    reserve: Charge,
    full: VecDeque<Bytes>,
    last: Option<Charged<Vec<u8>>>,
    next: usize,
    out_of_room: bool,
}

impl Written {
    pub(crate) fn new(share: &Share) -> Self {
        Self {
            reserve: share.take_reserve(),
            full: VecDeque::new(),
            last: None,
            next: FIRST,
            out_of_room: false,
        }
    }

    fn push(&mut self, mut bytes: &[u8]) -> Result<(), Full> {
        while !bytes.is_empty() {
            let last = match &mut self.last {
                Some(last) if last.value.len() < last.value.capacity() => last,
                _ => self.add_block()?,
            };
            let room = last.value.capacity() - last.value.len();
            let (now, rest) = bytes.split_at(bytes.len().min(room));
            last.value.extend_from_slice(now);
            bytes = rest;
        }
        Ok(())
    }

    fn add_block(&mut self) -> Result<&mut Charged<Vec<u8>>, Full> {
        self.full.extend(self.last.take().map(Bytes::from));
        let bytes = self.next as u64;
        let mut charge = self.reserve.split(bytes);
        charge.grow(bytes - charge.bytes()).inspect_err(|_| {
            self.out_of_room = true;
        })?;
        let value = Vec::with_capacity(self.next);
        self.next = (self.next * 2).min(LARGEST);
        Ok(self.last.insert(Charged { value, charge }))
    }

    /// The body, or a rejection if the memory ran out.
    pub(crate) fn finish(mut self, share: &Share) -> Result<Body, Rejection> {
        if self.out_of_room {
            return Err(share.busy(Full));
        }
        self.full.extend(self.last.take().map(Bytes::from));
        Ok(blocks(self.full))
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.push(bytes)
            .map_err(|Full| io::Error::from(io::ErrorKind::OutOfMemory))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Write for Written {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes()).map_err(|Full| fmt::Error)
    }
}

/// Renders a value as JSON.
pub(crate) fn json(share: &Share, value: &impl Serialize) -> Result<Response, Rejection> {
    let mut written = Written::new(share);
    // The types always serialize, so only lack of memory can fail, and `finish` reports it.
    let _ = serde_json::to_writer(&mut written, value);
    let headers = [
        (CONTENT_TYPE, "application/json"),
        (CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, written.finish(share)?).into_response())
}

/// Body of a file that a worker made.
pub(crate) fn file(file: Charged<Vec<u8>>) -> Body {
    blocks(VecDeque::from([Bytes::from(file)]))
}

fn blocks(blocks: VecDeque<Bytes>) -> Body {
    let left = blocks.iter().map(|block| block.len() as u64).sum();
    Body::new(Blocks { blocks, left })
}

struct Blocks {
    blocks: VecDeque<Bytes>,
    left: u64,
}

impl HttpBody for Blocks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let block = self.blocks.pop_front();
        self.left -= block.as_ref().map_or(0, |block| block.len() as u64);
        Poll::Ready(block.map(|block| Ok(Frame::data(block))))
    }

    fn is_end_stream(&self) -> bool {
        self.blocks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
