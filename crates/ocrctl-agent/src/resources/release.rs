//! The release of the OCR service: a container in one of two slots, and the `live` link that NGINX's
//! upstream follows. Switching is one rename(2); see `switch.rs`.

mod archive;
mod diff;
pub mod images;
mod kept;
pub mod models;
mod now;
mod probe;
pub mod record;
mod restart;
mod slot;
mod spec;
mod switch;
mod watch;

use ocr_api::health::{Readiness, Recognition};

use crate::docker::{Container, ContainerSpec, Engine, digest, shown};
use crate::host::{Host, Operation, systemd};
pub use now::Now;
use ocrctl_protocol::{
    Action, ArchivedImage, Change, Desired, Event, ImageRef, Level, Registry, ReleaseInfo, Result,
    Service,
};
use ocrctl_registry::About;
use record::Record;
pub use slot::{LIVE, SLOTS, Slot};

/// Codes of the organization's own.
pub const RULES: &str = "/etc/ocr/rules.yaml";
/// User and group that the image runs as (`service/Dockerfile`).
pub const CONTAINER_ID: u32 = 10001;

#[derive(Debug)]
pub struct Release {
    image: ImageRef,
    /// It has the image, and no registry is asked.
    archive: Option<ArchivedImage>,
    registry: Registry,
    service: Service,
    /// They belong to the release in a rollback.
    rules: Option<String>,
    /// NGINX is asked for it when a switch is verified.
    name: String,
}

/// The release containers on the host.
#[derive(Debug)]
struct State {
    live: Option<Slot>,
    containers: [Option<Container>; 2],
}

impl State {
    async fn read(host: &Host, engine: &Engine) -> Result<Self> {
        let (a, b) = tokio::try_join!(
            engine.inspect(SLOTS[0].container()),
            engine.inspect(SLOTS[1].container())
        )?;
        Ok(Self {
            live: Slot::live(host)?,
            containers: [a, b],
        })
    }

    fn of(&self, slot: Slot) -> Option<&Container> {
        self.containers[slot as usize].as_ref()
    }
}

impl Release {
    pub fn of(desired: &Desired) -> Self {
        Self {
            image: desired.image.clone(),
            archive: desired.archive.clone(),
            registry: desired.registry.clone(),
            service: desired.service.clone(),
            rules: desired.rules.clone(),
            name: desired.names.first().cloned().unwrap_or_default(),
        }
    }

    /// The image by its digest.
    async fn resolve(&self) -> Result<ImageRef> {
        match &self.archive {
            Some(archive) => archive::reference(archive, &self.image),
            None => ocrctl_registry::resolve(&self.image, &self.registry).await,
        }
    }

    /// Looks up the names of an image, for Docker and for people.
    async fn about(&self, engine: &Engine, image: &ImageRef) -> Result<About> {
        if let Some(archive) = &self.archive {
            let platform = archive::platform(archive)?.clone();
            return Ok(About {
                id: Some(platform.config),
                version: platform.version,
                languages: platform.languages,
            });
        }
        let name = image.to_string();
        if let Some(mut labels) = engine.image_labels(&name).await? {
            return Ok(About {
                id: engine.image_id(&name).await?,
                version: labels.remove(ocrctl_registry::VERSION),
                languages: labels.remove(ocrctl_registry::LANGUAGES),
            });
        }
        ocrctl_registry::about(image, &self.registry).await
    }

    pub async fn apply(
        &self,
        host: &Host,
        change: &Change,
        operation: &mut Operation,
    ) -> Result<()> {
        let engine = Engine::connect().await?;
        if let Some(live) = Slot::live(host)? {
            kept::settle(&engine, live).await?;
        }
        let state = State::read(host, &engine).await?;
        match (change.action, state.live) {
            (Action::Start, Some(live)) => {
                engine.start(live.container()).await?;
                probe::until_ready(host, &engine, live, self.service.ready_timeout, operation).await
            }
            (Action::Delete, Some(live)) => self.drain(&engine, live.other()).await,
            (_, live) => {
                let resolved = self.resolve().await?;
                let mut image = resolved.to_string();
                let container = live.and_then(|live| state.of(live));
                if container.is_some_and(|container| !is_same_digest(&image, container)) {
                    let about = self.about(&engine, &resolved).await?;
                    image = same(container, &about).map_or(image, str::to_owned);
                }
                self.fetch(&engine, &image, operation).await?;
                let slot = live.map_or(Slot::A, Slot::other);
                let spec = self.spec(&image, slot);
                let kept = state.of(slot).is_some_and(|it| it.is_kept(&spec.fields()));
                let switched = if kept {
                    slot.clear(host)?;
                    self.switch(host, &engine, slot, &image, operation).await
                } else {
                    self.replace(host, &engine, slot, &spec, operation).await
                };
                switched?;
                // Whichever was live before the link was lost: the switch knows of none.
                let other = state.of(slot.other()).filter(|it| it.running);
                if live.is_none() && other.is_some() {
                    self.drain(&engine, slot.other()).await?;
                }
                record::made_live(host, self, &image)?;
                tidy(host, operation).await;
                Ok(())
            }
        }
    }

