//! Memory of the serving process, whatever clients do.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::load::another_key;
use crate::seen;
use crate::support::client::{connect, read_some};
use crate::support::crowd;
use crate::support::hostile::Chance;
use crate::support::pdf::Pdf;
use crate::support::process::{resident, wait_for};
use crate::support::{Request, Server};

const MB: u64 = 1_000_000;
/// The bound that docs/service.md states: for the program itself, for each connection, and for what a worker is handing
/// over.
fn stated(memory: u64, cache: u64, connections: u64) -> u64 {
    memory + cache + 64 * MB + connections * MB / 4
}

/// Bytes that requests hold, according to the service's own account.
fn account(server: &Server) -> f64 {
    seen::metrics(server)["ocr_document_bytes"]
}

#[test]
fn bounds_memory_and_serves_others_whatever_clients_do() {
    const CLIENTS: u64 = 40;
    const TIME: Duration = Duration::from_secs(25);
    let server = Server::start(&[
        "--memory",
        "64MB",
        "--cache",
        "8MB",
        "--max-upload",
        "8MB",
        "--connections",
        "128",
    ]);
    let other = another_key(&server);
    let book = crowd::book(60);
    let page = Pdf::default().text_page(&["of another client"]).build();
    let (most, done) = (AtomicU64::new(0), AtomicBool::new(false));
    let (mut served, mut slowest) = (0, Duration::ZERO);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                most.fetch_max(resident(server.pid()), Ordering::Relaxed);
                thread::sleep(Duration::from_millis(10));
            }
        });
        for seed in 1..=CLIENTS {
            let (server, book, done) = (&server, &book, &done);
            scope.spawn(move || {
                let mut chance = Chance::new(seed);
                while !done.load(Ordering::Relaxed) {
                    crowd::misbehave(&server.address, &server.key, book, &mut chance);
                }
            });
        }
        let began = Instant::now();
        while began.elapsed() < TIME {
            let sent = Instant::now();
            // Each is a different document, so each is read.
            let page = [&page[..], format!("% {served}\n").as_bytes()].concat();
            let reply = server.send(&Request::post("/v1/ocr", page).key(&other));
            assert_eq!(reply.answer().pages[0].text, "of another client\n");
            served += 1;
            slowest = slowest.max(sent.elapsed());
        }
        done.store(true, Ordering::Relaxed);
    });
    let most = most.into_inner();
    println!(
        "at most {} MB; {served} pages of another client, the slowest after {} ms",
        most / MB,
        slowest.as_millis()
    );
    let stated = stated(64 * MB, 8 * MB, 128);
    assert!(most <= stated, "{most} of {stated} bytes");
}

#[test]
fn charges_answers_until_they_are_read_and_disconnects_clients_that_do_not_read() {
    let server = seen::start(&["--workers", "1"]);
    let book = crowd::book(150);
    let ask = |accept: &str| {
        let mut stream = connect(&server.address).unwrap();
        Request::post("/v1/ocr", book.clone())
            .key(&server.key)
            .header("Accept", accept)
            .send_over(&mut *stream);
        stream
    };
    for accept in ["application/json", "application/x-ndjson"] {
        let mut stream = ask(accept);
        wait_for("the answer is ready and charged", || {
            account(&server) > 1e6 && seen::metrics(&server)["ocr_pages_left"] == 0.0
                || accept == "application/x-ndjson" && account(&server) > 1e5
        });
        wait_for(
            "the client is disconnected and nothing is charged any more",
            || account(&server) == 0.0,
        );
        let mut buffer = vec![0; 1 << 16];
        let mut read = 0;
        while let Ok(some @ 1..) = read_some(&mut *stream, &mut buffer) {
            read += some;
        }
        assert!((1..4_000_000).contains(&read), "{accept}: {read} bytes");
    }
}

#[test]
fn returns_memory_when_idle() {
    let server = seen::start(&["--memory", "512MB"]);
    let before = resident(server.pid());
    let book = crowd::book(400);
    thread::scope(|scope| {
        for _ in 0..5 {
            scope.spawn(|| assert!(server.answer("", &book).complete));
        }
    });
    wait_for("it has about as much memory as before", || {
        resident(server.pid()) < before + 24 * MB
    });
}
