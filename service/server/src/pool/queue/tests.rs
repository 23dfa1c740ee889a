//! Whose turn it is, and what may be done beside what.

use ocr_api::answer::DocumentType;
use ocr_protocol::{How, Task};
use tokio::sync::oneshot;

use super::waiting::{ALONE_AFTER, PATIENCE};
use super::*;
use crate::document::{Document, Open, Owner};
use crate::memory::Account;
use crate::pool::job::Outcome;

/// A page of a key that may have `most` under way.
fn job(key: &str, page: u32, most: Option<u32>) -> (Job, oneshot::Receiver<Outcome>) {
    job_of(1, key, page, most)
}

fn job_of(id: u64, key: &str, page: u32, most: Option<u32>) -> (Job, oneshot::Receiver<Outcome>) {
    let document = Arc::new(Document {
        id,
        kind: DocumentType::Pdf,
        bytes: bytes::Bytes::new(),
        sha256: String::new(),
        languages: String::new(),
        password: None,
        owner: Owner {
            key: key.into(),
            concurrent_pages: most,
        },
        charge: Account::unlimited().charge(),
        open: Open::default(),
    });
    let how = How::default();
    Job::new(document, Task::Read { page, how })
}

fn name(job: &Job) -> String {
    let Task::Read { page, .. } = job.item.task else {
        return String::new();
    };
    format!("{}{page}", job.key())
}

/// The jobs in the order in which workers get them, each done before the next is asked for.
fn drain(queue: &Queue) -> Vec<String> {
    let mut order = Vec::new();
    let next = || queue.waiting().next(None, Instant::now(), &|_| true);
    while let Some(job) = next() {
        drop(Turn {
            queue: queue.clone(),
            key: Arc::clone(job.key()),
            alone: job.item.alone,
        });
        order.push(name(&job));
    }
    order
}

#[test]
fn keys_take_turns_and_each_keeps_its_order() {
    let queue = Queue::default();
    let mut answers = Vec::new();
    for (key, page) in [
        ("a", 1),
        ("a", 2),
        ("a", 3),
        ("a", 4),
        ("b", 1),
        ("c", 1),
        ("b", 2),
    ] {
        let (job, answer) = job(key, page, None);
        answers.push(answer);
        queue.push(job);
    }
    assert_eq!(queue.length().waiting, 7);
    assert_eq!(queue.ahead_of("d"), 3, "one of each");
    assert_eq!(queue.ahead_of("c"), 1 + 2 + 2);
    assert_eq!(queue.ahead_of("a"), 7);
    assert_eq!(drain(&queue), ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]);
    assert_eq!(queue.length(), QueueLength::default());
    assert!(queue.waiting().lines.is_empty(), "nothing is kept of a key");
}

#[test]
fn what_nobody_waits_for_takes_no_turn_and_what_comes_back_is_first() {
    let queue = Queue::default();
    let (gone, answer) = job("a", 1, None);
    queue.push(gone);
    drop(answer);
    let (second, _second) = job("a", 2, None);
    let (other, _other) = job("b", 1, None);
    queue.push(second);
    queue.push(other);
    let (again, _again) = job("c", 9, None);
    queue.push_first(again);
    let (again, _again) = job("b", 0, None);
    queue.push_first(again);
    assert_eq!(drain(&queue), ["b0", "c9", "a2", "b1"]);
}

#[tokio::test]
async fn a_key_has_no_more_under_way_than_it_may_and_others_pass_it() {
    let queue = Queue::default();
    let mut answers = Vec::new();
    for (key, page, most) in [
        ("a", 1, Some(1)),
        ("a", 2, Some(1)),
        ("b", 1, None),
        ("b", 2, None),
    ] {
        let (job, answer) = job(key, page, most);
        answers.push(answer);
        queue.push(job);
    }
    let (first, turn) = queue.pop(None, |_| true).await;
    assert_eq!(name(&first), "a1");
    let (second, _b1) = queue.pop(None, |_| true).await;
    let (third, _b2) = queue.pop(None, |_| true).await;
    assert_eq!([name(&second), name(&third)], ["b1", "b2"]);
    let waiting = queue.clone();
    let last = tokio::spawn(async move { name(&waiting.pop(None, |_| true).await.0) });
    tokio::task::yield_now().await;
    assert!(!last.is_finished(), "a's second page waits for its first");
    drop(turn);
    assert_eq!(last.await.unwrap(), "a2");
}

