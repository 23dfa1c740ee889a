//! Jobs that wait for a worker. Keys take turns, so that one's long document does not keep another's single page waiting;
//! among a key's own jobs, first come, first served. A worker that has a document open may go on with it a little longer: to
//! open another costs as much as several pages with a text layer. How many there can be is bounded by whoever pushes: a request has at
//! most as many as there are workers.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::job::Job;

/// How long a job may have waited for others to be taken before it by workers that have their document open. What takes
/// longer than that to read takes much longer than opening a document.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long a job that is to be done alone waits for the jobs that are under way to end.
const ALONE_AFTER: Duration = Duration::from_secs(5);
/// How often it is looked whether it may be done.
const ALONE_STEP: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Default)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    pushed: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Keys with jobs that wait, each once; the first is the next.
    turns: VecDeque<Arc<str>>,
    /// Of each key with jobs that wait or are under way.
    lines: HashMap<Arc<str>, Line>,
    /// Whether one that is done alone is under way: there is one at a time.
    alone: bool,
}

#[derive(Debug, Default)]
struct Line {
    jobs: VecDeque<Job>,
    under_way: u32,
}

/// A job's time with a worker. Its end makes room for another of the same key.
#[derive(Debug)]
pub(super) struct Turn {
    queue: Queue,
    key: Arc<str>,
    alone: bool,
}

/// How much there is in the queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueLength {
    /// Jobs that somebody waits for and no worker has.
    pub waiting: u32,
    /// Jobs that workers have.
    pub under_way: u32,
}

impl Queue {
    pub(super) fn push(&self, job: Job) {
        let mut waiting = self.waiting();
        let key = Arc::clone(job.key());
        let line = waiting.lines.entry(Arc::clone(&key)).or_default();
        line.jobs.push_back(job);
        if line.jobs.len() == 1 {
            waiting.turns.push_back(key);
        }
        self.0.pushed.notify_one();
    }

    /// Puts a job before all others: one that no worker has begun, or the question whether they work at all.
    pub(super) fn push_first(&self, job: Job) {
        let mut waiting = self.waiting();
        let key = Arc::clone(job.key());
        waiting.turns.retain(|other| *other != key);
        waiting.turns.push_front(Arc::clone(&key));
        waiting.lines.entry(key).or_default().jobs.push_front(job);
        self.0.pushed.notify_one();
    }

    /// The next job that somebody still waits for, of a key that may have one more under way and `may` have a worker, for a
    /// slot that had this document last. May be dropped at any time without losing one.
    pub(super) async fn pop(&self, open: Option<u64>, may: impl Fn(&str) -> bool) -> (Job, Turn) {
        loop {
            let (next, alone) = {
                let mut waiting = self.waiting();
                let next = waiting.next(open, Instant::now(), &may);
                (next, waiting.has_alone())
            };
            if let Some(job) = next {
                // One wake-up can stand for several jobs: pass it on.
                self.0.pushed.notify_one();
                let turn = Turn {
                    queue: self.clone(),
                    key: Arc::clone(job.key()),
                    alone: job.errand.alone,
                };
                return (job, turn);
            }
            let pushed = self.0.pushed.notified();
            if alone {
                let _ = timeout(ALONE_STEP, pushed).await;
            } else {
                pushed.await;
            }
        }
    }

    /// Has it looked again what may be done.
    pub(super) fn wake(&self) {
        self.0.pushed.notify_one();
    }

    /// Jobs that would get a worker before one more of this key: its own, and of each other key as many as it has turns
    /// meanwhile.
    pub(super) fn ahead_of(&self, key: &str) -> u64 {
        let waiting = self.waiting();
        let own = waiting.lines.get(key).map_or(0, |line| line.jobs.len());
        let others = waiting.lines.iter().filter(|(other, _)| ***other != *key);
        let passing: usize = others.map(|(_, line)| line.jobs.len().min(own + 1)).sum();
        (own + passing) as u64
    }

