//! Jobs that wait for a worker. Keys take turns, so that the long document of one key does not delay the single page of
//! another. The jobs of one key are done in their order. A worker that has a document open may prefer this document for
//! a short time, because opening another one costs as much as several pages with a text layer. The callers bound the
//! number of jobs: a request has at most as many as there are workers.

mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use super::job::Job;
use waiting::Waiting;

/// How often it is looked whether a job that is to be done alone may be.
const ALONE_STEP: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Default)]
pub(super) struct Queue(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    waiting: Mutex<Waiting>,
    pushed: Notify,
}

/// A job's time with a worker. Its end makes room for another of the same key.
#[derive(Debug)]
pub(super) struct Turn {
    queue: Queue,
    key: Arc<str>,
    alone: bool,
}

/// Length of the queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueLength {
    /// Jobs that wait for a worker and are not abandoned.
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

    /// Puts a job before all others: one that no worker has begun with, or a check of whether workers work at all.
    pub(super) fn push_first(&self, job: Job) {
        let mut waiting = self.waiting();
        let key = Arc::clone(job.key());
        waiting.turns.retain(|other| *other != key);
        waiting.turns.push_front(Arc::clone(&key));
        waiting.lines.entry(key).or_default().jobs.push_front(job);
        self.0.pushed.notify_one();
    }

    /// The next job that is not abandoned. Its key must be allowed one more under way, and accepted by `may`. `open` is
    /// the document that the slot had last. The future may be dropped at any time without losing a job.
    pub(super) async fn pop(&self, open: Option<u64>, may: impl Fn(&str) -> bool) -> (Job, Turn) {
        loop {
            let (next, alone) = {
                let mut waiting = self.waiting();
                let next = waiting.next(open, Instant::now(), &may);
                (next, waiting.has_alone())
            };
            if let Some(job) = next {
                // One wake-up can stand for several jobs, so wake the next waiter.
                self.0.pushed.notify_one();
                let turn = Turn {
                    queue: self.clone(),
                    key: Arc::clone(job.key()),
                    alone: job.item.alone,
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

    /// Makes waiting slots check again for a job.
    pub(super) fn wake(&self) {
        self.0.pushed.notify_one();
    }

    /// Jobs that would get a worker before one more job of this key: the key's own jobs, and of each other key as many
    /// as it has turns meanwhile.
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
        // The queue is whole between any two operations on it.
        self.0
            .waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
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
        // A job of this key may have waited for the end of this one.
        self.queue.0.pushed.notify_one();
    }
}

#[cfg(test)]
mod tests;
