//! Timing of refusals, which must not reveal what was wrong with the key. All kinds of refusal are measured in random
//! order in one run, first the verdict alone, then over HTTP. The Mann–Whitney test compares each kind with all others.
//!
//! `cargo bench -p ocr-service --bench refusals`. By chance alone, |z| is above 3 in 3 of 1,000 rows. The verdict alone
//! is timed so often that a few nanoseconds are visible. Over HTTP, where clients are, no difference may be visible.
//! The last row is a refusal with one more header, which shows what the test can detect there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a benchmark prints, and can't return errors"
)]
#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the tests, which use all of it"
)]
#[path = "../tests/service/support/mod.rs"]
mod support;

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::time::Instant;

use jiff::Timestamp;
use ocr_api::keys::{ApiKey, KeyFile, KeyRecord, Scope};
use support::client::{connect, read_reply};
use support::process::wait_for;
use support::{Request, Server};

const KINDS: [&str; 8] = [
    "missing",
    "malformed",
    "too short",
    "unknown",
    "expired",
    "revoked",
    "no scope",
    "(control)",
];
/// Keys in the file besides those that are refused.
const OTHERS: usize = 100;

fn main() {
    // `cargo test --benches` runs this too. A few rounds show that it works.
    let full = std::env::args().any(|arg| arg == "--bench");
    let (verdicts, requests) = if full { (100_000, 3_000) } else { (100, 10) };
    let (file, presented) = keys();

    let now = Timestamp::now();
    let mut times = vec![Vec::new(); KINDS.len() - 1];
    for kind in order(KINDS.len() - 1, verdicts) {
        let text = presented[kind].as_deref();
        let began = Instant::now();
        let verdict = black_box(&file).verify(black_box(text), &[Scope::Ocr], now);
        times[kind].push(began.elapsed().as_nanos() as f64);
        assert!(verdict.is_err());
    }
    show("the verdict alone, ns", &times);

    let server = Server::start_on_socket(&["--workers", "1"]);
    std::fs::write(server.keys_file(), file.to_json()).unwrap();
    wait_for("the keys are loaded", || {
        server.readiness().1.keys.digest == Some(file.digest())
    });
    let mut stream = connect(&server.address).unwrap();
    let mut times = vec![Vec::new(); KINDS.len()];
    for (at, kind) in order(KINDS.len(), requests).into_iter().enumerate() {
        // Each comes from its own address, because an address that has failed often has to wait.
        let from = Ipv4Addr::from_bits(0x0a00_0000 + u32::try_from(at).unwrap());
        let mut request =
            Request::post("/v1/ocr", Vec::new()).header("X-Forwarded-For", &from.to_string());
        match presented.get(kind) {
            Some(Some(key)) => request = request.key(key),
            Some(None) => {}
            None => {
                request = request
                    .key(presented[3].as_deref().unwrap())
                    .header("X-More", "1")
            }
        }
        let head = request.head();
        let began = Instant::now();
        stream.write_all(&head).unwrap();
        let reply = read_reply(&mut *stream).unwrap();
        times[kind].push(began.elapsed().as_nanos() as f64 / 1000.0);
        assert_eq!(reply.status, 403);
    }
    show("over HTTP on a Unix socket, µs", &times);
}

/// A key file, and the presented text for each kind of refusal.
fn keys() -> (KeyFile, Vec<Option<String>>) {
    let now = Timestamp::now();
    let key = || ApiKey::generate().unwrap();
    let record = |key: &ApiKey| KeyRecord::new(key, "client", vec![Scope::Ocr], now);
    let (expired, revoked, scope) = (key(), key(), key());
    let mut records: Vec<KeyRecord> = (0..OTHERS).map(|_| record(&key())).collect();
    let mut bad = [record(&expired), record(&revoked), record(&scope)];
    bad[0].expires = Some(now);
    bad[1].revoked = Some(now);
    bad[2].scopes = vec![Scope::Metrics];
    records.splice(OTHERS / 2..OTHERS / 2, bad);
    let file = KeyFile {
        keys: records,
        ..KeyFile::default()
    };
    let unknown = key().reveal().to_owned();
    let malformed = format!("{}--{}", &unknown[..30], &unknown[32..]);
    let text = |key: &ApiKey| Some(key.reveal().to_owned());
    let presented = vec![
        None,
        Some(malformed),
        Some("ocrk_guess".to_owned()),
        Some(unknown),
        text(&expired),
        text(&revoked),
        text(&scope),
    ];
    (file, presented)
}

/// Each kind this many times, in random order.
fn order(kinds: usize, times: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..kinds * times).map(|at| at % kinds).collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for at in (1..order.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        order.swap(at, usize::try_from(state % (at as u64 + 1)).unwrap());
    }
    order
}

fn show(what: &str, times: &[Vec<f64>]) {
    println!("{what:<34} {:>9} {:>9} {:>7}", "median", "p90", "z");
    for (kind, own) in times.iter().enumerate() {
        let others: Vec<f64> = (0..7.min(times.len()))
            .filter(|other| *other != kind)
            .flat_map(|other| times[other].iter().copied())
            .collect();
        let mut sorted = own.clone();
        sorted.sort_by(f64::total_cmp);
        let at = |part: f64| sorted[((sorted.len() - 1) as f64 * part) as usize];
        println!(
            "  {:<32} {:>9.2} {:>9.2} {:>7.2}",
            KINDS[kind],
            at(0.5),
            at(0.9),
            mann_whitney(own, &others)
        );
    }
}

/// Standard score of the rank sum (ties get their mean rank).
fn mann_whitney(a: &[f64], b: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = a.iter().map(|x| (*x, true)).collect();
    all.extend(b.iter().map(|x| (*x, false)));
    all.sort_by(|x, y| x.0.total_cmp(&y.0));
    let (mut ranks, mut ties, mut at) = (0.0, 0.0, 0);
    while at < all.len() {
        let end = at + all[at..].iter().take_while(|x| x.0 == all[at].0).count();
        let tied = (end - at) as f64;
        let mean = (at + end + 1) as f64 / 2.0;
        ranks += mean * all[at..end].iter().filter(|x| x.1).count() as f64;
        ties += tied.powi(3) - tied;
        at = end;
    }
    let (n, m) = (a.len() as f64, b.len() as f64);
    let total = n + m;
    let variance = n * m / 12.0 * ((total + 1.0) - ties / (total * (total - 1.0)));
    (ranks - n * (total + 1.0) / 2.0) / variance.sqrt()
}
