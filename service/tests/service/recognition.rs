//! Whether workers read, asked by the host: `POST /healthz/recognize`.

use ocr_api::health::{Recognition, RecognitionStatus};
use rustix::process::Signal;

use crate::support::process::{signal, wait_for};
use crate::support::work::{all_ready, in_background, quick};
use crate::support::{Request, Server};

fn recognition(server: &Server, request: &Request) -> (u16, Recognition) {
    let reply = server.send(request);
    (reply.status, serde_json::from_slice(&reply.body).unwrap())
}

#[test]
fn the_host_can_have_the_workers_read_and_one_that_hangs_is_found_and_replaced() {
    let server = Server::start_on_socket(&["--workers", "2"]);
    wait_for("the service is ready", || all_ready(&server));
    let request = Request::post("/healthz/recognize", Vec::new());
    let (status, well) = recognition(&server, &request);
    assert_eq!((status, well.status), (200, RecognitionStatus::Ok));

    let pids = server.workers();
    signal(pids[0], Signal::STOP);
    let (status, ill) = recognition(&server, &request);
    assert_eq!((status, ill.status), (503, RecognitionStatus::Failed));
    let why = ill.error.unwrap();
    assert!(
        why.starts_with("1 of 2 workers") && why.contains("hung"),
        "{why}"
    );
    wait_for("the worker is replaced", || all_ready(&server));
    assert!(!server.workers().contains(&pids[0]) && server.workers().contains(&pids[1]));
    let (status, again) = recognition(&server, &request);
    assert_eq!((status, again.status), (200, RecognitionStatus::Ok));
}

#[test]
fn workers_at_their_pages_are_busy_and_not_ill() {
    let server = Server::start_on_socket(&["--workers", "1", "--page-timeout", "60s"]);
    wait_for("the service is ready", || all_ready(&server));
    let pid = server.spares(1)[0];
    signal(pid, Signal::STOP);
    let page = in_background(&server, "", quick());
    wait_for("the worker has the page", || {
        let (_, ready) = server.readiness();
        ready.load.unwrap().busy == 1
    });
    let request = Request::post("/healthz/recognize", Vec::new());
    let (status, busy) = recognition(&server, &request);
    assert_eq!((status, busy.status), (200, RecognitionStatus::Busy));
    signal(pid, Signal::CONT);
    assert!(page.join().unwrap().complete);
}

#[test]
fn nobody_but_the_host_can_have_the_workers_read() {
    let request = Request::post("/healthz/recognize", Vec::new());
    let by_proxy = request.clone().header("X-Forwarded-For", "192.0.2.7");
    let socket = Server::start_on_socket(&["--workers", "1"]);
    assert_eq!(socket.send(&by_proxy).status, 404);
    let tcp = Server::start(&["--workers", "1"]);
    assert_eq!(tcp.send(&request).status, 404);
}
