//! Content of documents in the memory of workers: of at most one document in a worker, and of none in the template.
//!
//! `OCR_TEST_DOCUMENTS=1000` sends that many. The test reads `/proc/PID/mem`, because an attacker in a worker can read
//! the worker's own memory.

#![allow(
    clippy::disallowed_methods,
    reason = "the environment sets the number of documents"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use image::{GrayImage, Luma};
use regex::bytes::Regex;
use rustix::io::Errno;

use crate::load::another_key;
use crate::support::pdf::Pdf;
use crate::support::process::has_ended;
use crate::support::{Request, Server, scan};

const DOCUMENTS: &str = "OCR_TEST_DOCUMENTS";
const FEW: u32 = 60;
/// Pixels that no page has by chance, before the digits of a document's number as pixels.
const PIXELS: [u8; 6] = [0xf1, 0x02, 0xe3, 0x14, 0xd5, 0x26];

/// Digits of a document's number, and each digit's complement to nine. If memory is reused, words in it may have a
/// digit of another document. Without the complement, that would look like a third document's number.
fn digits(document: u32) -> String {
    let number = format!("{document:06}");
    let complement: String = number.bytes().map(complement).map(char::from).collect();
    number + &complement
}

fn complement(digit: u8) -> u8 {
    b'0' + b'9' - digit
}

/// The number with these digits. `None` if it is not that of a document.
fn number(digits: &[u8]) -> Option<u32> {
    let (number, complements) = digits.split_at(digits.len() / 2);
    let whole = number
        .iter()
        .copied()
        .map(complement)
        .eq(complements.iter().copied());
    whole
        .then(|| std::str::from_utf8(number).ok()?.parse().ok())
        .flatten()
}

/// A word that identifies a document in any text.
fn word(document: u32) -> String {
    format!("Qzmk{}", digits(document))
}

/// Pages of text with the document's word.
fn text(document: u32) -> Vec<u8> {
    let word = word(document);
    let line = format!("The word is {word} and nothing else");
    (0..40)
        .fold(Pdf::default(), |pdf, _| pdf.text_page(&[line.as_str(); 20]))
        .build()
}

/// A picture of text with the document's number in a row of pixels.
fn picture(of: &GrayImage, document: u32) -> Vec<u8> {
    let mut picture = of.clone();
    for (x, value) in PIXELS
        .into_iter()
        .chain(digits(document).bytes())
        .enumerate()
    {
        picture.put_pixel(100 + x as u32, 2, Luma([value]));
    }
    scan::png(&picture)
}

/// Search for numbers of documents in a process's memory: as words in UTF-8, UTF-16 and UTF-32, and as pixels.
struct Search(Regex);

impl Search {
    fn new() -> Self {
        let wide = |zeros: &str| {
            let letters: String = "Qzmk".chars().map(|c| format!("{c}{zeros}")).collect();
            format!("{letters}(?:[0-9]{zeros}){{12}}")
        };
        let pixels: String = PIXELS.iter().map(|byte| format!(r"\x{byte:02x}")).collect();
        let pattern = format!(
            "(?-u)Qzmk[0-9]{{12}}|{}|{}|{pixels}[0-9]{{12}}",
            wide(r"\x00"),
            wide(r"\x00\x00\x00")
        );
        Self(Regex::new(&pattern).unwrap())
    }

    fn of(&self, pid: u32) -> BTreeSet<u32> {
        let mut found = BTreeSet::new();
        let maps = fs::read_to_string(format!("/proc/{pid}/maps")).unwrap_or_default();
        let memory = match File::open(format!("/proc/{pid}/mem")) {
            Ok(memory) => memory,
            // The process has exited.
            Err(error)
                if maps.is_empty()
                    || has_ended(pid)
                    || error.raw_os_error() == Some(Errno::SRCH.raw_os_error()) =>
            {
                return found;
            }
            Err(error) => panic!("the memory of {pid} can't be read: {error}"),
        };
        for line in maps.lines() {
            let mut fields = line.split_whitespace();
            let range = fields.next().unwrap().split_once('-').unwrap();
            let address = |text| u64::from_str_radix(text, 16).unwrap();
            let (start, end) = (address(range.0), address(range.1));
            if !fields.next().unwrap().starts_with("rw") {
                continue;
            }
            let mut bytes = vec![0; (end - start) as usize];
            // Fails at unmapped addresses.
            let Ok(length) = memory.read_at(&mut bytes, start) else {
                continue;
            };
            for hit in self.0.find_iter(&bytes[..length]) {
                let mut digits = hit.as_bytes().to_vec();
                digits.retain(u8::is_ascii_digit);
                found.extend(number(&digits));
            }
        }
        found
    }
}

/// Start time of a process. Together with it, a process id is unique.
fn began(pid: u32) -> Option<String> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = stat.rsplit(')').next()?.split_whitespace();
    fields.map(str::to_owned).nth(19)
}

#[test]
fn the_memory_of_a_worker_has_nothing_of_another_document() {
    let count = std::env::var(DOCUMENTS).map_or(FEW, |count| count.parse().unwrap());
    let server = Server::start(&["--workers", "2"]);
    let keys = [server.key.clone(), another_key(&server)];
    let page = scan::page(&["The same words in each of the pictures"]);
    let page = image::imageops::crop_imm(&page, 0, 200, 2480, 600).to_image();
    let done = AtomicBool::new(false);
    let found = thread::scope(|scope| {
        let clients: Vec<_> = (0..2)
            .map(|client| {
                let (server, key, page) = (&server, &keys[client as usize], &page);
                scope.spawn(move || {
                    for document in (client..count).step_by(2) {
                        let bytes = match document / 2 % 2 {
                            0 => text(document),
                            _ => picture(page, document),
                        };
                        let reply = Request::post("/v1/ocr", bytes)
                            .key(key)
                            .send(&server.address);
                        assert!(reply.answer().complete);
                    }
                })
            })
            .collect();
        let watcher = scope.spawn(|| {
            let search = Search::new();
            let mut found: BTreeMap<(u32, String), BTreeSet<u32>> = BTreeMap::new();
            while !done.load(Ordering::Relaxed) {
                for pid in server.workers() {
                    if let Some(began) = began(pid) {
                        found
                            .entry((pid, began))
                            .or_default()
                            .extend(search.of(pid));
                    }
                }
                assert_eq!(search.of(server.template()), BTreeSet::new());
            }
            found
        });
        clients
            .into_iter()
            .for_each(|client| client.join().unwrap());
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    for (process, documents) in &found {
        assert!(documents.len() <= 1, "{process:?} has {documents:?}");
    }
    // Check of the search itself: documents were seen in their own workers.
    let seen: BTreeSet<u32> = found.into_values().flatten().collect();
    let (texts, pictures): (Vec<u32>, Vec<u32>) =
        seen.iter().partition(|document| *document / 2 % 2 == 0);
    println!(
        "{} of {count} documents were seen in a worker, {} of them as text",
        seen.len(),
        texts.len()
    );
    assert!(!texts.is_empty() && !pictures.is_empty(), "{seen:?}");
    for pid in server.spares(2) {
        assert_eq!(Search::new().of(pid), BTreeSet::new());
    }
}
