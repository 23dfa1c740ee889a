//! A task on a document, and where its outcome goes.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::document::Document;
use crate::protocol::{Reply, Task};

#[derive(Debug)]
pub(super) struct Job {
    pub(super) errand: Errand,
    answer: oneshot::Sender<Outcome>,
}

/// What a worker is to do.
#[derive(Debug)]
pub(super) struct Errand {
    pub(super) document: Arc<Document>,
    pub(super) task: Task,
}

#[derive(Debug)]
pub(super) enum Outcome {
    Reply(Reply),
    Crashed,
    TimedOut,
}

impl Job {
    pub(super) fn new(document: Arc<Document>, task: Task) -> (Self, oneshot::Receiver<Outcome>) {
        let (answer, outcome) = oneshot::channel();
        let errand = Errand { document, task };
        (Self { errand, answer }, outcome)
    }

    /// What is to be done, and the end of anybody's interest in it, to be awaited side by side.
    pub(super) fn parts(&mut self) -> (&Errand, impl Future<Output = ()>) {
        (&self.errand, self.answer.closed())
    }

    /// Whether nobody waits for the outcome any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.answer.is_closed()
    }

    pub(super) fn finish(self, outcome: Outcome) {
        // Whoever asked may have gone in this very moment.
        let _ = self.answer.send(outcome);
    }
}
