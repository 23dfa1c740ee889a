//! A service at work: a document that is read at once, one that is sent in the background, and the worker that has it.

use std::thread;

use ocr_api::answer::Answer;

use super::pdf::Pdf;
use super::process::{ticks, wait_for};
use super::{Request, Server};

/// A page that takes no time.
pub(crate) fn quick() -> Vec<u8> {
    Pdf::default().text_page(&["quick"]).build()
}

pub(crate) fn all_ready(server: &Server) -> bool {
    let (_, ready) = server.readiness();
    ready.workers.ready == ready.workers.total
}

/// Sends a document in the background.
pub(crate) fn in_background(
    server: &Server,
    query: &str,
    document: Vec<u8>,
) -> thread::JoinHandle<Answer> {
    let request = Request::post(&format!("/v1/ocr{query}"), document).key(&server.key);
    let address = server.address.clone();
    thread::spawn(move || request.send(&address).answer())
}

/// Sends a document in the background and returns the worker that reads it. Workers of earlier documents are waited for
/// first: one that was killed can look busy while the kernel ends it.
#[track_caller]
pub(crate) fn being_read(server: &Server, document: Vec<u8>) -> (u32, thread::JoinHandle<Answer>) {
    server.spares(server.readiness().1.workers.total as usize);
    let answer = in_background(server, "", document);
    (busy_worker(server), answer)
}

/// Waits until a worker has worked for some 0.3 s on what it was given. The first worker of a template reads the sample,
/// which may take it 0.1 s.
#[track_caller]
pub(crate) fn busy_worker(server: &Server) -> u32 {
    let mut found = None;
    wait_for("a worker is busy", || {
        found = server.workers().into_iter().find(|pid| ticks(*pid) > 30);
        found.is_some()
    });
    found.unwrap()
}
