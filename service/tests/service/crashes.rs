//! Workers that crash or are killed at a document: what that costs its page, its key, and no one else.

use std::fs;
use std::thread;
use std::time::Duration;

use ocr_api::answer::PageStatus;
use ocr_api::problem::ProblemKind;
use rustix::process::Signal;

use crate::load::another_key;
use crate::support::process::{signal, wait_for};
use crate::support::prose::{self, Layout};
use crate::support::work::{all_ready, being_read, busy_worker, in_background, quick};
use crate::support::{Request, Server, scan};

#[test]
fn a_crash_at_a_page_costs_that_page_and_no_other() {
    let server = Server::start(&[]);
    // In columns: no other worker reads a part of it.
    let columns = scan::jpeg(&prose::page(Layout::Columns, 1).image);
    let (pid, victim) = being_read(&server, columns);
    let other = in_background(&server, "", scan::png(&scan::page(&["Untouched"])));
    signal(pid, Signal::ABORT);

    let answer = victim.join().unwrap();
    assert!(!answer.complete);
    assert_eq!(answer.pages[0].status, PageStatus::Crashed);
    assert!(answer.warnings[0].contains("crashed"));
    let other = other.join().unwrap();
    assert!(other.complete);
    assert_eq!(other.pages[0].text.trim(), "Untouched");
    wait_for("the worker is replaced", || all_ready(&server));
    assert!(!server.workers().contains(&pid));
    assert_eq!(server.answer("", &quick()).pages[0].text, "quick\n");
}

#[test]
fn a_page_whose_worker_the_kernel_ended_is_read_again() {
    let server = Server::start(&["--workers", "1"]);
    let columns = scan::jpeg(&prose::page(Layout::Columns, 1).image);
    let (pid, victim) = being_read(&server, columns);
    signal(pid, Signal::KILL);
    let answer = victim.join().unwrap();
    assert!(answer.complete, "{:?}", answer.warnings);
    assert_eq!(answer.pages[0].status, PageStatus::Ok);
}

#[test]
fn a_document_whose_workers_the_kernel_ended_is_lost_at_the_second_one_but_not_refused() {
    let server = Server::start(&["--workers", "1"]);
    let columns = scan::jpeg(&prose::page(Layout::Columns, 1).image);
    for _ in 0..2 {
        let (first, victim) = being_read(&server, columns.clone());
        signal(first, Signal::KILL);
        wait_for("the worker is gone", || !server.workers().contains(&first));
        signal(busy_worker(&server), Signal::KILL);
        assert_eq!(victim.join().unwrap().pages[0].status, PageStatus::Crashed);
    }
    assert!(server.answer("", &columns).complete);
}

/// Where a process has its libraries and its heap, and where its stack begins.
fn layout(pid: u32) -> Vec<String> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap();
    let mut lines = maps.lines();
    let of = |name: &str| {
        let line = lines.find(|line| line.ends_with(name)).unwrap();
        line.split('-').next().unwrap().to_owned()
    };
    ["[heap]", "/libpdfium.so", "[stack]"].map(of).to_vec()
}

#[test]
fn after_a_crash_its_key_gets_workers_with_other_addresses() {
    let server = Server::start(&["--workers", "2"]);
    let before = server.spares(2);
    let known = layout(before[0]);
    assert_eq!(known, layout(before[1]));
    let columns = scan::jpeg(&prose::page(Layout::Columns, 1).image);
    let (pid, victim) = being_read(&server, columns.clone());
    signal(pid, Signal::ABORT);
    assert_eq!(victim.join().unwrap().pages[0].status, PageStatus::Crashed);
    // At once: it waits for the other template.
    let next = in_background(&server, "", columns);
    wait_for("the worker is gone", || !server.workers().contains(&pid));
    let pid = busy_worker(&server);
    assert!(!before.contains(&pid));
    let now = layout(pid);
    assert!(
        now.iter().zip(&known).all(|(now, known)| now != known),
        "{now:?} {known:?}"
    );
    assert!(next.join().unwrap().complete);
    for pid in server.spares(2) {
        assert_eq!(layout(pid), now);
    }
}

#[test]
fn a_key_whose_documents_crash_workers_has_to_wait_and_no_other_notices() {
    let server = Server::start(&["--workers", "1"]);
    let other = another_key(&server);
    let request = || Request::post("/v1/ocr", quick()).key(&other);
    let mut page = prose::page(Layout::Columns, 1).image;
    let mut refused = None;
    for crash in 0..4 {
        // Another document each time.
        page.put_pixel(0, 0, image::Luma([crash]));
        let (pid, victim) = being_read(&server, scan::jpeg(&page));
        signal(pid, Signal::ABORT);
        assert_eq!(victim.join().unwrap().pages[0].status, PageStatus::Crashed);
        refused = Some(server.ocr("", &quick()));
        assert!(request().send(&server.address).answer().complete);
        if crash < 3 {
            assert_eq!(refused.as_ref().unwrap().status, 200, "after {crash}");
        }
    }
    let reply = refused.unwrap();
    assert_eq!(reply.problem().kind, ProblemKind::Crashes);
    let seconds: u64 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=3).contains(&seconds), "{seconds}");
    thread::sleep(Duration::from_secs(seconds));
    assert!(server.answer("", &quick()).complete);
}

#[test]
fn a_document_that_killed_two_workers_is_refused_for_a_while() {
    let server = Server::start(&["--workers", "1"]);
    let deadly = scan::jpeg(&scan::dense_page());
    for _ in 0..2 {
        let (pid, victim) = being_read(&server, deadly.clone());
        signal(pid, Signal::ABORT);
        assert_eq!(victim.join().unwrap().pages[0].status, PageStatus::Crashed);
    }
    let reply = server.ocr("", &deadly);
    let problem = reply.problem();
    assert_eq!(problem.kind, ProblemKind::Quarantined);
    assert!(
        problem.detail.contains("refused until 20"),
        "{}",
        problem.detail
    );
    let seconds: u32 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((590..=601).contains(&seconds), "{seconds}");
    // To whoever else sends the same bytes, it is a document like any other.
    let other = another_key(&server);
    let request = Request::post("/v1/ocr", deadly).key(&other);
    assert!(request.send(&server.address).answer().complete);
    // Any other document is welcome.
    assert_eq!(server.answer("", &quick()).pages[0].text, "quick\n");
}
