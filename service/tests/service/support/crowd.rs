//! Clients that hold resources: they don't read, don't finish their requests, or send too much.
#![allow(dead_code, reason = "the tests and the benchmarks each use some of it")]

use std::fmt::Write as _;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::client::{Request, Stream, connect};
use super::hostile::Chance;
use super::pdf::Pdf;

const LINE: &str = "We write with regard to the goods which were delivered to us on the third";
const FORMATS: [&str; 5] = [
    "application/json",
    "text/plain",
    "text/html",
    "application/pdf",
    "application/x-ndjson",
];

/// A PDF with this many pages of text, each of which has some 45 KB of JSON.
pub(crate) fn book(pages: usize) -> Vec<u8> {
    let mut pdf = Pdf::default();
    for _ in 0..pages {
        pdf = pdf.text_page_of(11.0, &[LINE; 50]);
    }
    pdf.build()
}

/// A PDF with one page whose page tree states a million pages.
pub(crate) fn million_pages() -> Vec<u8> {
    let mut pdf = Pdf::default().text_page(&["the only one"]).build();
    let at = pdf
        .windows(7)
        .position(|window| window == b"/Count ")
        .unwrap();
    let end = at
        + 7
        + pdf[at + 7..]
            .iter()
            .position(|byte| !byte.is_ascii_digit())
            .unwrap();
    // The offsets behind it become wrong, so PDF readers search for the objects.
    pdf.splice(at + 7..end, *b"1000000");
    pdf
}

/// A form with a preamble of this many bytes.
pub(crate) fn form_with_preamble(length: usize) -> Request {
    let mut body = vec![b'x'; length];
    body.extend(b"\r\n--edge\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nnothing\r\n--edge--\r\n");
    Request::post("/v1/ocr", body).header("Content-Type", "multipart/form-data; boundary=edge")
}

/// Reads this many bytes at a time, with pauses, until the service has sent everything or the time is up.
fn read_slowly(stream: &mut dyn Stream, bytes: usize, pause: Duration, time: Duration) {
    let mut buffer = vec![0; bytes.max(1)];
    let end = Instant::now() + time;
    while Instant::now() < end {
        if bytes > 0 && !matches!(stream.read(&mut buffer), Ok(1..)) {
            return;
        }
        sleep(pause);
    }
}

/// Acts as a client of any kind, from connecting to disconnecting. Every reaction of the service is right.
pub(crate) fn misbehave(address: &str, key: &str, book: &[u8], chance: &mut Chance) {
    let Ok(mut stream) = connect(address) else {
        return;
    };
    let stream = &mut *stream;
    let stay = Duration::from_millis(chance.below(6000) as u64);
    let format = FORMATS[chance.below(FORMATS.len())];
    let ask = |path: &str| Request::post(path, book).key(key);
    let send = |stream: &mut dyn Stream, request: &Request| {
        let sent = stream.write_all(&request.head());
        sent.and_then(|()| stream.write_all(request.body())).is_ok()
    };
    match chance.below(10) {
        0 | 1 => {
            send(stream, &ask("/v1/ocr").header("Accept", format));
            sleep(stay);
        }
        2 => {
            send(stream, &ask("/v1/ocr").header("Accept", format));
            read_slowly(stream, 2000, Duration::from_millis(50), stay);
        }
        3 => {
            send(stream, &ask("/v1/ocr").header("Accept", format));
            read_slowly(stream, 1 << 16, Duration::ZERO, Duration::from_secs(20));
        }
        4 => {
            let path = ["/v1/inspect", "/v1/codes", "/v1/preview"][chance.below(3)];
            send(stream, &ask(path));
            sleep(stay);
        }
        5 => {
            // A head that never ends.
            let mut head = String::from("GET /v1/capacity HTTP/1.1\r\n");
            let _ = write!(head, "X: {}", "x".repeat(chance.below(400_000)));
            let _ = stream.write_all(head.as_bytes());
            sleep(stay);
        }
        6 => {
            let one = Request::get("/openapi.json").head();
            let _ = stream.write_all(&one.repeat(20));
            sleep(stay);
        }
        7 => {
            // An upload that breaks off.
            let request = Request::post("/v1/ocr", vec![b'%'; 7_000_000]).key(key);
            let part = chance.below(request.body().len());
            let _ = stream.write_all(&request.head());
            let _ = stream.write_all(&request.body()[..part]);
            sleep(stay);
        }
        8 => {
            let names = ["a", "b", "c"];
            let name = names[chance.below(names.len())];
            let request = ask("/v1/ocr").header("Idempotency-Key", name);
            send(stream, &request.header("Accept", format));
            sleep(stay);
        }
        _ => {
            send(stream, &form_with_preamble(5_000_000).key(key));
            sleep(stay);
        }
    }
}
