//! Answering the same document twice while reading it once. What was read whole is kept for a while, for the key that sent
//! it; and a request with an `Idempotency-Key` is read to its end even if its client has gone, so that a retry finds it under
//! way or done. (The header is the IETF's draft-ietf-httpapi-idempotency-key-header; instead of its 409 for a request
//! that is still under way, the retry waits and gets the answer.)

mod header;
mod kept;
mod ledger;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::{HeaderName, HeaderValue};
use ocr_api::problem::ProblemKind;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::error::Rejection;
use super::reading::{self, Reading};
pub(super) use header::Wish;
use kept::Kept;
use ledger::{Ledger, Seen};

/// RFC 9211.
pub(super) const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct ReplayLimits {
    /// Of memory, about; 0 keeps nothing.
    pub bytes: u64,
    /// Nothing is kept for longer.
    pub age: Duration,
}

/// What is kept and what is under way.
#[derive(Debug)]
pub(super) struct Replays {
    limits: ReplayLimits,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    kept: Kept,
    ledger: Ledger,
}

/// What two requests must have in common to get the same reading. The release and its rules are those of this process, and
/// nothing outlives it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Content {
    /// The id of the API key.
    pub(super) key: Arc<str>,
    /// Of the document, in hex.
    pub(super) sha256: String,
    /// All that decides what is read, normalized.
    pub(super) parameters: String,
}

/// A reading, or why there is none.
type Outcome = Result<Arc<Reading>, Rejection>;

/// Where an answer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// It was kept.
    Hit,
    /// From the work for an earlier request with the same `Idempotency-Key`.
    Collapsed,
    /// From work for this request.
    Miss,
    /// The same, as the client had asked for it.
    Bypass,
}

impl Source {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Collapsed => "collapsed",
            Self::Miss => "miss",
            Self::Bypass => "bypass",
        }
    }

    /// The value of `Cache-Status`.
    pub(super) fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Hit => "ocr-service; hit",
            Self::Collapsed => "ocr-service; fwd=miss; collapsed",
            Self::Miss => "ocr-service; fwd=miss",
            Self::Bypass => "ocr-service; fwd=request",
        })
    }
}

enum Begun {
    Kept(Arc<Reading>),
    UnderWay(watch::Receiver<Option<Outcome>>),
    Work(Work),
}

/// The duty to read, and to tell those who wait for it.
struct Work {
    replays: Arc<Replays>,
    content: Content,
    keep: bool,
    idempotency_key: Option<String>,
    tell: watch::Sender<Option<Outcome>>,
}

