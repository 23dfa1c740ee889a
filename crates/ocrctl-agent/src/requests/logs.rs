//! `logs` on the host: the service's containers and NGINX's files, merged in the order of time, and in as much memory as
//! some lines need however long the logs are.

mod container;
mod file;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc;

use self::container::Container;
use self::file::File;
use crate::docker::Engine;
use crate::host::{Emitter, Host, Operation};
use crate::resources::nginx::{ACCESS_LOG, ERROR_LOG};
use crate::resources::release::SLOTS;
use ocrctl_protocol::logs::{Line, Scope, Source};
use ocrctl_protocol::{Context, Event, Level, Result};

/// Lines of one event.
const BATCH: usize = 200;
/// And their characters, about.
const BATCH_BYTES: usize = 128 * 1024;
/// Lines on their way from a source.
const AHEAD: usize = 64;

/// Tells what there is; then, where that was asked for, what comes, until the controller has had enough.
pub async fn tell(host: &Host, operation: &mut Operation, scope: &Scope) -> Result<()> {
    let (events, incoming) = operation.split();
    tokio::select! {
        told = all(host, events, scope) => told,
        () = incoming.enough() => Ok(()),
    }
}

async fn all(host: &Host, events: &Emitter, scope: &Scope) -> Result<()> {
    let since = SignedDuration::try_from(scope.since).context("reckoning with the time")?;
    let since = Timestamp::now()
        .checked_sub(since)
        .unwrap_or(Timestamp::MIN);
    let mut logs = Logs::open(host, events, scope, since).await?;
    let mut batch = Batch::new(events, scope.request.as_deref());
    let mut heads: Vec<Option<Line>> = Vec::new();
    for log in &mut logs.0 {
        heads.push(log.next().await?);
    }
    while let Some(first) = earliest(&heads) {
        if let Some(line) = heads[first].take() {
            batch.add(line).await;
        }
        heads[first] = logs.0[first].next().await?;
    }
    batch.send().await;
    events.send(Event::LogsTold);
    if scope.follow {
        follow(logs, batch).await?;
    }
    Ok(())
}

/// Which of several lines comes first; those of a source are in order already.
fn earliest(heads: &[Option<Line>]) -> Option<usize> {
    let heads = heads.iter().enumerate();
    let lines = heads.filter_map(|(place, line)| Some((line.as_ref()?.at, place)));
    lines.min().map(|(_, place)| place)
}

/// Sends new lines at once: the controller sorts lines that several hosts send at about the same time.
async fn follow(logs: Logs, mut batch: Batch<'_>) -> Result<()> {
    let (sender, mut lines) = mpsc::channel(AHEAD);
    // They end when this is dropped.
    let mut following = tokio::task::JoinSet::new();
    for log in logs.0 {
        following.spawn(log.follow(sender.clone()));
    }
    drop(sender);
    while let Some(line) = lines.recv().await {
        batch.add(line).await;
        while let Ok(line) = lines.try_recv() {
            batch.add(line).await;
        }
        batch.send().await;
    }
    while let Some(ended) = following.join_next().await {
        ended.context("following a log")??;
    }
    Ok(())
}

#[derive(Debug)]
struct Logs(Vec<Log>);

#[derive(Debug)]
enum Log {
    Container(Container),
    File(File),
}

impl Logs {
    async fn open(host: &Host, events: &Emitter, scope: &Scope, since: Timestamp) -> Result<Self> {
        let mut logs = Vec::new();
        match Engine::connect().await {
            Ok(engine) => {
                for (slot, source) in SLOTS.into_iter().zip([Source::OcrA, Source::OcrB]) {
                    let log = Container::open(engine.clone(), slot.container(), source, since);
                    logs.push(Log::Container(log));
                }
            }
            // NGINX's logs can still be had.
            Err(failure) if scope.nginx => events.note(Level::Warning, failure.message),
            Err(failure) => return Err(failure),
        }
        if scope.nginx {
            for (path, source) in [(ACCESS_LOG, Source::Access), (ERROR_LOG, Source::Error)] {
                logs.push(Log::File(File::open(host, path, source, since)?));
            }
        }
        Ok(Self(logs))
    }
}

impl Log {
    /// The next line that is there already.
    async fn next(&mut self) -> Result<Option<Line>> {
        match self {
            Self::Container(log) => log.next().await,
            Self::File(log) => log.next(),
        }
    }

    /// Goes on after the last of those.
    async fn follow(self, lines: mpsc::Sender<Line>) -> Result<()> {
        match self {
            Self::Container(log) => log.follow(lines).await,
            Self::File(log) => log.follow(lines).await,
        }
    }
}

/// Lines on their way to the controller, as fast as it takes them.
struct Batch<'a> {
    events: &'a Emitter,
    request: Option<&'a str>,
    lines: Vec<Line>,
    bytes: usize,
}

impl<'a> Batch<'a> {
    fn new(events: &'a Emitter, request: Option<&'a str>) -> Self {
        Self {
            events,
            request,
            lines: Vec::new(),
            bytes: 0,
        }
    }

    async fn add(&mut self, line: Line) {
        if self.request.is_some_and(|id| !names(&line.text, id)) {
            // A long log without any must not keep others from their turn.
            return tokio::task::yield_now().await;
        }
        self.bytes += line.text.len();
        self.lines.push(line);
        if self.lines.len() >= BATCH || self.bytes >= BATCH_BYTES {
            self.send().await;
        }
    }

    async fn send(&mut self) {
        if !self.lines.is_empty() {
            self.bytes = 0;
            let lines = std::mem::take(&mut self.lines);
            self.events.send(Event::Logs { lines });
            self.events.drained().await;
        }
    }
}

/// Returns whether a line has exactly this request id, not a longer one that contains it.
fn names(text: &str, id: &str) -> bool {
    let of_id = |c: char| c.is_ascii_alphanumeric() || c == '-';
    text.match_indices(id).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + id.len()..].chars().next();
        !before.is_some_and(of_id) && !after.is_some_and(of_id)
    })
}

#[cfg(test)]
mod tests;