    /// A new container in an idle slot, which may hold the release before: that returns if the new one fails.
    async fn replace(
        &self,
        host: &Host,
        engine: &Engine,
        slot: Slot,
        spec: &ContainerSpec,
        operation: &mut Operation,
    ) -> Result<()> {
        kept::set_aside(engine, slot).await?;
        slot.clear(host)?;
        let switched = match engine.create(slot.container(), spec).await {
            Ok(()) => {
                self.switch(host, engine, slot, &spec.image, operation)
                    .await
            }
            Err(failure) => Err(failure),
        };
        match switched {
            Ok(()) => kept::forget(engine, slot).await,
            Err(failure) => {
                kept::put_back(engine, slot).await?;
                Err(failure)
            }
        }
    }

    /// Brings the image here by its digest. Nothing that runs is touched.
    pub async fn pull(host: &Host, desired: &Desired, operation: &mut Operation) -> Result<Event> {
        let release = Self::of(desired);
        let image = release.resolve().await?.to_string();
        if !systemd::is_active(host, "docker").await {
            let (id, live) = (None, None);
            return Ok(Event::Pulled { image, id, live });
        }
        let engine = Engine::connect().await?;
        release.fetch(&engine, &image, operation).await?;
        let live = match Slot::live(host)? {
            Some(slot) => engine.inspect(slot.container()).await?,
            None => None,
        };
        Ok(Event::Pulled {
            id: engine.image_id(&image).await?,
            live: live.map(|container| container.image_id),
            image,
        })
    }

    /// Returns the live release for the operator.
    pub async fn live(host: &Host) -> Option<ReleaseInfo> {
        let engine = Engine::connect().await.ok()?;
        let (slot, container) = Self::live_container(host, &engine).await?;
        Some(ReleaseInfo {
            id: container.release(),
            slot: slot.to_string(),
            image: shown(&container.image),
        })
    }

    pub async fn live_container(host: &Host, engine: &Engine) -> Option<(Slot, Container)> {
        let slot = Slot::live(host).ok()??;
        let container = engine.inspect(slot.container()).await.ok()??;
        Some((slot, container))
    }

    /// Asks the live release for its readiness; `None` if none is live or it does not answer.
    pub async fn readiness(host: &Host) -> Option<Readiness> {
        let slot = Slot::live(host).ok()??;
        probe::readiness(host, slot).await.ok()
    }

    /// Has the live release's workers recognize a sample; `None` if the release does not support the request.
    pub async fn recognition(host: &Host) -> Option<std::result::Result<Recognition, String>> {
        let slot = Slot::live(host).ok()??;
        match probe::recognition(host, slot).await {
            Ok(recognition) => recognition.map(Ok),
            Err(failure) => Some(Err(failure.message)),
        }
    }

    /// Brings the image here, and fails if it lacks a language of the inventory.
    async fn fetch(&self, engine: &Engine, image: &str, operation: &mut Operation) -> Result<()> {
        if engine.image_id(image).await?.is_none() {
            self.bring(engine, image, operation).await?;
        }
        let labels = engine.image_labels(image).await?.unwrap_or_default();
        let languages = labels.get(ocrctl_registry::LANGUAGES).map(String::as_str);
        match models::lacking(&self.service.languages, languages) {
            Some(lacking) => Err(lacking),
            None => Ok(()),
        }
    }

    async fn bring(&self, engine: &Engine, image: &str, operation: &mut Operation) -> Result<()> {
        if let Some(archive) = &self.archive {
            return archive::bring(archive, engine, image, operation).await;
        }
        let credentials = self.registry.credentials.as_ref();
        engine
            .pull(image, &self.image.registry, credentials, |status, part| {
                operation.events.progress("image", status, part);
            })
            .await
    }
}

/// Images that it pushed out of the records go. That they can't is no reason to call the deploy a failure.
async fn tidy(host: &Host, operation: &Operation) {
    if let Err(failure) = images::prune(host).await {
        let text = format!("old images are still there: {}", failure.message);
        operation.events.note(Level::Warning, text);
    }
}

/// Returns the name of a container's image, if it is the wanted one: an index and an archive can name the same image
/// by different digests.
fn same<'a>(live: Option<&'a Container>, wanted: &About) -> Option<&'a str> {
    let live = live.filter(|live| Some(&live.image_id) == wanted.id.as_ref())?;
    Some(&live.image)
}

fn is_same_digest(image: &str, container: &Container) -> bool {
    digest(image).is_some_and(|it| digest(&container.image) == Some(it))
}

#[cfg(test)]
mod tests;
