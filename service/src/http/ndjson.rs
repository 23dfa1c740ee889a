//! An answer of many lines: each page the moment it is done.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use ocr_api::answer::{Begin, End, Event, Page};
use ocr_api::issue::sentences;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout_at};

use super::Service;
use super::access;
use super::conclusion::Conclusion;
use super::error::Rejection;
use super::intake::Intake;
use super::replay::Replay;
use crate::memory::{Account, Charge, Charged, weight};

/// NGINX passes on each line when it comes, in place of gathering them.
const BUFFERING: (&str, &str) = ("x-accel-buffering", "no");
/// Between two attempts at a line for which there is no room.
const ROOM_PAUSE: Duration = Duration::from_millis(50);
/// Lines that wait for the client. What it does not take, it keeps from the next.
const WAITING: usize = 8;
/// A client that takes its lines this much later than the deadline holds the document's memory for too long.
const GRACE: Duration = Duration::from_secs(10);

/// Begins the answer when there is something to answer; before, all of it can still become a problem with a status.
pub(super) async fn respond(
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
            Some(_) => "the last line is written",
            None => "the client went away before the last line, or did not take it",
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
        // Held until here, with the document's share of the memory.
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

/// Sends the lines as they come to be. Whether the answer was complete, and how many codes of each type it has; `None` when
/// nobody takes them.
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

/// The way of lines to the client. Each is charged until it has been written.
struct Lines<'a> {
    lines: &'a mpsc::Sender<Line>,
    account: &'a Arc<Account>,
}

impl Lines<'_> {
    async fn send_page(&self, page: Page, charge: Option<Charge>) -> Option<()> {
        let event = Event::Page(Box::new(page));
        self.send(Line::More, &event, charge).await
    }

    /// With the charge of what it is made of, or else when there is room. `None` when the client has gone.
    async fn send(
        &self,
        kind: fn(Bytes) -> Line,
        event: &Event,
        charge: Option<Charge>,
    ) -> Option<()> {
        let mut charge = charge.unwrap_or_else(|| self.account.charge());
        // Its JSON is half of what it weighs.
        let length = weight(event) / 2 + 1;
        while charge.grow(length.saturating_sub(charge.bytes())).is_err() {
            sleep(ROOM_PAUSE).await;
        }
        let mut value = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        // Strings, numbers and lists: nothing here can fail to be JSON.
        let _ = serde_json::to_writer(&mut value, event);
        value.push(b'\n');
        charge.shrink_to(length);
        let line = kind(Charged { value, charge }.into());
        self.lines.send(line).await.ok()
    }
}

/// Ends well after the last line only: whoever reads sees the connection break when something is missing.
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
