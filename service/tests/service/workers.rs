//! Worker processes: whatever happens to one affects at most the current page.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::{AsFd, AsRawFd};
use std::thread;
use std::time::{Duration, Instant};

use ocr_api::answer::PageStatus;
use ocr_api::problem::ProblemKind;
use rustix::io::FdFlags;
use rustix::process::Signal;

use crate::support::client::connect;
use crate::support::pdf::Pdf;
use crate::support::process::{signal, spent_by_workers, wait_for};
use crate::support::work::{all_ready, in_background, quick};
use crate::support::{Request, Server, scan};

/// What a process has open besides files: its sockets and pipes, by their numbers in the kernel.
fn channels(pid: u32) -> BTreeSet<String> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).unwrap();
    let targets = open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let names = targets.map(|target| target.display().to_string());
    names
        .filter(|name| name.starts_with("socket:") || name.starts_with("pipe:"))
        .collect()
}

#[test]
fn workers_share_no_socket_and_no_pipe() {
    let server = Server::start(&["--workers", "3"]);
    let mut processes = server.spares(3);
    processes.push(server.template());
    let mut seen = BTreeSet::new();
    for pid in processes {
        let channels = channels(pid);
        assert_eq!(channels.len(), 2, "{channels:?}");
        for channel in channels {
            assert!(seen.insert(channel.clone()), "two have {channel}");
        }
    }
}

#[test]
fn workers_do_not_inherit_descriptors_of_the_service() {
    let (reader, writer) = std::io::pipe().unwrap();
    for end in [reader.as_fd(), writer.as_fd()] {
        rustix::io::fcntl_setfd(end, FdFlags::empty()).unwrap();
    }
    let own = fs::read_link(format!("/proc/self/fd/{}", reader.as_raw_fd())).unwrap();
    let server = Server::start(&["--workers", "2"]);
    let has = |pid| channels(pid).contains(&own.display().to_string());
    assert!(has(server.pid()));
    let mut processes = server.spares(2);
    processes.push(server.template());
    for pid in processes {
        assert!(!has(pid));
    }
}

#[test]
fn replaces_an_idle_worker_that_dies() {
    let server = Server::start(&["--workers", "1"]);
    for _ in 0..3 {
        let pid = server.spares(1)[0];
        signal(pid, Signal::KILL);
        // At once, when the service may not know yet.
        assert_eq!(server.answer("", &quick()).pages[0].status, PageStatus::Ok);
        wait_for("the worker is replaced", || {
            all_ready(&server) && server.spares(1) != [pid]
        });
    }
}

#[test]
fn times_out_a_page_that_hangs() {
    let server = Server::start(&["--page-timeout", "1s", "--workers", "1"]);
    let pid = server.spares(1)[0];
    signal(pid, Signal::STOP);
    let page = scan::png(&scan::page(&["Hangs"]));
    let started = Instant::now();
    let answer = server.answer("", &page);
    // Far from the usual 30 s, on a busy machine, too.
    assert!(started.elapsed() < Duration::from_secs(10));
    assert!(!answer.complete);
    assert_eq!(answer.pages[0].status, PageStatus::Timeout);
    wait_for("the worker is replaced", || all_ready(&server));
    assert_ne!(server.spares(1), [pid]);
    assert_eq!(server.answer("", &quick()).pages[0].text, "quick\n");
}

