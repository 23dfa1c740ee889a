//! Idle workers read parts of another worker's page. The owner asks for the number of idle workers, cuts its page,
//! lends the parts, reads its own part, and collects the results. It reads a part itself if no worker has begun with it
//! by then, or does not finish it soon. So a helper that crashes costs only time, and no page waits for a worker that
//! another page needs.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ocr_protocol::{Band, BandRead, Collected, Reply, Task};
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use super::Shared;
use super::job::{Job, Outcome, WorkItem};
use super::process::{Process, Received};
use crate::memory::Charged;

/// Factor of the owner's own reading time after which the owner takes a part over. The parts are alike, so they should
/// take equally long.
const TAKEOVER_FACTOR: u32 = 3;
const SHORTEST_TAKEOVER: Duration = Duration::from_millis(500);

/// Idle workers, and parts of pages that they could read.
#[derive(Debug, Default)]
pub(super) struct Helpers {
    idle: AtomicU32,
    waiting: Mutex<VecDeque<(u64, Job)>>,
    pushed: Notify,
    last: AtomicU64,
}

/// Counts a worker as idle until it is dropped.
pub(super) struct Idle<'a>(&'a AtomicU32);

impl Drop for Idle<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Helpers {
    pub(super) fn idle(&self) -> Idle<'_> {
        self.idle.fetch_add(1, Ordering::Relaxed);
        Idle(&self.idle)
    }

    /// The next part that is not abandoned. The future may be dropped at any time without losing one.
    pub(super) async fn pop(&self) -> Job {
        loop {
            if let Some(job) = self.next() {
                return job;
            }
            self.pushed.notified().await;
        }
    }

    fn next(&self) -> Option<Job> {
        let mut waiting = self.waiting();
        let job = loop {
            let (_, job) = waiting.pop_front()?;
            if !job.is_abandoned() {
                break job;
            }
        };
        // One wake-up can stand for several parts, so wake the next waiter.
        if !waiting.is_empty() {
            self.pushed.notify_one();
        }
        Some(job)
    }

    fn push(&self, job: Job) -> u64 {
        let number = self.last.fetch_add(1, Ordering::Relaxed);
        self.waiting().push_back((number, job));
        self.pushed.notify_one();
        number
    }

    /// Takes a part back. Returns false if a worker has it already.
    fn withdraw(&self, number: u64) -> bool {
        let mut waiting = self.waiting();
        let before = waiting.len();
        waiting.retain(|(other, _)| *other != number);
        waiting.len() < before
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<(u64, Job)>> {
        // The queue is whole between any two operations on it.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Parts of one page that were lent to other workers.
struct Lent {
    since: Instant,
    /// `None` for a part for which there was no memory.
    parts: Vec<Option<(u64, oneshot::Receiver<Outcome>)>>,
}

/// Waits for a worker's reply to its work item, and serves its requests for help meanwhile. An error means that the
/// worker crashed, or violated the protocol.
pub(super) async fn answer(
    process: &mut Process,
    item: &WorkItem,
    shared: &Shared,
) -> io::Result<Received> {
    let mut lent = None;
    loop {
        let Charged { value, charge } =
            match process.receive(item.document.charge.account()).await? {
                Ok(charged) => charged,
                Err(full) => return Ok(Err(full)),
            };
        match value {
            Reply::CountIdle(wanted) => {
                let idle = if item.alone {
                    0
                } else {
                    shared.helpers.idle.load(Ordering::Relaxed)
                };
                process.reply(&idle.min(wanted)).await?;
            }
            Reply::Lend(bands) if lent.is_none() => {
                lent = Some(lend(process, item, bands, shared).await?);
            }
            Reply::Collect => {
                let collected = match lent.take() {
                    Some(lent) => collect(lent, &shared.helpers).await,
                    None => Collected::new(),
                };
                process.reply(&collected).await?;
            }
            Reply::Lend(_) => return Err(io::Error::other("the worker lends twice")),
            value => return Ok(Ok(Charged { value, charge })),
        }
    }
}

async fn lend(
    process: &mut Process,
    item: &WorkItem,
    bands: Vec<Band>,
    shared: &Shared,
) -> io::Result<Lent> {
    // A document may have taken the worker over. So the limit is a page's pixels, with some white between its parts.
    let total = bands
        .iter()
        .fold(0u64, |total, band| total.saturating_add(band.length()));
    let most = shared.settings.worker.max_pixels.saturating_mul(2);
    if total > most || bands.len() > shared.settings.workers as usize {
        return Err(io::Error::other("the worker lends more than a page"));
    }
    let mut parts = Vec::new();
    for band in bands {
        let length = usize::try_from(band.length()).map_err(io::Error::other)?;
        let account = item.document.charge.account();
        let Some(pixels) = process.receive_bytes(length, account).await? else {
            parts.push(None);
            continue;
        };
        let (job, outcome) = Job::of(WorkItem {
            document: Arc::clone(&item.document),
            task: Task::Band(band),
            pixels: Some(pixels),
            alone: false,
        });
        parts.push(Some((shared.helpers.push(job), outcome)));
    }
    Ok(Lent {
        since: Instant::now(),
        parts,
    })
}

async fn collect(lent: Lent, helpers: &Helpers) -> Collected {
    let until = lent.since + (lent.since.elapsed() * TAKEOVER_FACTOR).max(SHORTEST_TAKEOVER);
    let mut collected = Collected::new();
    for part in lent.parts {
        collected.push(match part {
            Some((number, outcome)) if !helpers.withdraw(number) => wait(outcome, until).await,
            _ => None,
        });
    }
    collected
}

async fn wait(outcome: oneshot::Receiver<Outcome>, until: Instant) -> Option<BandRead> {
    match timeout_at(until, outcome).await {
        Ok(Ok(Outcome::Reply(Charged {
            value: Reply::Band(read),
            ..
        }))) => Some(read),
        _ => None,
    }
}
