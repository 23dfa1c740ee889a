//! Frames: a length, and a message of that many bytes.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A message to a worker: the words of 2,000 full pages, for a searchable PDF, have half of this.
pub const MAX_REQUEST: u32 = 64 << 20;
/// A message from a worker, which is not trusted to keep its answers short: a page of 2,000 lines of twenty words has a tenth of
/// this.
pub const MAX_REPLY: u32 = 16 << 20;
/// A message of at most `limit` bytes with its length before it, ready to be written.
///
/// # Errors
/// `InvalidData` when it is longer.
pub fn frame(message: &impl Serialize, limit: u32) -> io::Result<Vec<u8>> {
    let mut frame = postcard::to_extend(message, vec![0; 4]).map_err(invalid)?;
    let length = u32::try_from(frame.len() - 4)
        .ok()
        .filter(|length| *length <= limit)
        .ok_or_else(|| invalid("a message that is too long"))?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// The length that a frame's first four bytes announce.
///
/// # Errors
/// `InvalidData` when it is more than `limit`.
pub fn frame_length(head: [u8; 4], limit: u32) -> io::Result<usize> {
    let length = u32::from_le_bytes(head);
    if length > limit {
        return Err(invalid(format!("a message of {length} bytes")));
    }
    Ok(length as usize)
}

/// The message in a frame's body.
///
/// # Errors
/// `InvalidData` when it is not that message.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> io::Result<T> {
    match postcard::take_from_bytes(body) {
        Ok((message, [])) => Ok(message),
        Ok(_) => Err(invalid("a message with something behind it")),
        Err(error) => Err(invalid(error)),
    }
}

pub(super) fn invalid(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Counted, Reply};

    #[test]
    fn a_message_ends_where_its_frame_does() {
        let counted = Reply::Counted(Counted::pages(3));
        let mut frame = frame(&counted, MAX_REPLY).unwrap();
        assert_eq!(parse::<Reply>(&frame[4..]).unwrap(), counted);
        frame.push(0);
        assert!(parse::<Reply>(&frame[4..]).is_err());
        assert!(parse::<Reply>(&frame[4..5]).is_err());
    }

    #[test]
    fn an_absurd_length_is_an_error_and_not_an_allocation() {
        let length = |length: u32| frame_length(length.to_le_bytes(), MAX_REPLY);
        assert_eq!(length(MAX_REPLY).unwrap(), MAX_REPLY as usize);
        assert!(length(MAX_REPLY + 1).is_err());
        assert!(length(u32::MAX).is_err());
    }
}
