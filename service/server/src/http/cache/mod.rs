//! Answers repeated requests while reading the document once. Complete readings are kept for a while, for the key that
//! sent the document. A request with an `Idempotency-Key` is read to its end even if its client disconnects, so that a
//! retry finds it under way or done.
//!
//! The header is the IETF's draft-ietf-httpapi-idempotency-key-header. The draft answers 409 for a request that is
//! still under way; here, the retry waits and gets the answer.

mod kept;
mod ledger;
mod record;
mod replays;
mod under_way;

use std::fmt::Write;
use std::sync::Arc;

use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use ocr_api::answer::Page;
use ocr_api::problem::ProblemKind;
use ocr_protocol::Counted;
use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::Service;
use super::intake::Intake;
use super::intake::negotiate::Format;
use super::intake::query::Strict;
use super::limits::share::Share;
use super::outcome::error::Rejection;
use super::reading::Reading;
use super::reading::conclusion::Conclusion;
use crate::memory::{Charge, Full, weight};
use record::{Record, Whole};
pub(super) use replays::Replays;
use replays::{Begun, Work};

/// Header of RFC 9211.
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// What two requests must have in common to get the same reading. The release and its rules are those of this process, and
/// nothing outlives it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Content {
    /// Id of the API key.
    pub(super) key: Arc<str>,
    /// SHA-256 of the document, in hex.
    pub(super) sha256: String,
    /// All parameters that affect the reading, normalized.
    pub(super) parameters: String,
}

/// A reading, or the rejection in its place.
type Outcome = Result<Arc<Whole>, Rejection>;

/// Source of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The cache.
    Hit,
    /// The work for an earlier request with the same `Idempotency-Key`.
    Collapsed,
    /// Work for this request.
    Miss,
    /// Work for this request, because the client asked for it.
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

    /// Adds `Cache-Status` to the response.
    pub(super) fn mark(self, mut response: Response) -> Response {
        let status = HeaderValue::from_static(match self {
            Self::Hit => "ocr-service; hit",
            Self::Collapsed => "ocr-service; fwd=miss; collapsed",
            Self::Miss => "ocr-service; fwd=miss",
            Self::Bypass => "ocr-service; fwd=request",
        });
        response.headers_mut().insert(CACHE_STATUS, status);
        response
    }
}

/// A reading made for this request, or replayed from a record: its pages one by one, then its conclusion.
#[derive(Debug)]
pub(super) struct Replay {
    source: Source,
    strict: Strict,
    from: From,
}

#[derive(Debug)]
enum From {
    Live(Box<Live>),
    Recorded { whole: Arc<Whole>, next: usize },
}

#[derive(Debug)]
struct Live {
    reading: Reading,
    share: Arc<Share>,
    record: Record,
    work: Work,
}

impl Replay {
    /// Starts an answer: from the cache, from a request under way with the same `Idempotency-Key`, or by reading. With
    /// such a key, this returns when the whole document has been read.
    pub(super) async fn begin(service: &Arc<Service>, intake: &Intake) -> Result<Self, Rejection> {
        let replay = Self::begin_with(service, intake).await?;
        service.metrics.replayed(replay.source.name());
        Ok(replay)
    }

    async fn begin_with(service: &Arc<Service>, intake: &Intake) -> Result<Self, Rejection> {
        let content = Content::of(intake)?;
        loop {
            match (service.replays).begin(&content, &intake.directives, intake.deadline)? {
                Begun::Kept(whole) => return Self::recorded(intake, whole, Source::Hit),
                Begun::UnderWay(under_way) => {
                    // Without an outcome, the other request abandoned the reading, and this request has to read the
                    // document.
                    let Some(outcome) = under_way.join(intake.deadline).await else {
                        continue;
                    };
                    // The reading may have reached an earlier deadline just before this request could extend it.
                    if was_cut_off(&outcome) && Instant::now() < intake.deadline {
                        continue;
                    }
                    return Self::recorded(intake, outcome?, Source::Collapsed);
                }
                Begun::Work(mut work) => {
                    let source = if intake.directives.fresh {
                        Source::Bypass
                    } else {
                        Source::Miss
                    };
                    if let Some(joint) = work.joint.take() {
                        let under_way = work.start(joint, service, intake);
                        let outcome = under_way.join(intake.deadline).await;
                        let whole = outcome.unwrap_or_else(|| Err(gave_up()))?;
                        return Self::recorded(intake, whole, source);
                    }
                    let reading = Reading::begin(service, intake, intake.deadline.into()).await?;
                    let live = Live {
                        reading,
                        share: Arc::clone(&intake.share),
                        record: Record::new(work.may_keep()),
                        work,
                    };
                    return Ok(Self {
                        source,
                        strict: intake.wanted.strict,
                        from: From::Live(Box::new(live)),
                    });
                }
            }
        }
    }

