//! Many requests at once: keys take turns, quotas hold, and rejected clients get a time to come back.

use std::sync::mpsc;
use std::thread;

use ocr_api::answer::{Page, PageStatus};
use ocr_api::capacity::Capacity;
use ocr_api::keys::{Quota, Scope};
use ocr_api::problem::ProblemKind;
use rustix::process::Signal;

use crate::keys::{edit, wait_until_taken};
use crate::support::client::connect;
use crate::support::pdf::Pdf;
use crate::support::process::{signal, wait_for};
use crate::support::server::new_key;
use crate::support::work::quick;
use crate::support::{Request, Server, scan};

pub(crate) fn capacity(server: &Server, key: &str) -> Capacity {
    let reply = server.send(&Request::get("/v1/capacity").key(key));
    assert_eq!(reply.status, 200, "{}", reply.text());
    serde_json::from_slice(&reply.body).unwrap()
}

/// A second key, in force.
pub(crate) fn another_key(server: &Server) -> String {
    let key = new_key(&server.keys_file(), "another");
    wait_until_taken(server);
    key
}

fn set_quota(server: &Server, quota: Quota) {
    edit(&server.keys_file(), |file| file.keys[0].quota = Some(quota));
    wait_until_taken(server);
}

#[test]
fn bounds_the_memory_of_an_answer_and_reports_missing_pages() {
    let server = Server::start(&["--workers", "1", "--max-upload", "500KB", "--memory", "1MB"]);
    let line = "an of to ".repeat(15);
    let pages = (0..20).fold(Pdf::default(), |pdf, _| pdf.text_page(&[line.as_str(); 40]));
    let document = pages.build();
    assert!(document.len() < 200_000);
    let answer = server.answer("", &document);
    assert!(!answer.complete);
    let skipped = |page: &&Page| page.status == PageStatus::Skipped;
    let missing = answer.pages.iter().filter(skipped).count();
    assert!((1..20).contains(&missing), "{missing}");
    assert_eq!(answer.warnings.len(), missing, "{:?}", answer.warnings);
    // The memory for the answer is free again, and lines are not held.
    let lines = Request::post("/v1/ocr", document).header("Accept", "application/x-ndjson");
    let lines = server.send_with_key(lines).text();
    let last = lines.lines().last().unwrap();
    assert!(last.contains("\"complete\":true"), "{last}");
}

#[test]
fn the_single_page_of_a_key_does_not_wait_for_all_pages_of_another() {
    let server = Server::start(&["--workers", "1"]);
    let other = another_key(&server);
    let page = scan::png(&scan::page(&["A line that takes a moment to read"]));
    let pid = server.spares(1)[0];
    signal(pid, Signal::STOP);
    let (done, order) = mpsc::channel();
    let send = |name: &'static str, key: &str| {
        let request = Request::post("/v1/ocr", page.clone()).key(key);
        let (address, done) = (server.address.clone(), done.clone());
        thread::spawn(move || {
            assert!(request.send(&address).answer().complete);
            done.send(name).unwrap();
        });
    };
    let documents = |count| {
        wait_for("the documents are in the service", || {
            capacity(&server, &other).queue.documents == count
        });
    };
    for _ in 0..6 {
        send("busy", &server.key);
    }
    documents(6);
    // And the one under way.
    assert_eq!(capacity(&server, &other).workers.busy, 1);
    send("single", &other);
    documents(7);
    signal(pid, Signal::CONT);
    let order: Vec<&str> = order.iter().take(7).collect();
    let place = order.iter().position(|name| *name == "single").unwrap();
    assert!(place <= 2, "{order:?}");
}

#[test]
fn retry_after_follows_the_measured_time_of_pages() {
    let server = Server::start(&["--workers", "1", "--queue", "1"]);
    let other = another_key(&server);
    let page = scan::text_page();
    let (jpeg, (width, height)) = (scan::jpeg(&page), page.dimensions());
    let mut pdf = Pdf::default();
    for _ in 0..60 {
        pdf = pdf.scan_page(&jpeg, width, height);
    }
    let mut stream = connect(&server.address).unwrap();
    Request::post("/v1/ocr", pdf.build())
        .key(&server.key)
        .send_over(&mut *stream);
    wait_for("some pages have been read", || {
        (10..58).contains(&capacity(&server, &other).queue.pages)
    });
    let before = capacity(&server, &other);
    let reply = server.send(&Request::post("/v1/ocr", quick()).key(&other));
    let after = capacity(&server, &other);
    assert_eq!(reply.problem().kind, ProblemKind::Busy);
    let seconds = |capacity: &Capacity| capacity.queue.pages as f64 * capacity.page_ms / 1000.0;
    let retry_after: f64 = reply.header("retry-after").unwrap().parse().unwrap();
    // A page may have finished in between, which changes both factors a little. Nothing stays longer than its deadline
    // of 120 s.
    let least = (seconds(&after) * 0.7).min(120.0);
    let most = seconds(&before) * 1.3 + 1.0;
    assert!(
        (least..=most).contains(&retry_after) && retry_after > 1.0,
        "{least} {retry_after} {most}"
    );
    drop(stream);
    wait_for("its place is free", || {
        capacity(&server, &other).queue.documents == 0
    });
    assert_eq!(capacity(&server, &other).queue.pages, 0);
}