    pub(super) fn length(&self) -> QueueLength {
        let waiting = self.waiting();
        let mut length = QueueLength::default();
        for line in waiting.lines.values() {
            let wanted = line.jobs.iter().filter(|job| !job.is_abandoned()).count();
            length.waiting += u32::try_from(wanted).unwrap_or(u32::MAX);
            length.under_way += line.under_way;
        }
        length
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // A queue is whole between any two operations on it.
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    /// Takes the next job, and puts its key behind the others.
    fn next(&mut self, open: Option<u64>, now: Instant, may: &dyn Fn(&str) -> bool) -> Option<Job> {
        let can_wait = now < self.due(now, may)?.since + PATIENCE;
        let of_open = open.filter(|_| can_wait).and_then(|id| self.of(id, may));
        let (turn, place) = of_open.unwrap_or((0, 0));
        let key = self.turns.remove(turn)?;
        let line = self.lines.get_mut(&key)?;
        let job = line.jobs.remove(place)?;
        line.under_way += 1;
        self.alone |= job.errand.alone;
        if !line.jobs.is_empty() {
            self.turns.push_back(key);
        }
        Some(job)
    }

    /// The next job in order. Its key has the first turn then.
    fn due(&mut self, now: Instant, may: &dyn Fn(&str) -> bool) -> Option<&Job> {
        let busy = self.lines.values().any(|line| line.under_way > 0);
        let alone = !self.alone && !busy;
        let alone_later = !self.alone;
        let may_run = |line: &Line, job: &Job| {
            let waited = now >= job.since + ALONE_AFTER;
            job.may_run_beside(line.under_way)
                && (!job.errand.alone || alone || alone_later && waited)
                && may(job.key())
        };
        for _ in 0..self.turns.len() {
            let line = self.lines.get_mut(self.turns.front()?)?;
            while line.jobs.front().is_some_and(Job::is_abandoned) {
                line.jobs.pop_front();
            }
            let front = line.jobs.front();
            if front.is_some_and(|job| may_run(line, job)) {
                break;
            }
            // It waits for another to end or for another template, or has gone.
            let key = self.turns.pop_front()?;
            if !line.jobs.is_empty() {
                self.turns.push_back(key);
            } else if line.under_way == 0 {
                self.lines.remove(&key);
            }
        }
        let line = self.lines.get(self.turns.front()?)?;
        line.jobs.front().filter(|job| may_run(line, job))
    }

    fn has_alone(&self) -> bool {
        let mut jobs = self.lines.values().flat_map(|line| &line.jobs);
        jobs.any(|job| job.errand.alone)
    }

    /// Where a job about a document is that may be taken: its key's place among the turns, and its own in the line.
    fn of(&self, document: u64, may: &dyn Fn(&str) -> bool) -> Option<(usize, usize)> {
        self.turns.iter().enumerate().find_map(|(turn, key)| {
            let line = self.lines.get(key)?;
            let place = line.jobs.iter().position(|job| {
                let errand = &job.errand;
                errand.document.id == document
                    && errand.task.of_document()
                    && !job.is_abandoned()
                    && !errand.alone
                    && job.may_run_beside(line.under_way)
                    && may(job.key())
            })?;
            Some((turn, place))
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting();
        waiting.alone &= !self.alone;
        if let Some(line) = waiting.lines.get_mut(&self.key) {
            line.under_way = line.under_way.saturating_sub(1);
            if line.under_way == 0 && line.jobs.is_empty() {
                waiting.lines.remove(&self.key);
            }
        }
        drop(waiting);
        // One of this key may have waited for it.
        self.queue.0.pushed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Document, Open, Owner};
    use crate::memory::Account;
    use crate::protocol::{How, Task};
    use ocr_api::answer::DocumentType;
    use tokio::sync::oneshot;

    use super::super::job::Outcome;

    /// A page of a key that may have `most` under way.
    fn job(key: &str, page: u32, most: Option<u32>) -> (Job, oneshot::Receiver<Outcome>) {
        job_of(1, key, page, most)
    }

    fn job_of(
        id: u64,
        key: &str,
        page: u32,
        most: Option<u32>,
    ) -> (Job, oneshot::Receiver<Outcome>) {
        let document = Arc::new(Document {
            id,
            kind: DocumentType::Pdf,
            bytes: bytes::Bytes::new(),
            sha256: String::new(),
            languages: String::new(),
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
        let Task::Read { page, .. } = job.errand.task else {
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
                alone: job.errand.alone,
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
            job.errand.alone = alone;
            answers.push(answer);
            queue.push(job);
        };
        let now = Instant::now();
        let next = |at| {
            let job = queue.waiting().next(None, at, &|_| true)?;
            let turn = Turn {
                queue: queue.clone(),
                key: Arc::clone(job.key()),
                alone: job.errand.alone,
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
}
