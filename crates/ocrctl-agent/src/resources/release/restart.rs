//! The live release anew: a new container like its own takes over, as at a deploy.

use std::time::Duration;

use super::{Engine, Host, Operation, Record, Release, Slot, State, kept, probe, record};
use ocrctl_protocol::{Failure, Registry, Result, Service};

impl Release {
    /// Of what is known of the live release, and of nothing that waits to be deployed. `name`: NGINX is asked for it.
    ///
    /// If the new container fails, the old one serves on, or again. One that `answers` has its time to finish what it
    /// began; one that does not finishes nothing, and has no clients to watch the new one by.
    pub async fn restart(
        host: &Host,
        name: String,
        answers: bool,
        operation: &mut Operation,
    ) -> Result<()> {
        let engine = Engine::connect().await?;
        let Some(live) = Slot::live(host)? else {
            return Err(Failure::new("no release is live here").hint("deploy one first"));
        };
        kept::settle(&engine, live).await?;
        let state = State::read(host, &engine).await?;
        let (record, image) = match state.of(live) {
            Some(container) => (known(host, &container.release())?, container.image.clone()),
            None => {
                let record = last_good(host, live)?;
                let image = record.image.clone();
                (record, image)
            }
        };
        let mut release = Self::recorded(&record, name)?;
        let to = live.other();
        let spec = release.spec(&image, to);
        if !answers {
            release.service.drain = Duration::ZERO;
            release.service.watch = Duration::ZERO;
        }
        let switched = release.replace(host, &engine, to, &spec, operation).await;
        // This attempt failed, not the release, which is serving.
        record::stays(host, &record)?;
        switched
    }

    /// Starts the live container, which has stopped, as it is.
    pub async fn start(host: &Host, operation: &mut Operation) -> Result<()> {
        let engine = Engine::connect().await?;
        let Some(live) = Slot::live(host)? else {
            return Err(Failure::new("no release is live here").hint("deploy one first"));
        };
        let container = engine.inspect(live.container()).await?;
        let record = container.map(|container| known(host, &container.release()));
        let limit = match record {
            Some(Ok(record)) => record.service.ready_timeout,
            _ => Service::READY_TIMEOUT,
        };
        live.clear(host)?;
        engine.start(live.container()).await?;
        probe::until_ready(host, &engine, live, limit, operation).await
    }

    fn recorded(record: &Record, name: String) -> Result<Self> {
        Ok(Self {
            image: record.image()?,
            archive: None,
            // Nothing is pulled: the image is the one that runs.
            registry: Registry {
                credentials: None,
                ca: None,
            },
            service: record.service.clone(),
            rules: record.rules.clone(),
            name,
        })
    }
}

/// The live container is gone, and can't say any more which release it was of.
fn last_good(host: &Host, live: Slot) -> Result<Record> {
    let mut records = record::all(host)?.into_iter();
    records.find(Record::is_good).ok_or_else(|| {
        Failure::new(format!(
            "the container of slot {live}, which is live, is gone"
        ))
        .hint("`ocrctl deploy` makes it anew")
    })
}

fn known(host: &Host, id: &str) -> Result<Record> {
    let found = record::all(host)?
        .into_iter()
        .find(|record| record.id == id);
    found.ok_or_else(|| {
        Failure::new(format!(
            "nothing is known here of how release `{id}` was made"
        ))
        .hint("`ocrctl deploy` makes what the inventory says")
    })
}
