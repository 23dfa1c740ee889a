//! Requests over persistent connections.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::service::client::{connect, read_reply};
use super::service::{Reply, Request, Server};

/// Sends each document once, over this many connections at a time. Returns the total time, and the replies in order.
pub(crate) fn all(
    server: &Server,
    query: &str,
    documents: Vec<Vec<u8>>,
    connections: usize,
) -> (Duration, Vec<Reply>) {
    let requests: Vec<Request> = documents
        .into_iter()
        .map(|document| Request::post(&format!("/v1/ocr{query}"), document).key(&server.key))
        .collect();
    let next = AtomicUsize::new(0);
    let began = Instant::now();
    let mut replies: Vec<(usize, Reply)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..connections)
            .map(|_| {
                scope.spawn(|| {
                    let mut stream = connect(&server.address).unwrap();
                    let mut replies = Vec::new();
                    loop {
                        let at = next.fetch_add(1, Ordering::Relaxed);
                        let Some(request) = requests.get(at) else {
                            return replies;
                        };
                        request.send_over(&mut *stream);
                        replies.push((at, read_reply(&mut *stream).unwrap()));
                    }
                })
            })
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().unwrap())
            .collect()
    });
    let took = began.elapsed();
    replies.sort_by_key(|(at, _)| *at);
    let replies = replies.into_iter().map(|(_, reply)| reply).collect();
    (took, replies)
}
