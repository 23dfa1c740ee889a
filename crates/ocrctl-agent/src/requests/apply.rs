//! `plan`, `deploy` and `rollback` on the host: one path from the difference to its end.

use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use sha2::{Digest, Sha256};

use crate::docker::Engine;
use crate::host::journal::{Entry, Journal, State};
use crate::host::lock::Lock;
use crate::host::{Host, Operation};
use crate::resources::release::{Release, record};
use crate::resources::{Resource, firewall};
use crate::stack;
use ocrctl_protocol::{
    Change, Desired, Event, Failure, FailureKind, Firewall, Level, Result, StepState,
};

/// A plan shown to the operator: the changes, and the state they were derived from.
#[derive(Debug)]
pub struct Planned {
    desired: Desired,
    pub changes: Vec<Change>,
    /// Problems of the host that a deploy doesn't change, each with its fix.
    pub warnings: Vec<String>,
}

impl Planned {
    /// Stands for exactly these changes.
    pub fn fingerprint(&self) -> String {
        fingerprint(&self.changes)
    }
}

pub fn fingerprint(changes: &[Change]) -> String {
    let text = serde_json::to_vec(changes).unwrap_or_default();
    ocrctl_protocol::hex(&Sha256::digest(text))
}

pub async fn plan(host: &Host, desired: Desired) -> Result<Planned> {
    let resources = stack::resources(host, &desired).await?;
    let (changes, warnings) = tokio::join!(
        differences(host, &resources),
        warnings(host, &desired.firewall)
    );
    Ok(Planned {
        desired,
        changes: changes?,
        warnings,
    })
}

async fn warnings(host: &Host, firewall: &Firewall) -> Vec<String> {
    if firewall.close_published || !host.is_machine() {
        return Vec::new();
    }
    // Where there is no engine yet, nothing is published; one that does not answer fails the plan elsewhere.
    let containers = async { Engine::connect().await?.published().await }.await;
    let leaks = firewall::leaks(&containers.unwrap_or_default(), firewall);
    let fix = |leak| {
        format!(
            "{leak}; publish on 127.0.0.1 instead, name the port in `firewall.allow`, or close such ports by `firewall.published: close`"
        )
    };
    leaks.into_iter().map(fix).collect()
}

/// Reads all resources at once: what waits (Docker, systemd, a registry) waits together.
async fn differences(host: &Host, resources: &[Resource]) -> Result<Vec<Change>> {
    let changes = try_join_all(resources.iter().map(|resource| resource.diff(host))).await?;
    Ok(changes.into_iter().flatten().collect())
}

pub async fn deploy(
    host: &Host,
    operation: &mut Operation,
    operator: &str,
    planned: Planned,
    lock_wait: Duration,
) -> Result<()> {
    let _lock = Lock::take(host, operator, "deploy", lock_wait).await?;
    recorded(host, operation, operator, "deploy", async |operation| {
        let resources = stack::resources(host, &planned.desired).await?;
        let now = differences(host, &resources).await?;
        if now.is_empty() {
            let text = "somebody else has made these changes meanwhile";
            operation.events.note(Level::Info, text.to_owned());
            return Ok(());
        }
        if now != planned.changes {
            return Err(Failure {
                kind: FailureKind::HostChanged,
                message: "the host has changed since the plan was made; nothing was done".into(),
                hint: Some("run the command again to see the plan as it is now".into()),
            });
        }
        now.iter().try_for_each(unblocked)?;
        change(host, operation, &resources, planned.changes.len()).await?;
        converged(host, &resources).await?;
        if let Some(live) = Release::live(host).await {
            record::rules_changed(host, &live, planned.desired.rules.as_deref())?;
        }
        Ok(())
    })
    .await
}

/// Refuses a change that can't be made as things are.
fn unblocked(change: &Change) -> Result<()> {
    match change.blocked().next() {
        None => Ok(()),
        Some(failure) => Err(failure),
    }
}