impl Replays {
    pub(super) fn new(limits: ReplayLimits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            state: Mutex::default(),
        })
    }

    /// Whether a request of the key with this `Idempotency-Key` is under way or has been answered: its retry needs no room
    /// in the quota.
    pub(super) fn knows(&self, key: &Arc<str>, wish: &Wish) -> bool {
        let idempotency_key = wish.idempotency_key.as_deref();
        idempotency_key.is_some_and(|name| self.state().ledger.get(key, name).is_some())
    }

    /// The reading of a document: one that is kept or under way, or else that of `read`.
    pub(super) async fn read<F>(
        self: &Arc<Self>,
        content: Content,
        wish: &Wish,
        deadline: Instant,
        read: impl FnOnce() -> F,
    ) -> Result<(Arc<Reading>, Source), Rejection>
    where
        F: Future<Output = Result<Reading, Rejection>> + Send + 'static,
    {
        loop {
            match self.begin(&content, wish)? {
                Begun::Kept(reading) => return Ok((reading, Source::Hit)),
                Begun::UnderWay(mut outcome) => {
                    let outcome = timeout_at(deadline, outcome.wait_for(Option::is_some))
                        .await
                        .map_err(|_| reading::too_late())?
                        .map(|outcome| outcome.clone());
                    match outcome {
                        Ok(Some(outcome)) => {
                            return outcome.map(|reading| (reading, Source::Collapsed));
                        }
                        // It was given up without a word: then it is this request's to read.
                        Ok(None) | Err(_) => {}
                    }
                }
                Begun::Work(work) => {
                    let reading = read();
                    let outcome = if wish.idempotency_key.is_some() {
                        // Goes on when this future is dropped; the deadline and the request's share bound it.
                        let task = tokio::spawn(async move { work.finish(reading.await) });
                        task.await.unwrap_or_else(|_| Err(gave_up()))
                    } else {
                        work.finish(reading.await)
                    };
                    let source = match wish.fresh {
                        true => Source::Bypass,
                        false => Source::Miss,
                    };
                    return outcome.map(|reading| (reading, source));
                }
            }
        }
    }

    fn begin(self: &Arc<Self>, content: &Content, wish: &Wish) -> Result<Begun, Rejection> {
        let mut state = self.state();
        let now = Instant::now();
        state.forget(now, self.limits.age);
        let State { kept, ledger } = &mut *state;
        let mut may_look = !wish.fresh;
        if let Some(name) = &wish.idempotency_key
            && let Some((known, seen)) = ledger.get(&content.key, name)
        {
            if known != content {
                return Err(Rejection::new(
                    ProblemKind::IdempotencyKey,
                    "This Idempotency-Key came with another document or other parameters before; use a new one for each \
                     request that is not a retry.",
                ));
            }
            match seen {
                Seen::UnderWay(outcome) => return Ok(Begun::UnderWay(outcome.clone())),
                Seen::Done => may_look = true,
            }
        }
        if may_look && let Some(reading) = kept.get(content) {
            if let Some(name) = &wish.idempotency_key {
                ledger.put(content, name, Seen::Done, now);
            }
            return Ok(Begun::Kept(reading));
        }
        let (tell, outcome) = watch::channel(None);
        if let Some(name) = &wish.idempotency_key {
            ledger.put(content, name, Seen::UnderWay(outcome), now);
        }
        Ok(Begun::Work(Work {
            replays: Arc::clone(self),
            content: content.clone(),
            keep: !wish.no_store,
            idempotency_key: wish.idempotency_key.clone(),
            tell,
        }))
    }

    /// Forgets what is too old, for ever.
    pub(super) async fn tidy(self: Arc<Self>) {
        loop {
            tokio::time::sleep(self.limits.age.max(Duration::from_secs(1)) / 10).await;
            self.state().forget(Instant::now(), self.limits.age);
        }
    }

    /// Bytes kept, about, and answers.
    pub(super) fn size(&self) -> (u64, usize) {
        self.state().kept.size()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Its parts are whole between any two operations on them.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn forget(&mut self, now: Instant, age: Duration) {
        self.kept.forget(now, age);
        self.ledger.forget(now, age);
    }
}

impl Work {
    /// Keeps what was read whole, and tells it.
    fn finish(mut self, result: Result<Reading, Rejection>) -> Outcome {
        let outcome = result.map(Arc::new);
        let name = self.idempotency_key.take();
        let now = Instant::now();
        let mut state = self.replays.state();
        let kept = match &outcome {
            Ok(reading) if self.keep && reading.is_complete() => {
                let most = self.replays.limits.bytes;
                state.kept.put(&self.content, reading, now, most)
            }
            _ => false,
        };
        if let Some(name) = name {
            if kept {
                state.ledger.put(&self.content, &name, Seen::Done, now);
            } else {
                state.ledger.remove(&self.content.key, &name);
            }
        }
        drop(state);
        self.tell.send_replace(Some(outcome.clone()));
        outcome
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Of a reading that was given up half-way.
        if let Some(name) = self.idempotency_key.take() {
            self.replays.state().ledger.remove(&self.content.key, &name);
        }
    }
}

fn gave_up() -> Rejection {
    tracing::error!("a reading panicked");
    Rejection::new(
        ProblemKind::Internal,
        "This is a bug in the service; report it with the request id.",
    )
}

#[cfg(test)]
mod tests;
