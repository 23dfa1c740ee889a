//! A task on a document, and where its outcome goes.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::document::Document;
use crate::memory::Charged;
use crate::protocol::{Reply, Task};

/// Once can be chance. More often, the document does not fit into a worker's memory, or no worker works.
const MAX_UNLUCKY: u32 = 3;

#[derive(Debug)]
pub(super) struct Job {
    pub(super) errand: Errand,
    answer: oneshot::Sender<Outcome>,
    /// Workers that died before they began with it.
    unlucky: u32,
    /// When it began to wait.
    pub(super) since: Instant,
}

/// What a worker is to do.
#[derive(Debug)]
pub(super) struct Errand {
    /// For [`Task::Band`], the one that the band is from.
    pub(super) document: Arc<Document>,
    pub(super) task: Task,
    /// The pixels of [`Task::Band`].
    pub(super) pixels: Option<Bytes>,
    /// The second attempt after the kernel ended the first one: with nothing beside it, as far as others can wait.
    pub(super) alone: bool,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Reply(Charged<Reply>),
    /// The answer was there, and no memory for it.
    NoRoom,
    Crashed,
    TimedOut,
    Refused,
}

impl Job {
    pub(super) fn new(document: Arc<Document>, task: Task) -> (Self, oneshot::Receiver<Outcome>) {
        Self::of(Errand {
            document,
            task,
            pixels: None,
            alone: false,
        })
    }

    pub(super) fn of(errand: Errand) -> (Self, oneshot::Receiver<Outcome>) {
        let (answer, outcome) = oneshot::channel();
        let job = Self {
            errand,
            answer,
            unlucky: 0,
            since: Instant::now(),
        };
        (job, outcome)
    }

    /// What is to be done, and the end of anybody's interest in it, to be awaited side by side.
    pub(super) fn parts(&mut self) -> (&Errand, impl Future<Output = ()>) {
        (&self.errand, self.answer.closed())
    }

    /// Whether nobody waits for the outcome any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    /// On whose behalf it is done.
    pub(super) fn key(&self) -> &Arc<str> {
        &self.errand.document.owner.key
    }

    /// Whether its key may have it under way beside so many others.
    pub(super) fn may_run_beside(&self, under_way: u32) -> bool {
        let most = self.errand.document.owner.concurrent_pages;
        most.is_none_or(|most| under_way < most)
    }

    /// Whether it may be given to another worker, after one died before it began with it.
    pub(super) fn may_try_again(&mut self) -> bool {
        self.unlucky += 1;
        self.unlucky < MAX_UNLUCKY
    }

    /// Whether it may be tried a second time, alone, after the kernel ended the worker that had begun with it.
    pub(super) fn may_try_alone(&mut self) -> bool {
        let first = !self.errand.alone;
        self.errand.alone = true;
        self.since = Instant::now();
        first
    }

    pub(super) fn finish(self, outcome: Outcome) {
        // Whoever asked may have gone in this very moment.
        let _ = self.answer.send(outcome);
    }
}
