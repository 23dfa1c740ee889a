//! Jobs that wait for a worker, first come, first served. How many there can be is bounded by whoever pushes: a
//! request has at most as many as there are workers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::job::Job;

#[derive(Debug, Default)]
pub(super) struct Queue {
    jobs: Mutex<VecDeque<Job>>,
    pushed: Notify,
}

impl Queue {
    pub(super) fn push(&self, job: Job) {
        self.jobs().push_back(job);
        self.pushed.notify_one();
    }

    /// Puts a job back that no worker has begun, before all others.
    pub(super) fn push_again(&self, job: Job) {
        self.jobs().push_front(job);
        self.pushed.notify_one();
    }

    /// The next job that somebody still waits for. May be dropped at any time without losing one.
    pub(super) async fn pop(&self) -> Job {
        loop {
            if let Some(job) = self.next() {
                return job;
            }
            self.pushed.notified().await;
        }
    }

    fn next(&self) -> Option<Job> {
        let mut jobs = self.jobs();
        while let Some(job) = jobs.pop_front() {
            if job.is_abandoned() {
                continue;
            }
            // One wake-up can stand for several jobs: pass it on.
            if !jobs.is_empty() {
                self.pushed.notify_one();
            }
            return Some(job);
        }
        None
    }

    fn jobs(&self) -> MutexGuard<'_, VecDeque<Job>> {
        // A queue is whole between any two operations on it.
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
