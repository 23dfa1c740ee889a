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
    // Whether it was answered before SIGTERM was seen or after: the connection ends.
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).unwrap();
    assert!(rest.is_empty());
}

fn backlog_is_served(mut server: Server) {
    // While the service stands still, connections pile up in the backlog; then it wakes up to SIGTERM.
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
fn what_is_in_the_backlog_of_a_socket_is_served() {
    backlog_is_served(Server::start_on_socket(&[]));
}

#[test]
fn what_is_in_the_backlog_of_a_port_is_served() {
    backlog_is_served(Server::start(&[]));
}

#[test]
fn a_request_in_flight_is_finished_and_new_connections_are_not_taken() {
    let mut server = Server::start_on_socket(&["--workers", "1"]);
    let worker = server.workers()[0];
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
fn a_client_that_connected_but_has_not_asked_yet_is_served() {
    let mut server = Server::start_on_socket(&[]);
    let mut silent = connections(&server, 3);
    // Half a head.
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
fn a_kept_alive_connection_is_closed_soon() {
    let mut server = Server::start(&[]);
    let mut stream = connect(&server.address).unwrap();
    request(&server).send_over(&mut *stream);
    assert_eq!(read_reply(&mut *stream).unwrap().status, 200);
    let started = Instant::now();
    server.terminate();
    assert_eq!(server.wait().code(), Some(0));
    assert!(started.elapsed() < Duration::from_secs(5));
    // Another connection, closed before anything was asked, does not hold it up either.
}

#[test]
fn draining_ends_when_its_time_is_up() {
    let mut server = Server::start(&["--workers", "1", "--drain", "1s"]);
    signal(server.workers()[0], Signal::STOP);
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
