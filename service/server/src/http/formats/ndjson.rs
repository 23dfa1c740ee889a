//! NDJSON answers: one line per page, sent as soon as the page is read.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use ocr_api::answer::Page;
use ocr_api::event::{Begin, End, Event};
use ocr_api::issue::sentences;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use crate::http::Service;
use crate::http::cache::Replay;
use crate::http::intake::Intake;
use crate::http::outcome::access;
use crate::http::outcome::error::Rejection;
use crate::http::reading::conclusion::Conclusion;
use crate::memory::{Account, Charge, Charged, weight};

/// Header that makes NGINX pass on each line at once instead of buffering.
const BUFFERING: (&str, &str) = ("x-accel-buffering", "no");
/// Pause between two attempts to reserve memory for a line.
const ROOM_PAUSE: Duration = Duration::from_millis(50);
/// Most lines that wait for the client. A client that does not read blocks the next line.
const WAITING: usize = 8;
/// Time after the deadline in which the client has to read its lines. Beyond it, the client would hold the document's
/// memory for too long.
const GRACE: Duration = Duration::from_secs(10);

/// Starts the answer when there is something to answer. Before that, the whole request can still become a problem with
/// a status.
pub(crate) async fn respond(
    service: &Service,
    intake: Intake,
    mut reading: Replay,
) -> Result<Response, Rejection> {
    let numbers = reading.numbers();
    let requested = numbers.len();
    let begin = Event::Document(Box::new(Begin {
        id: intake.id.clone(),
        release: service.release.clone(),
        engine: service.pool.engine(),
        document: intake.describe(reading.counted()),
        requested: numbers,
    }));
    let mut done = Vec::new();
    let rest = loop {
        if reading.has_answer() {
            break Rest::Coming(reading);
        }
        match reading.next().await {
            Some(page) => done.push(page),
            None => break Rest::Over(reading.conclude()?),
        }
    };
    let id = intake.id.clone();
    let (lines, sent) = mpsc::channel(WAITING);
    tokio::spawn(async move {
        let started = Instant::now();
        let last_call = intake.deadline + GRACE;
        let way = Lines {
            lines: &lines,
            account: intake.share.account(),
        };
        let written = tokio::select! {
            written = timeout_at(last_call, write(&way, &id, begin, done, rest)) => written.ok().flatten(),
            () = lines.closed() => None,
        };
        let ms = started.elapsed().as_millis() as u64;
        let complete = written.as_ref().map(|(complete, _)| *complete);
        let codes = written.as_ref().map(|(_, codes)| access::list(codes));
        let message = match complete {
            Some(_) => "the last line was written",
            None => "the client disconnected before the last line, or did not read it in time",
        };
        let (key, sha256) = (&*intake.share.owner().key, &intake.document.sha256);
        tracing::info!(
            request_id = id,
            key,
            sha256,
            pages = requested,
            complete,
            codes,
            ms,
            message
        );
        // The document and its memory are held until here.
        drop(intake);
    });
    let headers = [
        (CONTENT_TYPE.as_str(), "application/x-ndjson"),
        (CACHE_CONTROL.as_str(), "no-store"),
        BUFFERING,
    ];
    Ok((headers, Body::from_stream(body(sent))).into_response())
}

enum Line {
    More(Bytes),
    Last(Bytes),
}

enum Rest {
    Coming(Replay),
    Over(Conclusion),
}

/// Sends the lines as pages are read. Returns true if the answer was complete, and the number of codes by type. Returns
/// `None` if the client no longer reads.
async fn write(
    lines: &Lines<'_>,
    id: &str,
    begin: Event,
    done: Vec<(Page, Option<Charge>)>,
    rest: Rest,
) -> Option<(bool, BTreeMap<String, u32>)> {
    lines.send(Line::More, &begin, None).await?;
    for (page, charge) in done {
        lines.send_page(page, charge).await?;
    }
    let conclusion = match rest {
        Rest::Over(conclusion) => Ok(conclusion),
        Rest::Coming(mut reading) => {
            while let Some((page, charge)) = reading.next().await {
                lines.send_page(page, charge).await?;
            }
            reading.conclude()
        }
    };
    let complete = conclusion.as_ref().is_ok_and(|end| end.complete);
    let codes = conclusion
        .as_ref()
        .map(|end| access::count_codes(&end.codes))
        .unwrap_or_default();
    let last = match conclusion {
        Ok(conclusion) => Event::End(End {
            complete,
            codes: conclusion.codes,
            warnings: sentences(&conclusion.issues),
            issues: conclusion.issues,
        }),
        Err(rejection) => Event::Problem(rejection.into_problem(id)),
    };
    lines.send(Line::Last, &last, None).await?;
    Some((complete, codes))
}

/// Channel of lines to the client. Each line's memory is charged until the line has been written.
struct Lines<'a> {
    lines: &'a mpsc::Sender<Line>,
    account: &'a Arc<Account>,
}

impl Lines<'_> {
    async fn send_page(&self, page: Page, charge: Option<Charge>) -> Option<()> {
        let event = Event::Page(Box::new(page));
        self.send(Line::More, &event, charge).await
    }

    /// Sends a line. It is charged with the charge of what it is made of, or waits until there is memory. Returns
    /// `None` if the client has disconnected.
    async fn send(
        &self,
        kind: fn(Bytes) -> Line,
        event: &Event,
        charge: Option<Charge>,
    ) -> Option<()> {
        let mut charge = charge.unwrap_or_else(|| self.account.charge());
        // JSON takes half of a value's weight.
        let length = weight(event) / 2 + 1;
        while charge.grow(length.saturating_sub(charge.bytes())).is_err() {
            sleep(ROOM_PAUSE).await;
        }
        let mut value = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        // Events consist of strings, numbers and lists, which always serialize.
        let _ = serde_json::to_writer(&mut value, event);
        value.push(b'\n');
        charge.shrink_to(length);
        let line = kind(Charged { value, charge }.into());
        self.lines.send(line).await.ok()
    }
}

/// The body of the response. It ends without an error only after the last line, so a client sees a broken connection
/// when lines are missing.
fn body(lines: mpsc::Receiver<Line>) -> impl Stream<Item = io::Result<Bytes>> {
    stream::unfold(Some(lines), |lines| async move {
        let mut lines = lines?;
        Some(match lines.recv().await {
            Some(Line::More(line)) => (Ok(line), Some(lines)),
            Some(Line::Last(line)) => (Ok(line), None),
            None => (Err(io::ErrorKind::BrokenPipe.into()), None),
        })
    })
}
