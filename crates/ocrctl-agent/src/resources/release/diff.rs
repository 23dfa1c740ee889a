//! The changes that a host needs to serve a release, by its image and its container's settings.

use jiff::{SignedDuration, Timestamp};

use super::{Container, Release, Slot, State, archive, is_same_digest, models, same};
use crate::docker::{Engine, Fields, runtime, shown};
use crate::host::{Host, systemd};
use ocrctl_protocol::{Action, Change, Detail, Result};

impl Release {
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
        let live = state.live.and_then(|live| state.of(live));
        if changes_image(&change) {
            let about = self.about(&engine, &resolved).await?;
            if let Some(same) = same(live, &about) {
                return Ok(self.compare(same, &state));
            }
            let from = match live {
                Some(container) => label(&engine, container, ocrctl_registry::VERSION).await?,
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
            change.details.extend(self.lacking_models(about.languages));
        } else if let Some(container) = live
            && change.action == Action::Update
        {
            let languages = label(&engine, container, ocrctl_registry::LANGUAGES).await?;
            change.details.extend(self.lacking_models(languages));
        }
        Ok(Some(change))
    }

    /// Blocks a change to an image without the inventory's languages.
    fn lacking_models(&self, languages: Option<String>) -> Option<Detail> {
        let lacking = models::lacking(&self.service.languages, languages.as_deref())?;
        Some(Detail::Blocked {
            text: lacking.message,
            hint: lacking.hint.unwrap_or_default(),
        })
    }

    pub(super) fn compare(&self, image: &str, state: &State) -> Option<Change> {
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
    pub(super) fn cut_off(&self, state: &State, now: Timestamp) -> Option<Change> {
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
}

/// A label of a container's image.
async fn label(engine: &Engine, container: &Container, name: &str) -> Result<Option<String>> {
    let labels = engine.image_labels(&container.image_id).await?;
    Ok(labels.and_then(|mut labels| labels.remove(name)))
}

fn changes_image(change: &Change) -> bool {
    let image = |detail: &Detail| matches!(detail, Detail::Field { name, .. } if name == "image");
    change.details.iter().any(image)
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
