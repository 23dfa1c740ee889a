//! A reading that is under way, and the requests with one `Idempotency-Key` that wait for it. It ends at the latest of their deadlines;
//! each of them gets what there is at its own.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout_at};

use super::Outcome;
use super::record::Record;
use crate::http::Service;
use crate::http::conclusion::too_late;
use crate::http::deadline::Deadline;
use crate::http::intake::Intake;
use crate::http::reading::Reading;
use crate::memory::weight;

/// A reading as those see it who wait for it.
#[derive(Debug, Clone)]
pub(super) struct UnderWay {
    deadline: Deadline,
    outcome: watch::Receiver<Option<Outcome>>,
    /// By which what there is so far is asked for.
    ask: mpsc::UnboundedSender<oneshot::Sender<Outcome>>,
}

/// The same as it is seen by what reads.
#[derive(Debug)]
pub(super) struct Joint {
    /// The `Idempotency-Key`.
    pub(super) name: String,
    pub(super) under_way: UnderWay,
    tell: watch::Sender<Option<Outcome>>,
    asked: mpsc::UnboundedReceiver<oneshot::Sender<Outcome>>,
}

impl UnderWay {
    /// What comes of it, or what there is of it at the deadline of this request, before which it does not end. `None`: it was given
    /// up.
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
        // It has ended in this very moment, or was given up.
        self.outcome.borrow().clone()
    }
}

impl Joint {
    pub(super) fn new(name: String, deadline: Instant) -> Self {
        let (tell, outcome) = watch::channel(None);
        let (ask, asked) = mpsc::unbounded_channel();
        Self {
            name,
            under_way: UnderWay {
                deadline: deadline.into(),
                outcome,
                ask,
            },
            tell,
            asked,
        }
    }

    /// Reads all of a document, or until the latest deadline.
    pub(super) async fn read(&mut self, service: &Arc<Service>, intake: &Intake) -> Outcome {
        let deadline = self.under_way.deadline.clone();
        let begun = Reading::begin(service, intake, deadline);
        tokio::pin!(begun);
        let mut reading = loop {
            tokio::select! {
                begun = &mut begun => break begun?,
                Some(reply) = self.asked.recv() => {
                    // Whoever asked may have gone.
                    let _ = reply.send(Err(too_late()));
                }
            }
        };
        let mut record = Record::new(u64::MAX);
        loop {
            tokio::select! {
                page = reading.next() => match page {
                    // The reading pays for the pages that are kept, as they are gathered.
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

    pub(super) fn tell(self, outcome: &Outcome) {
        self.tell.send_replace(Some(outcome.clone()));
        // Whoever has asked for a part meanwhile finds the whole.
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
