//! Which of the jobs that wait is next.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::pool::job::Job;

/// How long a job may have waited for others to be taken before it by workers that have their document open. What takes
/// longer than that to read takes much longer than opening a document.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);
/// How long a job that is to be done alone waits for the jobs that are under way to end.
pub(super) const ALONE_AFTER: Duration = Duration::from_secs(5);
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Keys with jobs that wait, each once; the first is the next.
    pub(super) turns: VecDeque<Arc<str>>,
    /// Of each key with jobs that wait or are under way.
    pub(super) lines: HashMap<Arc<str>, Line>,
    /// Whether one that is done alone is under way: there is one at a time.
    pub(super) alone: bool,
}

#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) jobs: VecDeque<Job>,
    pub(super) under_way: u32,
}

impl Waiting {
    /// Takes the next job, and puts its key behind the others.
    pub(super) fn next(
        &mut self,
        open: Option<u64>,
        now: Instant,
        may: &dyn Fn(&str) -> bool,
    ) -> Option<Job> {
        let can_wait = now < self.due(now, may)?.since + PATIENCE;
        let of_open = open.filter(|_| can_wait).and_then(|id| self.of(id, may));
        let (turn, place) = of_open.unwrap_or((0, 0));
        let key = self.turns.remove(turn)?;
        let line = self.lines.get_mut(&key)?;
        let job = line.jobs.remove(place)?;
        line.under_way += 1;
        self.alone |= job.item.alone;
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
                && (!job.item.alone || alone || alone_later && waited)
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

    pub(super) fn has_alone(&self) -> bool {
        let mut jobs = self.lines.values().flat_map(|line| &line.jobs);
        jobs.any(|job| job.item.alone)
    }

    /// Where a job about a document is that may be taken: its key's place among the turns, and its own in the line.
    fn of(&self, document: u64, may: &dyn Fn(&str) -> bool) -> Option<(usize, usize)> {
        self.turns.iter().enumerate().find_map(|(turn, key)| {
            let line = self.lines.get(key)?;
            let place = line.jobs.iter().position(|job| {
                let item = &job.item;
                item.document.id == document
                    && item.task.of_document()
                    && !job.is_abandoned()
                    && !item.alone
                    && job.may_run_beside(line.under_way)
                    && may(job.key())
            })?;
            Some((turn, place))
        })
    }
}
