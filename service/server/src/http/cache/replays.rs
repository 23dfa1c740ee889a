//! What is kept and what is under way, and the duty to read what is neither.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ocr_api::problem::ProblemKind;
use tokio::time::Instant;

use super::kept::Kept;
use super::ledger::{Ledger, Seen};
use super::record::Whole;
use super::under_way::{Joint, UnderWay};
use super::{Content, Outcome};
use crate::http::Service;
use crate::http::intake::Intake;
use crate::http::intake::directives::CacheDirectives;
use crate::http::limits::ReplayLimits;
use crate::http::outcome::error::Rejection;

/// What is kept and what is under way.
#[derive(Debug)]
pub(crate) struct Replays {
    limits: ReplayLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    kept: Kept,
    ledger: Ledger,
}

/// Where a reading comes from.
pub(super) enum Begun {
    Kept(Arc<Whole>),
    UnderWay(UnderWay),
    Work(Work),
}

/// The duty to read, and to tell those who wait for it.
#[derive(Debug)]
pub(super) struct Work {
    replays: Arc<Replays>,
    content: Content,
    keep: bool,
    /// With an `Idempotency-Key`.
    pub(super) joint: Option<Joint>,
}

impl Replays {
    pub(crate) fn new(limits: ReplayLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::default(),
        })
    }

    /// Whether a request of the key with this `Idempotency-Key` is under way or has been answered: its retry needs no room
    /// in the quota.
    pub(crate) fn knows(&self, key: &Arc<str>, directives: &CacheDirectives) -> bool {
        let idempotency_key = directives.idempotency_key.as_deref();
        let (now, age) = (Instant::now(), self.limits.age);
        idempotency_key.is_some_and(|name| self.state().ledger.get(key, name, now, age).is_some())
    }

    /// `deadline`: that of the request, which is the work's until another one joins.
    pub(super) fn begin(
        self: &Arc<Self>,
        content: &Content,
        directives: &CacheDirectives,
        deadline: Instant,
    ) -> Result<Begun, Rejection> {
        let mut state = self.state();
        let (now, age) = (Instant::now(), self.limits.age);
        let State { kept, ledger } = &mut *state;
        let mut may_look = !directives.fresh;
        if let Some(name) = &directives.idempotency_key
            && let Some((known, seen)) = ledger.get(&content.key, name, now, age)
        {
            if known != content {
                return Err(Rejection::new(
                    ProblemKind::IdempotencyKey,
                    "This Idempotency-Key came with another document or other parameters before; use a new one for each \
                     request that is not a retry.",
                ));
            }
            match seen {
                Seen::UnderWay(under_way) => return Ok(Begun::UnderWay(under_way.clone())),
                Seen::Done => may_look = true,
            }
        }
        if may_look && let Some(whole) = kept.get(content, now, age) {
            if let Some(name) = &directives.idempotency_key {
                ledger.put(content, name, Seen::Done, now);
            }
            return Ok(Begun::Kept(whole));
        }
        let joint = directives.idempotency_key.clone().map(|name| {
            let joint = Joint::new(name, deadline);
            let under_way = joint.under_way.clone();
            ledger.put(content, &joint.name, Seen::UnderWay(under_way), now);
            joint
        });
        Ok(Begun::Work(Work {
            replays: Arc::clone(self),
            content: content.clone(),
            keep: !directives.no_store,
            joint,
        }))
    }

    /// Forgets what is too old, for ever.
    pub(crate) async fn tidy(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.limits.age.max(Duration::from_secs(10)) / 10).await;
            let now = Instant::now();
            let mut state = self.state();
            state.kept.forget(now, self.limits.age);
            state.ledger.forget(now, self.limits.age);
        }
    }

    /// Bytes kept, about, and readings.
    pub(crate) fn size(&self) -> (u64, usize) {
        self.state().kept.size()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Its parts are whole between any two operations on them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work {
    /// Bytes that may be kept of it.
    pub(super) fn may_keep(&self) -> u64 {
        if self.keep {
            self.replays.limits.bytes
        } else {
            0
        }
    }

    /// Reads all of it, for whoever joins it, and goes on when they have gone: its deadline and the request's share bound it.
    pub(super) fn start(
        mut self,
        joint: Joint,
        service: &Arc<Service>,
        intake: &Intake,
    ) -> UnderWay {
        let under_way = joint.under_way.clone();
        let (service, intake) = (Arc::clone(service), intake.clone());
        tokio::spawn(async move {
            let outcome = self.joint.insert(joint).read(&service, &intake).await;
            self.finish(&outcome);
        });
        under_way
    }

    /// Keeps what was read whole, and tells it.
    pub(super) fn finish(mut self, outcome: &Outcome) {
        let joint = self.joint.take();
        let now = Instant::now();
        let mut state = self.replays.state();
        let kept = match outcome {
            Ok(whole) if self.keep && whole.conclusion.complete => {
                let most = self.replays.limits.bytes;
                state.kept.put(&self.content, whole, now, most)
            }
            _ => false,
        };
        if let Some(Joint { name, .. }) = &joint {
            if kept {
                state.ledger.put(&self.content, name, Seen::Done, now);
            } else {
                state.ledger.remove(&self.content.key, name);
            }
        }
        drop(state);
        if let Some(joint) = joint {
            joint.publish(outcome);
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Of a reading that was given up half-way.
        if let Some(joint) = self.joint.take() {
            let mut state = self.replays.state();
            state.ledger.remove(&self.content.key, &joint.name);
        }
    }
}
