//! The log of a slot's container, whichever is in it.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::AHEAD;
use crate::docker::Engine;
use ocrctl_protocol::logs::{Line, Source};
use ocrctl_protocol::{Context, Result};

/// Between two looks whether a slot's container runs.
const EVERY: Duration = Duration::from_millis(500);

#[derive(Debug)]
pub(super) struct Container {
    engine: Engine,
    name: &'static str,
    source: Source,
    /// The time of the last line that was given.
    last: Timestamp,
    there: mpsc::Receiver<(Timestamp, String)>,
    reading: Option<JoinHandle<Result<()>>>,
}

impl Container {
    pub(super) fn open(
        engine: Engine,
        name: &'static str,
        source: Source,
        since: Timestamp,
    ) -> Self {
        let (sender, there) = mpsc::channel(AHEAD);
        let reader = engine.clone();
        let reading = tokio::spawn(async move { reader.log(name, since, false, &sender).await });
        Self {
            engine,
            name,
            source,
            last: since,
            there,
            reading: Some(reading),
        }
    }

    pub(super) async fn next(&mut self) -> Result<Option<Line>> {
        if let Some((at, text)) = self.there.recv().await {
            self.last = at;
            return Ok(Some(self.line(at, text)));
        }
        if let Some(reading) = self.reading.take() {
            reading.await.context("reading a log")??;
        }
        Ok(None)
    }

    /// From container to container: a slot gets another one at each deploy.
    pub(super) async fn follow(mut self, lines: mpsc::Sender<Line>) -> Result<()> {
        let mut followed: Option<Timestamp> = None;
        loop {
            let found = self.engine.inspect(self.name).await?;
            // Also one that has begun and ended meanwhile has had its last words.
            let fresh = found.filter(|it| it.running || it.started != followed);
            let Some(container) = fresh else {
                tokio::time::sleep(EVERY).await;
                continue;
            };
            followed = container.started;
            let (sender, mut there) = mpsc::channel(AHEAD);
            let (engine, name, since) = (self.engine.clone(), self.name, self.last);
            let reading = tokio::spawn(async move { engine.log(name, since, true, &sender).await });
            while let Some((at, text)) = there.recv().await {
                self.last = at;
                if lines.send(self.line(at, text)).await.is_err() {
                    return Ok(());
                }
            }
            reading.await.context("following a log")??;
            tokio::time::sleep(EVERY).await;
        }
    }

    fn line(&self, at: Timestamp, text: String) -> Line {
        Line {
            at,
            from: self.source,
            text,
        }
    }
}