async fn change(
    host: &Host,
    operation: &mut Operation,
    resources: &[Resource],
    expected: usize,
) -> Result<()> {
    let mut index = 0;
    for resource in resources {
        // Read again at its turn: what came before may have been all that it needed.
        let Some(change) = resource.diff(host).await? else {
            continue;
        };
        unblocked(&change)?;
        if operation.cancelled() {
            return Err(Failure {
                kind: FailureKind::Cancelled,
                message: format!("stopped as asked, before {}", change.resource),
                hint: Some("what was done is complete; `deploy` goes on from here".into()),
            });
        }
        // A change that an earlier one brought about (a reload) can come on top of the plan.
        let total = expected.max(index + 1);
        let began = Instant::now();
        operation
            .events
            .step(index, total, &change.resource, StepState::Started);
        let applied = resource.apply(host, &change, operation).await;
        let state = match applied {
            Ok(()) => StepState::Done {
                ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            },
            Err(_) => StepState::Failed,
        };
        operation.events.step(index, total, &change.resource, state);
        applied.map_err(|failure| Failure {
            message: format!("{}: {}", change.resource, failure.message),
            ..failure
        })?;
        index += 1;
    }
    Ok(())
}

/// To the kept release of id `to`.
pub async fn rollback(
    host: &Host,
    operation: &mut Operation,
    operator: &str,
    desired: Desired,
    to: &str,
    lock_wait: Duration,
) -> Result<()> {
    let _lock = Lock::take(host, operator, "rollback", lock_wait).await?;
    recorded(host, operation, operator, "rollback", async |operation| {
        let record = record::find(host, to)?;
        let resources = stack::with_release(host, &record.applied_to(desired)?)?;
        change(host, operation, &resources, 1).await?;
        record::went_back(host, &record)?;
        converged(host, &resources).await
    })
    .await
}

/// The same comparison again, after everything was applied.
async fn converged(host: &Host, resources: &[Resource]) -> Result<()> {
    match differences(host, resources).await?.first() {
        None => Ok(()),
        Some(first) => Err(Failure::new(format!(
            "applied, but the host still differs: {}: {}",
            first.resource, first.reason
        ))
        .hint("run `ocrctl plan` to see what; something else may be changing the host")),
    }
}

/// Brings the image here, and what Docker needs for it; the release is left alone.
pub async fn pull(
    host: &Host,
    operation: &mut Operation,
    operator: &str,
    desired: Desired,
    lock_wait: Duration,
) -> Result<()> {
    let _lock = Lock::take(host, operator, "pull", lock_wait).await?;
    if let Some(ca) = stack::registry_ca(&desired)
        && ca.diff(host)?.is_some()
    {
        ca.apply(host)?;
    }
    let pulled = Release::pull(host, &desired, operation).await?;
    Journal::of(host).add(
        operator,
        "pull",
        State::Done,
        Some(desired.image.to_string()),
    )?;
    operation.events.send(pulled);
    Ok(())
}

/// Runs an operation between its two entries in the journal.
pub(super) async fn recorded(
    host: &Host,
    operation: &mut Operation,
    operator: &str,
    command: &str,
    work: impl AsyncFnOnce(&mut Operation) -> Result<()>,
) -> Result<()> {
    let journal = Journal::of(host);
    let before = Release::live(host).await;
    let from = before.as_ref().map(|release| release.id.clone());
    let entry = |state, detail| Entry {
        from: from.clone(),
        ..Entry::new(operator, command, state, detail)
    };
    journal.write(&entry(State::Began, None))?;
    let outcome = work(operation).await;
    let release = Release::live(host).await;
    let to = release.as_ref().map(|release| release.id.clone());
    let detail = match &outcome {
        Ok(()) => release
            .as_ref()
            .map(|r| format!("{} in slot {}", r.image, r.slot)),
        Err(failure) => Some(failure.message.clone()),
    };
    if outcome.is_ok() {
        operation.events.send(Event::Applied { release, before });
    }
    let state = match (outcome.is_err(), operation.events.unread()) {
        (false, false) => State::Done,
        (false, true) => State::DoneUnseen,
        (true, false) => State::Failed,
        (true, true) => State::FailedUnseen,
    };
    journal.write(&Entry {
        to,
        ..entry(state, detail)
    })?;
    outcome
}
