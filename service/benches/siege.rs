//! Memory of the service, and time of another client's page, during many attacks at once: PDFs that state a million
//! pages, clients that request megabytes and don't read them, and forms that don't begin.
//!
//! `cargo bench -p ocr-service --bench siege` (after `service/fetch-pdfium.sh`). The limits are the defaults, with two
//! workers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, starts programs, and can't return errors"
)]

mod support;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::figures::{Wanted, median, millis, show};
use support::service::client::{connect, read_reply};
use support::service::pdf::Pdf;
use support::service::process::{children, resident};
use support::service::server::new_key;
use support::service::{Request, Server, crowd};

const MB: f64 = 1e6;
const MILLIONS: usize = 16;
const NON_READERS: usize = 45;
const PREAMBLES: usize = 34;
/// Limit for all processes together.
const ALL: f64 = 2048.0 * 1.048_576;
/// Limit of the serving process by default, as docs/service.md states it.
const SERVING: f64 = 512.0 + 64.0 + 64.0 + 512.0 / 4.0;

fn main() {
    let time = Duration::from_secs(if support::measuring() { 40 } else { 5 });
    let server = Server::start(&["--workers", "2", "--cache", "64MB"]);
    let other = new_key(&server.keys_file(), "other");
    thread::sleep(Duration::from_secs(2));
    let idle = resident(server.pid()) as f64;
    let (serving, together) = (AtomicU64::new(0), AtomicU64::new(0));
    let done = AtomicBool::new(false);
    let statuses = Mutex::new(BTreeMap::<String, usize>::new());
    let note = |what: &str, status: String| {
        *statuses
            .lock()
            .unwrap()
            .entry(format!("{what}: {status}"))
            .or_default() += 1;
    };
    let book = crowd::book(800);
    let mut times = Vec::new();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                serving.fetch_max(resident(server.pid()), Ordering::Relaxed);
                together.fetch_max(of_all(server.pid()), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(20));
            }
        });
        let send = |what: &'static str, request: Request| {
            let (server, note) = (&server, &note);
            scope.spawn(move || {
                let mut stream = connect(&server.address).unwrap();
                let sent = stream.write_all(&request.head());
                // A service that refuses the request may not read all of it.
                let _ = sent.and_then(|()| stream.write_all(request.body()));
                match read_reply(&mut *stream) {
                    Ok(reply) => note(what, reply.status.to_string()),
                    Err(_) => note(what, "cut off".to_owned()),
                }
            });
        };
        let million = crowd::million_pages();
        for _ in 0..MILLIONS {
            let request = Request::post("/v1/ocr", million.clone()).key(&server.key);
            send("a million pages", request);
        }
        for _ in 0..PREAMBLES {
            let request = crowd::form_with_preamble(45_000_000).key(&server.key);
            send("a preamble", request);
        }
        for number in 0..NON_READERS {
            // Each is a different document, so that none is cached.
            let document = [&book[..], format!("% {number}\n").as_bytes()].concat();
            let (server, done) = (&server, &done);
            scope.spawn(move || {
                let mut stream = connect(&server.address).unwrap();
                let request = Request::post("/v1/ocr", document).key(&server.key);
                let sent = stream.write_all(&request.head());
                let _ = sent.and_then(|()| stream.write_all(request.body()));
                while !done.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(50));
                }
            });
        }
        let page = Pdf::default().text_page(&["of another client"]).build();
        let began = Instant::now();
        while began.elapsed() < time {
            let sent = Instant::now();
            let page = [&page[..], format!("% {}\n", times.len()).as_bytes()].concat();
            let reply = server.send(&Request::post("/v1/ocr", page).key(&other));
            times.push(millis(sent.elapsed()));
            note("another client", reply.status.to_string());
            thread::sleep(Duration::from_millis(20));
        }
        done.store(true, Ordering::Relaxed);
    });
    thread::sleep(Duration::from_secs(5));
    let after = resident(server.pid()) as f64;
    println!(
        "{MILLIONS} PDFs of a million pages, {NON_READERS} non-readers, {PREAMBLES} preambles, all at once:"
    );
    for (what, count) in statuses.into_inner().unwrap() {
        println!("  {count:5} × {what}");
    }
    let count = times.len();
    let half = median(&mut times);
    show("another client's pages", "", count as f64, &Wanted::Nothing);
    show("its page, the median", "ms", half, &Wanted::Nothing);
    show(
        "its page, 99 of 100",
        "ms",
        times[count * 99 / 100],
        &Wanted::AtMost(1000.0),
    );
    show(
        "the serving process, idle before",
        "MB",
        idle / MB,
        &Wanted::Nothing,
    );
    let most = serving.into_inner() as f64 / MB;
    show(
        "the serving process, at most",
        "MB",
        most,
        &Wanted::AtMost(SERVING),
    );
    show(
        "the serving process, five seconds after",
        "MB",
        after / MB,
        &Wanted::AtMost(100.0),
    );
    let all = together.into_inner() as f64 / MB;
    show("with its workers, at most", "MB", all, &Wanted::AtMost(ALL));
}

/// Memory of a process and all its descendants. Shared pages count once for each.
fn of_all(pid: u32) -> u64 {
    let below = children(pid).into_iter().map(of_all);
    resident(pid) + below.sum::<u64>()
}