#[test]
fn a_key_that_may_have_no_worker_yet_is_passed_by_the_others() {
    let queue = Queue::default();
    let mut answers = Vec::new();
    for (key, page) in [("a", 1), ("b", 1), ("a", 2)] {
        let (job, answer) = job(key, page, None);
        answers.push(answer);
        queue.push(job);
    }
    let next = |may: &dyn Fn(&str) -> bool| {
        let job = queue.waiting().next(Some(1), Instant::now(), may);
        job.map(|job| name(&job))
    };
    assert_eq!(next(&|key| key != "a").as_deref(), Some("b1"));
    assert_eq!(next(&|key| key != "a"), None);
    assert_eq!(next(&|_| true).as_deref(), Some("a1"));
    assert_eq!(next(&|_| true).as_deref(), Some("a2"));
}

#[test]
fn what_is_done_alone_waits_for_the_others_to_end_but_not_for_long() {
    let queue = Queue::default();
    let mut answers = Vec::new();
    let mut push = |key, alone| {
        let (mut job, answer) = job(key, 1, None);
        job.item.alone = alone;
        answers.push(answer);
        queue.push(job);
    };
    let now = Instant::now();
    let next = |at| {
        let job = queue.waiting().next(None, at, &|_| true)?;
        let turn = Turn {
            queue: queue.clone(),
            key: Arc::clone(job.key()),
            alone: job.item.alone,
        };
        Some((name(&job), turn))
    };
    push("busy", false);
    let busy = next(now).unwrap();
    push("a", true);
    push("b", true);
    push("c", false);
    let other = next(now).unwrap();
    assert_eq!(other.0, "c1", "others go on");
    assert!(next(now).is_none());
    let later = now + 2 * ALONE_AFTER;
    let first = next(later).unwrap();
    assert_eq!(first.0, "a1");
    assert!(next(later).is_none(), "one at a time");
    drop((busy, other, first));
    assert_eq!(next(now).unwrap().0, "b1");
}

#[test]
fn a_worker_goes_on_with_its_document_while_the_others_wait_for_a_moment() {
    let queue = Queue::default();
    let mut answers = Vec::new();
    let mut push = |id, key, page| {
        let (job, answer) = job_of(id, key, page, None);
        answers.push(answer);
        queue.push(job);
    };
    let pushed = Instant::now();
    let next = |open| {
        queue
            .waiting()
            .next(open, pushed, &|_| true)
            .map(|job| name(&job))
    };
    push(1, "a", 1);
    push(2, "a", 2);
    push(2, "a", 3);
    push(3, "b", 4);
    push(4, "c", 5);
    assert_eq!(next(Some(3)).as_deref(), Some("b4"));
    assert_eq!(next(Some(2)).as_deref(), Some("a2"));
    // That was a's turn as well.
    assert_eq!(next(Some(9)).as_deref(), Some("c5"));
    push(2, "b", 6);
    let later = Instant::now() + PATIENCE;
    let next = |open| {
        queue
            .waiting()
            .next(open, later, &|_| true)
            .map(|job| name(&job))
    };
    assert_eq!(next(Some(2)).as_deref(), Some("a1"));
    assert_eq!(next(Some(2)).as_deref(), Some("b6"));
    assert_eq!(next(Some(2)).as_deref(), Some("a3"));
    assert_eq!(next(Some(2)), None);
}
