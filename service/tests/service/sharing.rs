//! One page read by all idle workers: the words are the same, and losing one of the workers does no harm.

use std::thread;
use std::time::{Duration, Instant};

use image::GrayImage;
use ocr_api::answer::{Answer, Page};
use rustix::process::Signal;

use crate::support::process::{on_core, signal, spent_by_workers, wait_for};
use crate::support::prose::{self, Layout, Wear};
use crate::support::{Request, Server};

const SCAN: Wear = Wear {
    degrees: 0.3,
    dpi: 300,
    blur: 0.6,
    noise: 12,
    quality: 60,
};

/// Seconds on a core that the two busiest workers spend on a document.
fn spent(server: &Server, document: &[u8]) -> (Answer, Vec<f64>) {
    let (answer, spent) = spent_by_workers(
        || server.workers(),
        || server.answer("?codes=none", document),
    );
    let mut spent: Vec<f64> = spent.values().map(|time| *time as f64 / 1e9).collect();
    spent.sort_unstable_by(|a, b| b.total_cmp(a));
    spent.truncate(2);
    (answer, spent)
}

fn words(page: &Page) -> Vec<&str> {
    page.words.iter().map(|word| word.text.as_str()).collect()
}

#[test]
fn a_shared_page_has_the_same_text() {
    let one = Server::start(&["--workers", "1", "--page-timeout", "120s"]);
    let two = Server::start(&["--workers", "2", "--page-timeout", "120s"]);
    let prose = prose::page(Layout::Letter, 5);
    for document in [Wear::NONE.jpeg(&prose.image), SCAN.jpeg(&prose.image)] {
        let (whole, _) = spent(&one, &document);
        let (shared, spent) = spent(&two, &document);
        let (whole, shared) = (&whole.pages[0], &shared.pages[0]);
        let (least, most) = (spent[0].min(spent[1]), spent[0].max(spent[1]));
        assert!(least > most * 0.5, "both read about half of it: {spent:?}");
        assert!(
            prose::recall(&prose.words, &shared.text)
                >= prose::recall(&prose.words, &whole.text) - 0.002
        );
        // Words have the same places as on the whole page.
        assert_eq!(words(whole).len(), words(shared).len());
        for (whole, shared) in whole.words.iter().zip(&shared.words) {
            for (a, b) in whole.bounds.iter().zip(shared.bounds) {
                // Edges lie between words where ink is thin.
                assert!((a - b).abs() <= 10, "{whole:?} {shared:?}");
            }
        }
    }
}

#[test]
fn does_not_cut_columns_and_tables() {
    let two = Server::start(&["--workers", "2", "--page-timeout", "120s"]);
    for layout in [Layout::Columns, Layout::Invoice] {
        let prose = prose::page(layout, 2);
        let (answer, spent) = spent(&two, &SCAN.jpeg(&prose.image));
        let least = spent[0].min(spent[1]);
        // Time to make a worker ready for the next document, and to end one.
        assert!(least < 0.05, "{layout:?} {spent:?}");
        assert!(prose::recall(&prose.words, &answer.pages[0].text) > 0.97);
    }
}

fn read_in_background(server: &Server, page: &GrayImage) -> thread::JoinHandle<Answer> {
    let request = Request::post("/v1/ocr", SCAN.jpeg(page)).key(&server.key);
    let address = server.address.clone();
    thread::spawn(move || request.send(&address).answer())
}

/// Kills or stops one of two workers while it helps the other.
fn lose_a_helper(how: Signal) {
    let server = Server::start(&["--workers", "2", "--page-timeout", "120s"]);
    let prose = prose::page(Layout::Letter, 5);
    let before: Vec<(u32, u64)> = server
        .spares(2)
        .into_iter()
        .map(|pid| (pid, on_core(pid)))
        .collect();
    let started = Instant::now();
    let answer = read_in_background(&server, &prose.image);
    // The owner decodes the page first. The other worker becomes busy when it helps.
    let busy = |pid: u32, before: u64| on_core(pid) > before + 20_000_000;
    let mut first = None;
    wait_for("both are busy", || {
        let working: Vec<u32> = before
            .iter()
            .filter(|(pid, before)| busy(*pid, *before))
            .map(|(pid, _)| *pid)
            .collect();
        if let [only] = working.as_slice() {
            first = Some(*only);
        }
        working.len() == 2
    });
    let owner = first.expect("one decodes before the other helps");
    let helper = before.iter().find(|(pid, _)| *pid != owner).unwrap().0;
    signal(helper, how);
    let answer = answer.join().unwrap();
    assert!(answer.complete, "{:?}", answer.warnings);
    assert!(prose::recall(&prose.words, &answer.pages[0].text) > 0.99);
    assert!(
        started.elapsed() < Duration::from_secs(28),
        "not by the page's time-out"
    );
    wait_for("the helper is replaced", || {
        let (_, ready) = server.readiness();
        ready.workers.ready == 2 && !server.spares(2).contains(&helper)
    });
}

#[test]
fn losing_a_helper_loses_no_page() {
    lose_a_helper(Signal::KILL);
}

#[test]
fn does_not_wait_for_a_helper_that_hangs() {
    lose_a_helper(Signal::STOP);
}
