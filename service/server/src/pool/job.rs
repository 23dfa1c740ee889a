//! A task on a document, and the channel for its outcome.

use std::sync::Arc;

use bytes::Bytes;
use ocr_protocol::{Reply, Task};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::document::Document;
use crate::memory::Charged;

/// Most attempts that end before the worker begins with the job. One such end can be chance. More often, the document
/// does not fit into a worker's memory, or no worker works.
const MAX_UNLUCKY: u32 = 3;

#[derive(Debug)]
pub(super) struct Job {
    pub(super) item: WorkItem,
    answer: oneshot::Sender<Outcome>,
    /// Workers that died before they began with the job.
    unlucky: u32,
    /// Time at which the job began to wait.
    pub(super) since: Instant,
}

/// Work for a worker.
#[derive(Debug)]
pub(super) struct WorkItem {
    /// The document. For [`Task::Band`], the one that the band is from.
    pub(super) document: Arc<Document>,
    pub(super) task: Task,
    /// The pixels of [`Task::Band`].
    pub(super) pixels: Option<Bytes>,
    /// True for a second attempt, after the kernel ended the worker of the first. It runs without other jobs, as far as
    /// those can wait.
    pub(super) alone: bool,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Reply(Charged<Reply>),
    /// There was an answer, but no memory for it.
    NoRoom,
    Crashed,
    TimedOut,
    Refused,
}

impl Job {
    pub(super) fn new(document: Arc<Document>, task: Task) -> (Self, oneshot::Receiver<Outcome>) {
        Self::of(WorkItem {
            document,
            task,
            pixels: None,
            alone: false,
        })
    }

    pub(super) fn of(item: WorkItem) -> (Self, oneshot::Receiver<Outcome>) {
        let (answer, outcome) = oneshot::channel();
        let job = Self {
            item,
            answer,
            unlucky: 0,
            since: Instant::now(),
        };
        (job, outcome)
    }

    /// The work item, and a future that completes when the job is abandoned. The two are awaited side by side.
    pub(super) fn parts(&mut self) -> (&WorkItem, impl Future<Output = ()>) {
        (&self.item, self.answer.closed())
    }

    /// True if the outcome is no longer wanted.
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    /// The API key on whose behalf the job is done.
    pub(super) fn key(&self) -> &Arc<str> {
        &self.item.document.owner.key
    }

    /// True if the key may have this job under way in addition to `under_way` others.
    pub(super) fn may_run_beside(&self, under_way: u32) -> bool {
        let most = self.item.document.owner.concurrent_pages;
        most.is_none_or(|most| under_way < most)
    }

    /// True if another worker may get the job, after one died before it began with it.
    pub(super) fn may_try_again(&mut self) -> bool {
        self.unlucky += 1;
        self.unlucky < MAX_UNLUCKY
    }

    /// True if the job may be tried a second time, alone, after the kernel ended the worker that had begun with it.
    pub(super) fn may_try_alone(&mut self) -> bool {
        let first = !self.item.alone;
        self.item.alone = true;
        self.since = Instant::now();
        first
    }

    pub(super) fn finish(self, outcome: Outcome) {
        // The request may have been cancelled at this very moment.
        let _ = self.answer.send(outcome);
    }
}
