//! Pieces of the image's archive that a host requests.

use std::sync::Arc;

use crate::commands::{Failed, Result};
use ocrctl_protocol::{Diagnostic, Request};
use ocrctl_registry::archive::Archive;

#[derive(Debug)]
pub(super) struct Supply {
    archive: Arc<Archive>,
    /// Bytes that were sent, as they travelled.
    sent: u64,
}

impl Supply {
    pub(super) fn of(archive: Arc<Archive>) -> Self {
        Self { archive, sent: 0 }
    }

    pub(super) async fn piece(
        &mut self,
        id: u64,
        digest: String,
        offset: u64,
        length: u64,
    ) -> Result<Request> {
        let archive = self.archive.clone();
        let read = tokio::task::spawn_blocking(move || archive.piece(&digest, offset, length));
        let piece = match read.await {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => return Err(unreadable(&error)),
            Err(error) => return Err(unreadable(&error)),
        };
        let Some((packed, data)) = piece else {
            return Ok(nothing(id));
        };
        self.sent += data.len() as u64;
        Ok(Request::Piece {
            id,
            length: data.len() as u64,
            packed,
            data,
        })
    }

    /// `None` if the host had the image.
    pub(super) fn told(&self) -> Option<String> {
        (self.sent > 0).then(|| {
            let megabytes = |bytes: u64| bytes as f64 / 1e6;
            format!(
                "{:.1} MB were sent of an image of {:.1} MB",
                megabytes(self.sent),
                megabytes(self.archive.size())
            )
        })
    }
}

/// The host takes it for what it is: not what it asked for.
pub(super) fn nothing(id: u64) -> Request {
    Request::Piece {
        id,
        length: 0,
        packed: false,
        data: Vec::new(),
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Failed {
    let text = format!("the archive can't be read any more: {error}");
    Failed::new(Diagnostic::new(text).hint("the host goes on with the release that it has"))
}
