//! The rest of a body that nobody will read.

use std::time::Duration;

use axum::body::BodyDataStream;
use futures_util::StreamExt;

const AT_MOST: Duration = Duration::from_secs(5);

/// Reads it away for a while. A socket that is closed with unread data in it is reset, and a client that is still
/// sending would see a broken connection in place of the answer.
pub(super) fn in_background(mut stream: BodyDataStream) {
    tokio::spawn(tokio::time::timeout(AT_MOST, async move {
        while let Some(Ok(_)) = stream.next().await {}
    }));
}
