//! Stopping: no request that connected before SIGTERM is lost.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::client::{Stream, connect, read_reply};
use crate::support::pdf::Pdf;
use crate::support::process::{signal, wait_for};
use crate::support::{Request, Server};

fn request(server: &Server) -> Request {
    Request::post("/v1/ocr", Pdf::default().text_page(&["in time"]).build()).key(&server.key)
}

fn connections(server: &Server, count: usize) -> Vec<Box<dyn Stream>> {
    (0..count)
        .map(|_| connect(&server.address).unwrap())
        .collect()
}

fn assert_answered(mut stream: Box<dyn Stream>) {
    let reply = read_reply(&mut *stream).expect("a request that connected in time is answered");
    assert_eq!(reply.answer().pages[0].text, "in time\n");
    // The connection ends, whether it was answered before the service saw SIGTERM or after.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
}

fn backlog_is_served(mut server: Server) {
    // While the service is stopped, connections queue up in the backlog. Then it continues and receives SIGTERM.
    signal(server.pid(), Signal::STOP);
    let mut streams = connections(&server, 40);
    for stream in &mut streams {
        request(&server).send_over(&mut **stream);
    }
    server.terminate();
    signal(server.pid(), Signal::CONT);
    streams.into_iter().for_each(assert_answered);
    assert_eq!(server.wait().code(), Some(0), "{}", server.log());
}

#[test]
fn serves_the_backlog_of_a_socket() {
    backlog_is_served(Server::start_on_socket(&[]));
}

#[test]
fn serves_the_backlog_of_a_port() {
    backlog_is_served(Server::start(&[]));
}

#[test]
fn finishes_requests_in_flight_and_accepts_no_new_connections() {
    let mut server = Server::start_on_socket(&["--workers", "1"]);
    let worker = server.spares(1)[0];
    signal(worker, Signal::STOP);
    let mut stream = connect(&server.address).unwrap();
    request(&server).send_over(&mut *stream);
    thread::sleep(Duration::from_millis(200));
    server.terminate();
    wait_for("the socket is gone", || connect(&server.address).is_err());
    signal(worker, Signal::CONT);
    assert_answered(stream);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn serves_a_client_that_connected_but_sent_no_request_yet() {
    let mut server = Server::start_on_socket(&[]);
    let mut silent = connections(&server, 3);
    // Half of a request's head.
    let head = request(&server).head();
    silent[0].write_all(&head[..20]).unwrap();
    server.terminate();
    wait_for("the socket is gone", || connect(&server.address).is_err());
    thread::sleep(Duration::from_millis(500));
    silent[0].write_all(&head[20..]).unwrap();
    silent[0].write_all(request(&server).body()).unwrap();
    for stream in &mut silent[1..] {
        request(&server).send_over(&mut **stream);
    }
    silent.into_iter().for_each(assert_answered);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn closes_idle_connections_soon() {
    let mut server = Server::start(&[]);
    let mut stream = connect(&server.address).unwrap();
    request(&server).send_over(&mut *stream);
    assert_eq!(read_reply(&mut *stream).unwrap().status, 200);
    let started = Instant::now();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5));
    // A second connection, which is closed before a request is sent, does not delay the stop either.
}

#[test]
fn draining_ends_at_its_time_limit() {
    let mut server = Server::start(&["--workers", "1", "--drain", "1s"]);
    signal(server.spares(1)[0], Signal::STOP);
    let mut stream = connect(&server.address).unwrap();
    request(&server).send_over(&mut *stream);
    thread::sleep(Duration::from_millis(200));
    let started = Instant::now();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    let took = started.elapsed();
    assert!(
        took > Duration::from_millis(900) && took < Duration::from_secs(4),
        "{took:?}"
    );
    assert!(server.log().contains("\"cut\":1"), "{}", server.log());
}

#[test]
fn no_worker_outlives_the_service() {
    let mut server = Server::start(&[]);
    let workers = server.spares(2);
    signal(server.pid(), Signal::KILL);
    server.wait();
    wait_for("the workers are gone", || {
        workers.iter().all(|pid| {
            let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
            stat.is_empty() || stat.contains(") Z ")
        })
    });
}