#[test]
fn limits_pages_per_day_across_restarts() {
    let mut server = Server::start_on_socket(&["--workers", "1"]);
    set_quota(
        &server,
        Quota {
            pages_per_day: Some(3),
            ..Quota::default()
        },
    );
    let two = Pdf::default()
        .text_page(&["one"])
        .text_page(&["two"])
        .build();
    let left = |server: &Server| {
        let allowance = capacity(server, &server.key).key.pages_per_day.unwrap();
        assert_eq!(allowance.limit, 3);
        allowance.left
    };
    assert_eq!(left(&server), 3);
    assert!(server.answer("", &two).complete);
    assert_eq!(left(&server), 1);
    let reply = server.ocr("", &two);
    let problem = reply.problem();
    assert_eq!(problem.kind, ProblemKind::Quota);
    assert!(problem.detail.contains("1 are left"), "{}", problem.detail);
    let retry_after: u32 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=86_400).contains(&retry_after));

    server.terminate();
    server.wait();
    let directory = std::mem::replace(&mut server.directory, tempfile::tempdir().unwrap());
    let server = Server::start_in(directory, server.key.clone(), "unix", &["--workers", "1"]);
    server.wait_until_ready();
    assert_eq!(left(&server), 1, "unless midnight was in between");
    assert_eq!(server.ocr("", &two).problem().kind, ProblemKind::Quota);
    assert!(server.answer("?pages=2", &two).complete);
    assert_eq!(left(&server), 0);
    // Pages of requests rejected after that are not counted, because they were not read.
    assert_eq!(
        server.ocr("?pages=1", &two).problem().kind,
        ProblemKind::Quota
    );
}

#[test]
fn limits_concurrent_pages_of_a_key() {
    let server = Server::start(&[]);
    let other = another_key(&server);
    set_quota(
        &server,
        Quota {
            concurrent_pages: Some(1),
            ..Quota::default()
        },
    );
    // The pages of one request wait for each other, and the second worker is for other keys.
    let page = scan::page(&["A line that takes a moment to read"]);
    let (jpeg, (width, height)) = (scan::jpeg(&page), page.dimensions());
    let mut pdf = Pdf::default();
    for _ in 0..12 {
        pdf = pdf.scan_page(&jpeg, width, height);
    }
    let request = Request::post("/v1/ocr", pdf.build()).key(&server.key);
    let address = server.address.clone();
    let answer = thread::spawn(move || request.send(&address).answer());
    wait_for("its pages are being read", || {
        let capacity = capacity(&server, &other);
        assert!(capacity.workers.busy <= 1);
        capacity.queue.pages < 12 && capacity.queue.pages > 1
    });
    let reply = server.ocr("", &quick());
    assert_eq!(reply.problem().kind, ProblemKind::Quota);
    let retry_after: u32 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=30).contains(&retry_after), "{retry_after}");
    let reply = server.send(&Request::post("/v1/ocr", quick()).key(&other));
    assert!(reply.answer().complete);
    assert!(!answer.is_finished(), "another key's page passed its own");
    assert!(answer.join().unwrap().complete);
    assert!(server.answer("", &quick()).complete);
}

#[test]
fn capacity_reports_the_quota_without_using_it() {
    let server = Server::start(&["--queue", "7"]);
    set_quota(
        &server,
        Quota {
            requests_per_minute: Some(5),
            ..Quota::default()
        },
    );
    edit(&server.keys_file(), |file| {
        file.keys[0].scopes = vec![Scope::Codes];
    });
    wait_until_taken(&server);
    let idle = capacity(&server, &server.key);
    assert_eq!(
        (idle.workers.total, idle.workers.ready, idle.workers.busy),
        (2, 2, 0)
    );
    assert_eq!((idle.queue.documents, idle.queue.max_documents), (0, 7));
    assert_eq!(idle.estimated_wait_ms, 0);
    assert_eq!(idle.key.concurrent_pages, None);
    for left in [4, 3] {
        let reply = server.send_with_key(Request::post("/v1/codes", quick()));
        assert_eq!(reply.status, 200);
        let allowance = capacity(&server, &server.key).key.requests_per_minute;
        assert_eq!(allowance.unwrap().left, left);
    }
    let seen = capacity(&server, &server.key);
    assert!(seen.pages_per_second > 0.0 && seen.page_ms > 0.0 && seen.page_ms < 1000.0);
    assert_eq!(server.send(&Request::get("/v1/capacity")).status, 403);

    // Both workers are busy, so a page has to wait.
    for pid in server.spares(2) {
        signal(pid, Signal::STOP);
    }
    let mut streams = Vec::new();
    for _ in 0..3 {
        let mut stream = connect(&server.address).unwrap();
        Request::post("/v1/codes", quick())
            .key(&server.key)
            .send_over(&mut *stream);
        streams.push(stream);
    }
    wait_for("the workers are busy", || {
        let capacity = capacity(&server, &server.key);
        capacity.workers.busy == 2 && capacity.queue.documents == 3
    });
    drop(streams);
}
