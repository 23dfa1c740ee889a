//! Time until a worker is free for another client after a client disconnects, at any moment of a page.
//!
//! `cargo bench -p ocr-service --bench hang_up` (after `service/fetch-pdfium.sh`). There is one worker. The measured
//! time ends when its replacement has answered another client's document. That document's own time is printed next to
//! it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, starts programs, and can't return errors"
)]
#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the tests, which use all of it"
)]
#[path = "../tests/service/support/mod.rs"]
mod support;

use std::time::{Duration, Instant};

use support::client::connect;
use support::pdf::Pdf;
use support::process::{ticks, wait_for};
use support::{Request, Server, scan};

const ROUNDS: u64 = 30;
/// Processor time of a worker between two moments at which clients disconnect, in clock ticks of 10 ms.
const STEP: u64 = 6;

fn main() {
    // `cargo test --benches` runs this too. A few rounds show that it works.
    let rounds = if std::env::args().any(|arg| arg == "--bench") {
        ROUNDS
    } else {
        3
    };
    let server = Server::start(&["--workers", "1"]);
    let dense = scan::png(&scan::dense_page());
    let quick = Pdf::default().text_page(&["quick"]).build();
    let read_quick = || {
        let started = Instant::now();
        assert!(server.answer("", &quick).complete);
        started.elapsed()
    };
    let (mut alone, mut hung_up) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        alone.push(read_quick());
        let pid = server.spares(1)[0];
        let mut stream = connect(&server.address).unwrap();
        Request::post("/v1/ocr", dense.clone())
            .key(&server.key)
            .send_over(&mut *stream);
        let start = ticks(pid);
        wait_for("it is at the page", || ticks(pid) > start + round * STEP);
        drop(stream);
        hung_up.push(read_quick());
        wait_for("the worker is ready", || server.readiness().0 == 200);
    }
    println!("Until another client has its answer:");
    for (name, times) in [
        ("a client had hung up", &mut hung_up),
        ("no client had hung up", &mut alone),
    ] {
        times.sort_unstable();
        let millis = |at: usize| {
            times
                .get(at)
                .map_or(0.0, |time: &Duration| time.as_secs_f64() * 1000.0)
        };
        println!(
            "  {name:32} {:3} times, median {:4.0} ms, most {:4.0} ms",
            times.len(),
            millis(times.len() / 2),
            millis(times.len().saturating_sub(1)),
        );
    }
}
