//! The release of the OCR service: a container in one of two slots, and the `live` link that NGINX's
//! upstream follows. Switching is one rename(2); see `switch.rs`.

mod archive;
pub mod images;
mod kept;
mod now;
mod probe;
pub mod record;
mod restart;
mod slot;
mod switch;
mod watch;

use jiff::{SignedDuration, Timestamp};
use ocr_api::health::{Readiness, Recognition};
use sha2::{Digest, Sha256};

use crate::docker::{
    Container, ContainerSpec, Engine, Fields, OWN_VARIABLE, digest, runtime, shown,
};
use crate::host::{Host, Operation, systemd};
pub use now::Now;
use ocrctl_protocol::{
    Action, ArchivedImage, Change, Desired, Detail, Event, ImageRef, Level, Registry, ReleaseInfo,
    Result, Service, hex,
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

    pub async fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let Some(mut change) = self.difference(host).await? else {
            return Ok(None);
        };
        if let Some(runtime) = &self.service.runtime
            && change.action != Action::Delete
            && let Some(lacking) = runtime::lacking(host, runtime).await?
        {
            change.details.push(Detail::Blocked {
                text: lacking.message,
                hint: lacking.hint.unwrap_or_default(),
            });
        }
        Ok(Some(change))
    }

    async fn difference(&self, host: &Host) -> Result<Option<Change>> {
        let resolve = self.resolve();
        // Docker is yet to be installed or started by an earlier resource: nothing runs.
        if !systemd::is_active(host, "docker").await {
            let fields = self.spec(&resolve.await?.to_string(), Slot::A).fields();
            return Ok(Some(change(
                Action::Create,
                "Docker does not run yet",
                None,
                &fields,
            )));
        }
        let read = async {
            let engine = Engine::connect().await?;
            Ok((State::read(host, &engine).await?, engine))
        };
        let (resolved, (state, engine)) = tokio::try_join!(resolve, read)?;
        let image = resolved.to_string();
        let Some(mut change) = self.compare(&image, &state) else {
            let socket = match state.live {
                Some(live) => host.access(&live.socket())?.is_some(),
                None => false,
            };
            if socket {
                return Ok(None);
            }
            return Ok(self.cut_off(&state, Timestamp::now()));
        };
        if changes_image(&change) {
            let live = state.live.and_then(|live| state.of(live));
            let about = self.about(&engine, &resolved).await?;
            if let Some(same) = same(live, &about) {
                return Ok(self.compare(same, &state));
            }
            let from = match live {
                Some(container) => {
                    let label = engine.image_label(&container.image_id, ocrctl_registry::VERSION);
                    label.await?.flatten()
                }
                None => None,
            };
            let version = Detail::Field {
                name: "version".into(),
                from,
                to: about.version,
            };
            change.details.insert(0, version);
            if let Some(archive) = &self.archive
                && engine.image_id(&image).await?.is_none()
            {
                let field = Detail::Field {
                    name: "layers".into(),
                    from: None,
                    to: Some(archive::lacking(archive, &engine).await?),
                };
                change.details.push(field);
            }
        }
        Ok(Some(change))
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
            });
        }
        let name = image.to_string();
        match engine.image_label(&name, ocrctl_registry::VERSION).await? {
            Some(version) => Ok(About {
                id: engine.image_id(&name).await?,
                version,
            }),
            None => ocrctl_registry::about(image, &self.registry).await,
        }
    }

    fn compare(&self, image: &str, state: &State) -> Option<Change> {
        let Some(live) = state.live else {
            let fields = self.spec(image, Slot::A).fields();
            return Some(change(Action::Create, "no release is live", None, &fields));
        };
        let mut wanted = self.spec(image, live).fields();
        if let Some(container) = state.of(live)
            && is_same_digest(image, container)
        {
            // The same image, from wherever it was pulled.
            wanted.insert("image".into(), container.image.clone());
        }
        let idle_runs = state
            .of(live.other())
            .is_some_and(|container| container.running);
        match state.of(live) {
            None => Some(change(
                Action::Create,
                "the live container is gone",
                None,
                &wanted,
            )),
            Some(container) if !container.is_of(&wanted) => {
                let reason = if container.fields["image"] == wanted["image"] {
                    "its container differs"
                } else {
                    "another release is live"
                };
                Some(change(
                    Action::Update,
                    reason,
                    Some(&container.fields),
                    &wanted,
                ))
            }
            Some(container) if !container.running => Some(Change {
                resource: format!("release in slot {live}"),
                action: Action::Start,
                reason: format!(
                    "its container has stopped (exit code {})",
                    container.exit_code.unwrap_or(0)
                ),
                details: vec![],
            }),
            Some(_) if idle_runs => Some(Change {
                resource: format!("release in slot {}", live.other()),
                action: Action::Delete,
                reason: format!("it still runs, though slot {live} is live: drain and stop it"),
                details: vec![],
            }),
            Some(_) => None,
        }
    }

    /// A live container without its socket, because somebody has removed that or the directory that it was given: nobody
    /// can reach it, and only a new one gets another. One that has just started has yet to make it.
    fn cut_off(&self, state: &State, now: Timestamp) -> Option<Change> {
        let live = state.live?;
        let since = state.of(live)?.started?;
        let ready = SignedDuration::try_from(self.service.ready_timeout).ok()?;
        (now.duration_since(since) > ready).then(|| Change {
            resource: "release".into(),
            action: Action::Update,
            reason: format!(
                "{} is missing: NGINX can't reach the release",
                live.socket()
            ),
            details: vec![],
        })
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

    async fn fetch(&self, engine: &Engine, image: &str, operation: &mut Operation) -> Result<()> {
        if engine.image_id(image).await?.is_some() {
            return Ok(());
        }
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

    /// Returns the id that the service reports: made of the image's digest and of its container's settings.
    fn id(&self, image: &str) -> String {
        let digest = image.rsplit("sha256:").next().unwrap_or_default();
        let service = &self.service;
        let settings = (
            self.arguments(),
            service.memory,
            service.millicpus,
            service.pids,
        );
        let mut settings = format!("{settings:?}");
        // Left out where it is not set: releases from before there was a choice keep their ids.
        settings.extend(service.runtime.as_deref());
        let settings = hex(&Sha256::digest(settings));
        format!("{}-{}", &digest[..digest.len().min(12)], &settings[..6])
    }

    fn arguments(&self) -> Vec<String> {
        let service = &self.service;
        let workers = service.workers.map_or("auto".into(), |n| n.to_string());
        let seconds = |duration: std::time::Duration| format!("{}ms", duration.as_millis());
        let mut arguments: Vec<String> = [
            "serve",
            "--listen",
            "unix:/run/ocr/ocr.sock",
            "--keys",
            "/etc/ocr/keys.json",
            "--workers",
            &workers,
            "--languages",
            &service.languages.join(","),
            "--max-upload",
            &service.max_upload.to_string(),
            "--page-timeout",
            &seconds(service.page_timeout),
            "--deadline",
            &seconds(service.deadline),
            "--drain",
            &seconds(service.drain),
        ]
        .map(str::to_owned)
        .into();
        // Left out where it is not set: an image from before there was a limit starts all the same.
        if let Some(pages) = service.max_pages {
            arguments.extend(["--max-pages".into(), pages.to_string()]);
        }
        if service.require_sandbox {
            arguments.push("--require-sandbox".into());
        }
        arguments
    }

    fn spec(&self, image: &str, slot: Slot) -> ContainerSpec {
        let service = &self.service;
        ContainerSpec {
            image: image.to_owned(),
            arguments: self.arguments(),
            environment: vec![format!("{OWN_VARIABLE}{}", self.id(image))],
            binds: vec![
                format!("{}:/run/ocr", slot.directory()),
                "/etc/ocr:/etc/ocr:ro".into(),
            ],
            user: format!("{CONTAINER_ID}:{CONTAINER_ID}"),
            memory: service.memory,
            millicpus: service.millicpus,
            pids: service.pids,
            runtime: service.runtime.clone(),
        }
    }
}

/// Images that it pushed out of the records go. That they can't is no reason to call the deploy a failure.
async fn tidy(host: &Host, operation: &Operation) {
    if let Err(failure) = images::prune(host).await {
        let text = format!("old images are still there: {}", failure.message);
        operation.events.note(Level::Warning, text);
    }
}

fn changes_image(change: &Change) -> bool {
    let image = |detail: &Detail| matches!(detail, Detail::Field { name, .. } if name == "image");
    change.details.iter().any(image)
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

fn change(action: Action, reason: &str, from: Option<&Fields>, to: &Fields) -> Change {
    let text = |name: &str, value: &String| match name {
        "image" => shown(value),
        _ => value.clone(),
    };
    let details = to
        .iter()
        .filter(|(name, value)| from.and_then(|from| from.get(*name)) != Some(value))
        .filter(|(_, value)| from.is_some() || !value.is_empty())
        .map(|(name, value)| Detail::Field {
            name: name.clone(),
            from: from.and_then(|from| Some(text(name, from.get(name)?))),
            to: Some(text(name, value)),
        })
        .collect();
    Change {
        resource: "release".into(),
        action,
        reason: reason.to_owned(),
        details,
    }
}

#[cfg(test)]
mod tests;
