//! Memory of a worker for A4 at 300 dpi, and its growth over many pages.
//!
//! `cargo bench -p ocr-service --bench memory`, after `service/fetch-pdfium.sh`; takes some minutes.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints, starts programs, and can't return errors"
)]

mod support;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use support::figures::{Wanted, show};
use support::service::{Server, scan};
use support::{cores, documents, load, measuring};

fn main() {
    let (pages, steps) = if measuring() { (1000, 10) } else { (4, 2) };
    let server = Server::start(&[]);
    // Few lines per page: memory is needed for the page's pixels and the model, and the time is spent on many pages.
    let lines = ["We write with regard to the goods which were delivered"; 6];
    let page = scan::page(&lines);
    let dense = scan::dense_page();
    let mut resident = Vec::new();
    let mut peak = 0.0;
    for _ in 0..steps {
        let mut step: Vec<Vec<u8>> = (1..pages / steps).map(|_| documents::png(&page)).collect();
        step.push(documents::png(&dense));
        let ended = AtomicBool::new(false);
        let (replies, most) = std::thread::scope(|scope| {
            let watcher = scope.spawn(|| most_until(&server, &ended));
            let (_, replies) = load::all(&server, "", step, cores());
            ended.store(true, Ordering::Relaxed);
            (replies, watcher.join().unwrap())
        });
        assert!(replies.iter().all(|reply| reply.answer().complete));
        resident.push(most);
        peak = most.max(peak);
    }
    println!(
        "{pages} pages of A4 at 300 dpi, 1 of {} dense; the larger of two workers:",
        pages / steps
    );
    show("peak", "MB", peak, &Wanted::AtMost(150.0));
    let base = resident[0];
    let off = resident
        .iter()
        .map(|now| (now / base - 1.0).abs() * 100.0)
        .fold(0.0, f64::max);
    show(
        "most resident in the first tenth",
        "MB",
        base,
        &Wanted::Nothing,
    );
    show(
        "furthest from that, in any later tenth",
        "%",
        off,
        &Wanted::AtMost(10.0),
    );
}

/// Peak memory of a worker, sampled at intervals, because a replaced worker's own peak is lost.
fn most_until(server: &Server, ended: &AtomicBool) -> f64 {
    let mut most = 0.0;
    loop {
        let last = ended.load(Ordering::Relaxed);
        most = largest(server).max(most);
        if last {
            return most;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Megabytes of the largest worker (proc(5)).
fn largest(server: &Server) -> f64 {
    let kilobytes = |pid: u32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        // A worker that has exited has no such line.
        let line = status.lines().find(|line| line.starts_with("VmRSS"));
        let Some(line) = line else {
            return 0.0;
        };
        let number = line.split_whitespace().nth(1).unwrap();
        number.parse::<f64>().unwrap()
    };
    server
        .workers()
        .into_iter()
        .map(kilobytes)
        .fold(0.0, f64::max)
        * 1024.0
        / 1e6
}
