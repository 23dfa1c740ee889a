//! Repeated documents: a document is not read twice.

use std::collections::BTreeMap;
use std::thread;

use ocr_api::answer::PageStatus;
use ocr_api::keys::Scope;
use ocr_api::problem::ProblemKind;
use rustix::process::Signal;

use crate::keys::{edit, wait_until_taken};
use crate::load::{another_key, capacity};
use crate::seen::metrics;
use crate::support::client::connect;
use crate::support::pdf::Pdf;
use crate::support::process::{signal, wait_for};
use crate::support::{Reply, Request, Server};

fn document(text: &str) -> Vec<u8> {
    Pdf::default().text_page(&[text]).build()
}

/// A service with a cache, one worker, and a key with access to the metrics.
fn start(flags: &[&str]) -> Server {
    let server = Server::start(&[&["--cache", "1MB", "--workers", "1"], flags].concat());
    edit(&server.keys_file(), |file| {
        file.keys[0].scopes.push(Scope::Metrics);
    });
    wait_until_taken(&server);
    server
}

/// Number of pages that workers have read.
fn pages_read(server: &Server) -> u64 {
    let series: BTreeMap<String, f64> = metrics(server);
    let pages = series
        .iter()
        .filter(|(name, _)| name.starts_with("ocr_pages_total{"));
    pages.map(|(_, value)| *value as u64).sum()
}

fn cache(reply: &Reply) -> &str {
    reply.header("cache-status").unwrap()
}

#[test]
fn reads_a_document_once_per_key_for_all_formats() {
    let server = start(&[]);
    let other = another_key(&server);
    let send = |query: &str, key: &str, header: (&str, &str)| {
        let request = Request::post(&format!("/v1/ocr{query}"), document("kept"));
        let reply = server.send(&request.key(key).header(header.0, header.1));
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply
    };
    let json = ("Accept", "application/json");
    let first = send("", &server.key, json);
    assert_eq!(cache(&first), "ocr-service; fwd=miss");
    let again = send("?mode=auto", &server.key, json);
    assert_eq!(cache(&again), "ocr-service; hit");
    let (first, mut second) = (first.answer(), again.answer());
    assert_ne!(first.id, second.id, "the id is each request's own");
    second.id.clone_from(&first.id);
    assert_eq!(first, second);
    let text = send("", &server.key, ("Accept", "text/plain"));
    assert_eq!(
        (cache(&text), text.text()),
        ("ocr-service; hit", "kept\n".into())
    );
    let codes = server.send_with_key(Request::post("/v1/codes", document("kept")));
    assert_eq!(cache(&codes), "ocr-service; hit");
    assert_eq!(pages_read(&server), 1);

    // Another key, other parameters, another document, and a request for new work.
    let fresh = ("Cache-Control", "no-cache");
    assert_eq!(cache(&send("", &other, json)), "ocr-service; fwd=miss");
    assert_eq!(
        cache(&send("?codes=none", &server.key, json)),
        "ocr-service; fwd=miss"
    );
    assert_eq!(
        cache(&send("", &server.key, fresh)),
        "ocr-service; fwd=request"
    );
    assert_eq!(
        cache(&server.ocr("", &document("other"))),
        "ocr-service; fwd=miss"
    );
    assert_eq!(pages_read(&server), 5);
}

#[test]
fn a_retry_joins_the_work_of_the_first_request() {
    let server = start(&[]);
    let other = another_key(&server);
    let request = |text: &str| {
        Request::post("/v1/ocr", document(text)).header("Idempotency-Key", "\"order 7\"")
    };
    let pid = server.spares(1)[0];
    signal(pid, Signal::STOP);
    let mut stream = connect(&server.address).unwrap();
    request("retried").key(&server.key).send_over(&mut *stream);
    wait_for("it is under way", || {
        capacity(&server, &other).workers.busy == 1
    });
    // The client disconnects, and its retry arrives while the first request is still being read.
    drop(stream);
    let retry = request("retried").key(&server.key);
    let address = server.address.clone();
    let retry = thread::spawn(move || retry.send(&address));
    wait_for("the retry waits", || {
        capacity(&server, &other).queue.documents == 2
    });
    assert!(
        server.workers().contains(&pid),
        "the worker is still at the page"
    );
    signal(pid, Signal::CONT);
    let reply = retry.join().unwrap();
    assert_eq!(reply.answer().pages[0].text, "retried\n");
    assert_eq!(cache(&reply), "ocr-service; fwd=miss; collapsed");
    assert_eq!(pages_read(&server), 1);

    let reply = server.send_with_key(request("retried"));
    assert_eq!(cache(&reply), "ocr-service; hit");
    let problem = server.send_with_key(request("something else")).problem();
    assert_eq!(problem.kind, ProblemKind::IdempotencyKey);
    assert_eq!(problem.status, 422);
    assert_eq!(pages_read(&server), 1);
    // `order 7` of another key is a different request.
    let reply = server.send(&request("something else").key(&other));
    assert_eq!(reply.answer().pages[0].text, "something else\n");
    assert_eq!(pages_read(&server), 2);
    let malformed = Request::post("/v1/ocr", document("x")).header("Idempotency-Key", "\"");
    assert_eq!(
        server.send_with_key(malformed).problem().kind,
        ProblemKind::Malformed
    );
}

