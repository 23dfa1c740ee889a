//! Discards the rest of a request body that is not going to be used.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::HeaderMap;
use axum::http::header::EXPECT;
use futures_util::StreamExt;

const AT_MOST: Duration = Duration::from_secs(5);

/// Reads the body and drops it, for at most 5 seconds. A socket that is closed with unread data is reset, and a client
/// that is still sending would see a broken connection instead of the answer.
pub(crate) fn in_background(mut stream: BodyDataStream) {
    tokio::spawn(tokio::time::timeout(AT_MOST, async move {
        while let Some(Ok(_)) = stream.next().await {}
    }));
}

/// Discards a body of which nothing was read. If the client sent `Expect: 100-continue`, it is not asked to send the
/// body.
pub(crate) fn unless_expected(headers: &HeaderMap, stream: BodyDataStream) {
    if !headers.contains_key(EXPECT) {
        in_background(stream);
    }
}
