//! A reading under way, and the requests with the same `Idempotency-Key` that wait for it. It ends at the latest of
//! their deadlines. Each request gets the pages read so far at its own deadline.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::Outcome;
use super::record::Record;
use crate::http::Service;
use crate::http::intake::Intake;
use crate::http::limits::deadline::Deadline;
use crate::http::reading::Reading;
use crate::http::reading::conclusion::too_late;
use crate::memory::weight;

/// Handle of a waiting request.
#[derive(Debug, Clone)]
pub(super) struct UnderWay {
    deadline: Deadline,
    outcome: watch::Receiver<Option<Outcome>>,
    /// Requests the pages read so far.
    ask: mpsc::UnboundedSender<oneshot::Sender<Outcome>>,
}

/// Handle of the task that reads.
#[derive(Debug)]
pub(super) struct Joint {
    /// The `Idempotency-Key`.
    pub(super) name: String,
    pub(super) under_way: UnderWay,
    outcome_sender: watch::Sender<Option<Outcome>>,
    asked: mpsc::UnboundedReceiver<oneshot::Sender<Outcome>>,
}

impl UnderWay {
    /// Waits for the outcome and extends the reading's deadline to this request's. At the deadline, returns the pages
    /// read so far. Returns `None` if the reading was abandoned.
    pub(super) async fn join(mut self, deadline: Instant) -> Option<Outcome> {
        self.deadline.extend(deadline);
        let outcome = self.outcome.wait_for(Option::is_some);
        let waited = timeout_at(deadline, outcome).await;
        match waited.map(|outcome| outcome.ok().and_then(|outcome| outcome.clone())) {
            Ok(outcome) => outcome,
            Err(_) => self.so_far().await,
        }
    }

    async fn so_far(self) -> Option<Outcome> {
        let (reply, so_far) = oneshot::channel();
        if self.ask.send(reply).is_ok()
            && let Ok(outcome) = so_far.await
        {
            return Some(outcome);
        }
        // The reading has ended at this very moment, or was abandoned.
        self.outcome.borrow().clone()
    }
}

impl Joint {
    pub(super) fn new(name: String, deadline: Instant) -> Self {
        let (outcome_sender, outcome) = watch::channel(None);
        let (ask, asked) = mpsc::unbounded_channel();
        Self {
            name,
            under_way: UnderWay {
                deadline: deadline.into(),
                outcome,
                ask,
            },
            outcome_sender,
            asked,
        }
    }

    /// Reads the whole document, or until the latest deadline.
    pub(super) async fn read(&mut self, service: &Arc<Service>, intake: &Intake) -> Outcome {
        let deadline = self.under_way.deadline.clone();
        let begun = Reading::begin(service, intake, deadline);
        tokio::pin!(begun);
        let mut reading = loop {
            tokio::select! {
                begun = &mut begun => break begun?,
                Some(reply) = self.asked.recv() => {
                    // The request that asked may have disconnected.
                    let _ = reply.send(Err(too_late()));
                }
            }
        };
        let mut record = Record::new(u64::MAX);
        loop {
            tokio::select! {
                page = reading.next() => match page {
                    // The reading pays for the gathered pages, which are kept.
                    Some((page, _)) => record.add(&page, weight(&page), None),
                    None => break,
                },
                Some(reply) = self.asked.recv() => {
                    let _ = reply.send(so_far(&reading, record.so_far()));
                }
            }
        }
        let (counted, cut_off) = (reading.counted().clone(), reading.was_cut_off());
        let conclusion = reading.conclude()?;
        let whole = record.end(counted, &conclusion, cut_off);
        whole.map(Arc::new).ok_or_else(super::gave_up)
    }

    pub(super) fn publish(self, outcome: &Outcome) {
        self.outcome_sender.send_replace(Some(outcome.clone()));
        // Requests that asked for a part meanwhile find the whole.
        drop(self.asked);
    }
}

fn so_far(reading: &Reading, mut record: Record) -> Outcome {
    let (missing, conclusion) = reading.so_far()?;
    for page in &missing {
        record.add(page, weight(page), None);
    }
    let whole = record.end(reading.counted().clone(), &conclusion, true);
    whole.map(Arc::new).ok_or_else(super::gave_up)
}