    /// Charges a reading that is replayed: the reading itself, which may leave the cache meanwhile, and copies of its
    /// pages if they are gathered.
    fn recorded(intake: &Intake, whole: Arc<Whole>, source: Source) -> Result<Self, Rejection> {
        // A reading that was cut off may be a copy, made for this request while the work continued.
        let of_others = matches!(source, Source::Hit | Source::Collapsed) || whole.cut_off;
        let gathers = intake.format != Format::NdJson;
        let copies = u64::from(of_others) + u64::from(gathers);
        intake.share.grow(whole.bytes.saturating_mul(copies))?;
        let answer = whole.bytes / 2 * intake.format.size();
        intake
            .share
            .reserve(answer)
            .map_err(|full| intake.share.busy(full))?;
        Ok(Self {
            source,
            strict: intake.wanted.strict,
            from: From::Recorded { whole, next: 0 },
        })
    }

    pub(super) fn source(&self) -> Source {
        self.source
    }

    /// Properties of the whole document.
    pub(super) fn counted(&self) -> &Counted {
        match &self.from {
            From::Live(live) => live.reading.counted(),
            From::Recorded { whole, .. } => &whole.counted,
        }
    }

    /// Numbers of the requested pages, in order.
    pub(super) fn numbers(&self) -> Vec<u32> {
        match &self.from {
            From::Live(live) => live.reading.numbers().to_vec(),
            From::Recorded { whole, .. } => {
                let mut numbers: Vec<u32> = whole.pages.iter().map(|page| page.page).collect();
                numbers.sort_unstable();
                numbers
            }
        }
    }

    /// See [`Reading::has_answer`].
    pub(super) fn has_answer(&self) -> bool {
        match &self.from {
            From::Live(live) => live.reading.has_answer(),
            From::Recorded { .. } => true,
        }
    }

    /// See [`Reading::next`].
    pub(super) async fn next(&mut self) -> Option<(Page, Option<Charge>)> {
        match &mut self.from {
            From::Live(live) => {
                let (page, charge) = live.reading.next().await?;
                if live.record.keeps() {
                    // A copy for the cache, which takes over the charge if the reading completes.
                    let bytes = weight(&page);
                    match live.share.account().charge_spare(bytes) {
                        Ok(charge) => live.record.add(&page, bytes, Some(charge)),
                        Err(Full) => live.record.give_up(),
                    }
                }
                Some((page, charge))
            }
            From::Recorded { whole, next } => {
                let page = whole.pages.get(*next)?.clone();
                *next += 1;
                Some((page, None))
            }
        }
    }

    /// See [`Reading::conclude`]. In strict mode, a missing page is a rejection, too.
    pub(super) fn conclude(self) -> Result<Conclusion, Rejection> {
        let strict = self.strict;
        let conclusion = match self.from {
            From::Live(live) => {
                let Live {
                    reading,
                    record,
                    work,
                    ..
                } = *live;
                let cut_off = reading.was_cut_off();
                let counted = reading.counted().clone();
                let conclusion = reading.conclude()?;
                if let Some(whole) = record.end(counted, &conclusion, cut_off) {
                    work.finish(&Ok(Arc::new(whole)));
                }
                conclusion
            }
            From::Recorded { whole, .. } => whole.conclusion.clone(),
        };
        conclusion.or_nothing(strict)
    }
}

impl Content {
    fn of(intake: &Intake) -> Result<Self, Rejection> {
        let how = serde_json::to_string(&intake.wanted.how).map_err(|_| gave_up())?;
        let document = &intake.document;
        let pages = intake.wanted.pages.normalized();
        let mut parameters = format!("{pages} {how}");
        if let Some(password) = &document.password {
            // What a password opened is for those who have it.
            let salted = Sha256::new_with_prefix(&document.sha256).chain_update(password.reveal());
            for byte in salted.finalize() {
                let _ = write!(parameters, " {byte:02x}");
            }
        }
        Ok(Self {
            key: Arc::clone(&intake.share.owner().key),
            sha256: document.sha256.clone(),
            parameters,
        })
    }
}

/// Whether a deadline ended it, which need not be that of each request that waited for it.
fn was_cut_off(outcome: &Outcome) -> bool {
    match outcome {
        Ok(whole) => whole.cut_off,
        Err(rejection) => rejection.kind() == ProblemKind::Deadline,
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
