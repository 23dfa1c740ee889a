//! Limits of connections, and the choice of those to close when there are too many.

use std::io::Write;

use rustix::process::Signal;

use crate::load::capacity;
use crate::support::client::{Stream, connect, read_reply};
use crate::support::pdf::Pdf;
use crate::support::process::{signal, wait_for};
use crate::support::{Request, Server};

/// True if the service has closed an idle connection.
fn is_closed(stream: &mut dyn Stream) -> bool {
    // A reset means closed as well.
    matches!(stream.read(&mut [0]), Ok(0) | Err(_))
}

#[test]
fn limits_the_length_of_request_heads() {
    let server = Server::start(&["--workers", "1"]);
    let with_head_of = |bytes: usize| {
        let padding = "x".repeat(bytes);
        server.send(&Request::get("/healthz").header("X-Padding", &padding))
    };
    assert_eq!(with_head_of(30_000).status, 200);
    let mut stream = connect(&server.address).unwrap();
    // The service does not read the rest, so not all of it can be written.
    let _ =
        stream.write_all(format!("GET /healthz HTTP/1.1\r\nX: {}", "x".repeat(40_000)).as_bytes());
    assert_eq!(read_reply(&mut *stream).unwrap().status, 431);
}

#[test]
fn connections_without_a_key_do_not_replace_one_with_a_key() {
    let server = Server::start(&["--workers", "1", "--connections", "8"]);
    let worker = server.spares(1)[0];
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
    // The service has accepted this connection, and those before it.
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
    // The connection counts as idle again, and is still open.
    Request::get("/healthz").send_over(&mut *known);
    assert_eq!(read_reply(&mut *known).unwrap().status, 200);
}
