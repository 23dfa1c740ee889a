//! The live release anew: a new container like its own takes over, as at a deploy.

use super::{Engine, Host, Operation, Record, Release, Slot, State, kept, record};
use crate::agent::Result;
use crate::protocol::{Failure, Registry};

impl Release {
    /// Of what is known of the live release, and of nothing that waits to be deployed. `name`: NGINX is asked for it.
    ///
    /// If the new container fails, the old one serves on, or again.
    pub async fn restart(host: &Host, name: String, operation: &mut Operation) -> Result<()> {
        let engine = Engine::connect().await?;
        let Some(live) = Slot::live(host)? else {
            return Err(Failure::new("no release is live here").hint("deploy one first"));
        };
        kept::settle(&engine, live).await?;
        let state = State::read(host, &engine).await?;
        let Some(container) = state.of(live) else {
            return Err(Failure::new(format!(
                "the container of slot {live}, which is live, is gone"
            ))
            .hint("`ocrctl deploy` makes it anew"));
        };
        let record = known(host, &container.release())?;
        let release = Self::recorded(&record, name);
        let to = live.other();
        let spec = release.spec(&container.image, to);
        let switched = release.replace(host, &engine, to, &spec, operation).await;
        // What failed was this attempt, and not the release, which is the one that serves.
        record::went_back(host, &record)?;
        switched
    }

    fn recorded(record: &Record, name: String) -> Self {
        Self {
            image: record.image.clone(),
            archive: None,
            // Nothing is pulled: the image is the one that runs.
            registry: Registry {
                credentials: None,
                ca: None,
            },
            service: record.service.clone(),
            rules: record.rules.clone(),
            name,
        }
    }
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