#[test]
fn keeps_abandoned_work_for_the_retry() {
    let server = start(&[]);
    let pid = server.spares(1)[0];
    signal(pid, Signal::STOP);
    let request = Request::post("/v1/ocr", document("left alone"))
        .header("Idempotency-Key", "k")
        .key(&server.key);
    let mut stream = connect(&server.address).unwrap();
    request.send_over(&mut *stream);
    wait_for("it is under way", || {
        capacity(&server, &server.key).workers.busy == 1
    });
    drop(stream);
    signal(pid, Signal::CONT);
    wait_for("it has been read", || {
        capacity(&server, &server.key).queue.documents == 0
    });
    let reply = server.send(&request);
    assert_eq!(cache(&reply), "ocr-service; hit");
    assert_eq!(reply.answer().pages[0].text, "left alone\n");
    assert_eq!(pages_read(&server), 1);
}

#[test]
fn does_not_keep_incomplete_answers() {
    let server = start(&["--page-timeout", "1s"]);
    signal(server.spares(1)[0], Signal::STOP);
    let request = || {
        let request = Request::post("/v1/ocr", document("hangs at first"));
        server.send_with_key(request.header("Idempotency-Key", "k"))
    };
    // The worker hangs while it counts pages.
    assert_eq!(request().problem().kind, ProblemKind::Corrupt);
    wait_for("the worker is replaced", || server.readiness().0 == 200);
    let reply = request();
    assert_eq!(cache(&reply), "ocr-service; fwd=miss");
    assert!(reply.answer().complete);
}

#[test]
fn a_retry_with_a_later_deadline_extends_the_work() {
    let server = start(&[]);
    let other = another_key(&server);
    let pid = server.spares(1)[0];
    signal(pid, Signal::STOP);
    let send = |deadline: &str| {
        let request = Request::post("/v1/ocr", document("in no hurry"))
            .header("Idempotency-Key", "k")
            .header("X-Deadline-Ms", deadline)
            .key(&server.key);
        let address = server.address.clone();
        thread::spawn(move || request.send(&address))
    };
    let documents = |count| {
        wait_for("the requests are in the service", || {
            capacity(&server, &other).queue.documents == count
        });
    };
    let hasty = send("3000");
    documents(1);
    let patient = send("60000");
    documents(2);
    // The first request is answered at its own deadline, and the second one keeps waiting.
    let hasty = hasty.join().unwrap();
    assert_eq!(hasty.problem().kind, ProblemKind::Deadline);
    assert!(!patient.is_finished());
    signal(pid, Signal::CONT);
    let reply = patient.join().unwrap();
    assert_eq!(cache(&reply), "ocr-service; fwd=miss; collapsed");
    let answer = reply.answer();
    assert!(answer.complete);
    assert_eq!(answer.pages[0].text, "in no hurry\n");
    assert_eq!(pages_read(&server), 1);
}

#[test]
fn answers_a_part_at_the_deadline_while_another_request_waits() {
    let server = start(&[]);
    let slow = Pdf::default().text_page(&["at once"]).dense_page().build();
    let send = |deadline: &str, accept: &str| {
        let request = Request::post("/v1/ocr?mode=ocr", slow.clone())
            .header("Idempotency-Key", "k")
            .header("X-Deadline-Ms", deadline)
            .header("Accept", accept)
            .key(&server.key);
        let address = server.address.clone();
        thread::spawn(move || request.send(&address))
    };
    let pid = server.spares(1)[0];
    let patient = send("120000", "application/json");
    wait_for("the first page is read", || pages_read(&server) == 1);
    signal(pid, Signal::STOP);
    let hasty = send("1500", "application/json").join().unwrap().answer();
    assert!(!hasty.complete && !patient.is_finished());
    assert_eq!(hasty.pages.len(), 2);
    assert_eq!(hasty.pages[0].text.trim(), "at once");
    assert_eq!(hasty.pages[1].status, PageStatus::Skipped);
    signal(pid, Signal::CONT);
    assert!(patient.join().unwrap().answer().complete);
}
