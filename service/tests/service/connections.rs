//! Connections: what they may take, and which are closed when there are too many.

use std::io::Write;

use rustix::process::Signal;

use crate::load::capacity;
use crate::support::client::{Stream, connect, read_reply};
use crate::support::pdf::Pdf;
use crate::support::process::{signal, wait_for};
use crate::support::{Request, Server};

/// Whether the service has closed a connection on which nothing is asked.
fn is_closed(stream: &mut dyn Stream) -> bool {
    // A reset says so, too.
    matches!(stream.read(&mut [0]), Ok(0) | Err(_))
}

#[test]
fn refuses_a_head_that_is_too_long_and_takes_one_that_is_not() {
    let server = Server::start(&["--workers", "1"]);
    let with_head_of = |bytes: usize| {
        let padding = "x".repeat(bytes);
        server.send(&Request::get("/healthz").header("X-Padding", &padding))
    };
    assert_eq!(with_head_of(30_000).status, 200);
    let mut stream = connect(&server.address).unwrap();
    // The rest is not read, so all may not be written either.
    let _ =
        stream.write_all(format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(40_000)).as_bytes());
    assert_eq!(read_reply(&mut *stream).unwrap().status, 431);
}

#[test]
fn strangers_do_not_take_the_place_of_a_client_with_a_key() {
    let server = Server::start(&["--workers", "1", "--connections", "8"]);
    let worker = server.workers()[0];
    signal(worker, Signal::STOP);
    let document = Pdf::default().text_page(&["slowly"]).build();
    let mut known = connect(&server.address).unwrap();
    Request::post("/v1/ocr", document)
        .key(&server.key)
        .send_over(&mut *known);
    wait_for("the document is in the service", || {
        capacity(&server, &server.key).queue.documents == 1
    });
    let mut strangers: Vec<_> = (0..30)
        .map(|_| {
            let mut stream = connect(&server.address).unwrap();
            stream.write_all(b"GET /openapi.json HTTP/1.1\r\n").unwrap();
            stream
        })
        .collect();
    // The service has accepted it, and those before it.
    assert_eq!(server.send(&Request::get("/healthz")).status, 200);
    assert!(
        strangers[..22]
            .iter_mut()
            .all(|stream| is_closed(&mut **stream))
    );
    let newest = strangers.last_mut().unwrap();
    newest.write_all(b"Host: test\r\n\r\n").unwrap();
    assert_eq!(read_reply(&mut **newest).unwrap().status, 200);
    signal(worker, Signal::CONT);
    assert!(read_reply(&mut *known).unwrap().answer().complete);
    // Its connection is one of many again, and still there.
    Request::get("/healthz").send_over(&mut *known);
    assert_eq!(read_reply(&mut *known).unwrap().status, 200);
}