#[test]
fn a_client_that_disconnects_frees_its_worker() {
    let server = Server::start(&["--workers", "1"]);
    signal(server.spares(1)[0], Signal::STOP);
    let mut stream = connect(&server.address).unwrap();
    Request::post("/v1/ocr", quick())
        .key(&server.key)
        .send_over(&mut *stream);
    thread::sleep(Duration::from_millis(200));
    drop(stream);
    // The only worker hangs. Unless it was freed, this would wait for the page time-out of 30 s.
    let started = Instant::now();
    assert_eq!(server.answer("", &quick()).pages[0].text, "quick\n");
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn replaces_a_template_that_dies_or_hangs() {
    let server = Server::start(&["--workers", "1"]);
    for sent in [Signal::KILL, Signal::STOP] {
        let (template, worker) = (server.template(), server.spares(1)[0]);
        signal(template, sent);
        // With the worker that exists, and then with a new one.
        for _ in 0..2 {
            assert_eq!(server.answer("", &quick()).pages[0].text, "quick\n");
        }
        assert_ne!(server.spares(1), [worker]);
        assert_ne!(server.template(), template);
    }
}

#[test]
fn replaces_a_worker_that_has_grown_between_two_pages() {
    let server = Server::start(&["--workers", "1", "--worker-memory", "1MB"]);
    let page = scan::page(&["Not lost"]);
    let (answer, spent) = spent_by_workers(
        || server.workers(),
        || server.answer("", &scan::tiff(&vec![page; 4])),
    );
    assert!(answer.complete);
    for page in &answer.pages {
        assert_eq!(page.text.trim(), "Not lost");
    }
    let readers = spent.values().filter(|time| **time > 20_000_000).count();
    assert!(readers >= 3, "{spent:?}");
    assert!(all_ready(&server));
}

#[test]
fn the_deadline_answers_with_what_there_is() {
    let server = Server::start(&["--workers", "1"]);
    let with_deadline = |document: Vec<u8>, ms: &str| {
        server.send_with_key(Request::post("/v1/ocr", document).header("X-Deadline-Ms", ms))
    };
    // No page is read in time.
    signal(server.spares(1)[0], Signal::STOP);
    let started = Instant::now();
    let reply = with_deadline(quick(), "300");
    assert_eq!(reply.problem().kind, ProblemKind::Deadline);
    assert!(started.elapsed() < Duration::from_secs(2));
    wait_for("the worker is replaced", || all_ready(&server));

    // The first page is read in time. The others are scans that take more than a second each.
    let dense = scan::dense_page();
    let (jpeg, (width, height)) = (scan::jpeg(&dense), dense.dimensions());
    let mut pdf = Pdf::default().text_page(&["quick"]);
    for _ in 0..20 {
        pdf = pdf.scan_page(&jpeg, width, height);
    }
    let answer = with_deadline(pdf.build(), "4000").answer();
    assert!(!answer.complete);
    assert_eq!(answer.pages.len(), 21);
    assert_eq!(answer.pages[0].status, PageStatus::Ok);
    assert_eq!(answer.pages[20].status, PageStatus::Skipped);
    assert!(
        answer.warnings[0].contains("before the deadline"),
        "{:?}",
        answer.warnings
    );
}

#[test]
fn a_full_service_sends_retry_after() {
    let server = Server::start(&["--workers", "1", "--queue", "2", "--page-timeout", "20s"]);
    let pid = server.spares(1)[0];
    signal(pid, Signal::STOP);
    let waiting = [
        in_background(&server, "", quick()),
        in_background(&server, "", quick()),
    ];
    thread::sleep(Duration::from_millis(300));
    let reply = server.ocr("", &quick());
    assert_eq!(reply.problem().kind, ProblemKind::Busy);
    assert!(reply.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    signal(pid, Signal::CONT);
    for answer in waiting {
        assert!(answer.join().unwrap().complete);
    }
    assert_eq!(server.ocr("", &quick()).status, 200);
}

#[test]
fn distributes_pages_to_all_workers() {
    let server = Server::start(&[]);
    let page = scan::page(&["Somewhat longer text on a page"]);
    let (answer, spent) = spent_by_workers(
        || server.workers(),
        || server.answer("", &scan::tiff(&vec![page; 4])),
    );
    assert!(answer.complete);
    let readers = spent.values().filter(|time| **time > 20_000_000).count();
    assert_eq!(readers, 2, "{spent:?}");
}

#[test]
fn workers_have_one_openmp_thread_and_no_environment_of_the_service() {
    let server = Server::start(&[]);
    for pid in server.spares(2) {
        let environment = fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
        assert!(environment.contains("OMP_THREAD_LIMIT=1\0"));
        assert!(environment.contains("ORT_DISABLE_TELEMETRY=1\0"));
        assert!(!environment.contains("TEST_SECRET"));
    }
    let threads = fs::read_dir(format!("/proc/{}/task", server.template())).unwrap();
    assert_eq!(threads.count(), 1, "a process that forks has one thread");
}

#[test]
fn readyz_reports_a_worker_that_can_t_start() {
    let server = Server::start_at("127.0.0.1:0", &["--languages", "eng,xyz"]);
    wait_for("the failure is reported", || {
        let (status, ready) = server.readiness();
        status == 503 && ready.workers.error.is_some()
    });
    wait_for("it is logged", || {
        server.log().contains("installed languages")
    });
    assert_eq!(server.send(&Request::get("/healthz")).status, 200);
}

#[test]
fn is_ready_within_a_second_and_a_half() {
    // Other tests run at the same time, so the best of three counts.
    let best = (0..3)
        .map(|_| {
            let directory = tempfile::tempdir().unwrap();
            let started = Instant::now();
            let server = Server::start_in(directory, String::new(), "127.0.0.1:0", &[]);
            server.wait_until_ready();
            started.elapsed()
        })
        .min()
        .unwrap();
    assert!(best < Duration::from_millis(1500), "{best:?}");
}
