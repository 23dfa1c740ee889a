//! What is left of a body that nobody will read.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use futures_util::StreamExt;

const AT_MOST: Duration = Duration::from_secs(5);

/// Reads it away for a while. A socket that is closed with unread data in it is reset, and a client that is still
/// sending would see a broken connection in place of the answer.
pub(super) fn in_background(mut stream: BodyDataStream) {
    tokio::spawn(tokio::time::timeout(AT_MOST, async move {
        while let Some(Ok(_)) = stream.next().await {}
    }));
}

/// The same for a body of which nothing was read. A client that waits to be asked for it is not asked.
pub(super) fn unless_expected(headers: &HeaderMap, stream: BodyDataStream) {
    if !headers.contains_key(EXPECT) {
        in_background(stream);
    }
}
