//! Reads a program's output on a host, line by line.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Bytes that one line may have; a plan with all its diffs has a fraction of it.
const LONGEST: usize = 64 << 20;

/// A line that is too long to be meant: how it begins.
#[derive(Debug)]
pub(super) struct TooLong(pub(super) Vec<u8>);

pub(super) struct Lines {
    stream: BufReader<Box<dyn AsyncRead + Send + Unpin>>,
    /// The beginning of the next line.
    line: Vec<u8>,
}

impl Lines {
    pub(super) fn of(stream: Box<dyn AsyncRead + Send + Unpin>) -> Self {
        Self {
            stream: BufReader::new(stream),
            line: Vec::new(),
        }
    }

    /// The next line without its end, `None` at the end of the stream. Nothing is lost if this is given up and called
    /// again.
    pub(super) async fn next(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        loop {
            let Ok(available) = self.stream.fill_buf().await else {
                return Ok(None);
            };
            if available.is_empty() {
                return Ok(None);
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let part = end.unwrap_or(available.len());
            self.line.extend_from_slice(&available[..part]);
            self.stream.consume(part + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(Some(std::mem::take(&mut self.line)));
            }
            if self.line.len() > LONGEST {
                return Err(TooLong(std::mem::take(&mut self.line)));
            }
        }
    }

    /// Read the rest and forget it.
    pub(super) async fn drain(&mut self) {
        while matches!(self.stream.fill_buf().await, Ok(rest) if !rest.is_empty()) {
            let length = self.stream.buffer().len();
            self.stream.consume(length);
        }
    }
}
