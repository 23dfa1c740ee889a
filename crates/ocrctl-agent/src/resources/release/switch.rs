//! start → ready → rename `live` → verify through NGINX → watch the first requests → drain the old slot → stop it, keep it.
//! A failure before the rename leaves the old release untouched; one after it renames back.

use super::watch::Watch;
use super::{Engine, Host, Operation, Release, Slot, probe, record};
use ocrctl_protocol::{Failure, Level, Result};

/// Docker kills what has not ended this long after its own drain should have.
const GRACE_SECONDS: u64 = 10;
const LAST_WORDS: usize = 20;

impl Release {
    pub(super) async fn switch(
        &self,
        host: &Host,
        engine: &Engine,
        to: Slot,
        image: &str,
        operation: &mut Operation,
    ) -> Result<()> {
        let from = Slot::live(host)?.filter(|live| *live != to);
        if let Err(failure) = self
            .take_over(host, engine, (from, to), image, operation)
            .await
        {
            for line in engine.last_words(to.container(), LAST_WORDS).await {
                operation
                    .events
                    .note(Level::Warning, format!("{}: {line}", to.container()));
            }
            engine.stop(to.container(), 1).await?;
            return Err(failure);
        }
        match from {
            Some(old) => self.drain(engine, old).await,
            None => Ok(()),
        }
    }

    async fn take_over(
        &self,
        host: &Host,
        engine: &Engine,
        (from, to): (Option<Slot>, Slot),
        image: &str,
        operation: &mut Operation,
    ) -> Result<()> {
        let tell =
            |operation: &Operation, what: String| operation.events.progress("release", &what, None);
        tell(operation, format!("starting slot {to}"));
        engine.start(to.container()).await?;
        let untouched = |failure: Failure| match from {
            Some(from) => failure.hint(format!(
                "the release in slot {from} was never touched; its clients noticed nothing"
            )),
            None => failure,
        };
        probe::until_ready(host, engine, to, self.service.ready_timeout, operation)
            .await
            .map_err(untouched)?;
        if operation.cancelled() {
            return Err(untouched(Failure::new(
                "stopped as asked, before the switch",
            )));
        }
        tell(operation, format!("switching to slot {to}"));
        let watch = Watch::before_switch(host);
        to.make_live(host)?;
        if let Err(failure) = self.stays(host, engine, to, watch, operation).await {
            match from {
                Some(from) => from.make_live(host)?,
                None => host.remove(super::LIVE)?,
            }
            record::taken_back(host, self, image, &failure.message)?;
            return Err(failure.hint("the switch was undone: the release before serves again"));
        }
        Ok(())
    }

    /// Watches whether a release that has just become live answers its clients.
    async fn stays(
        &self,
        host: &Host,
        engine: &Engine,
        slot: Slot,
        watch: Watch<'_>,
        operation: &mut Operation,
    ) -> Result<()> {
        let release = probe::release(host, slot).await?;
        probe::through_nginx(host, &self.name, &release).await?;
        watch
            .over(self.service.watch, engine, slot, operation)
            .await
    }

    /// No new connection arrives there: SIGTERM lets it finish what is in flight. The container stays
    /// for a rollback.
    pub(super) async fn drain(&self, engine: &Engine, slot: Slot) -> Result<()> {
        engine
            .stop(
                slot.container(),
                self.service.drain.as_secs() + GRACE_SECONDS,
            )
            .await
    }
}
