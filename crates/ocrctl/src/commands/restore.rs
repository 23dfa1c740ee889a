//! The part of `ocrctl deploy ENV --restore FILE` that comes before the deploy.

use super::backup::open_identity;
use super::fleet::{Fleet, unexpected};
use super::{Failed, Result};
use crate::cli::Deploy;
use crate::commands::backup::file::{BackupFile, Opened};
use ocrctl_inventory::Environment;
use ocrctl_protocol::{Action, Diagnostic, Event, Level, Request, Secret};

/// The backup that the command line names, in the clear. It stays in memory.
pub(super) fn open(deploy: &Deploy, environment: &Environment) -> Result<Option<Vec<Opened>>> {
    let (Some(path), Some(identity)) = (&deploy.restore, &deploy.identity) else {
        return Ok(None);
    };
    let identities = open_identity(identity)?;
    let parts = BackupFile::read(path)?.open(path, &environment.name, &identities)?;
    let known = |part: &Opened| {
        environment
            .hosts
            .iter()
            .any(|host| host.name == part.contents.host)
    };
    if !parts.iter().any(known) {
        let hosts: Vec<&str> = parts
            .iter()
            .map(|part| part.contents.host.as_str())
            .collect();
        let message = format!("no host of {} is in {}", environment.name, path.display());
        return Err(Failed::new(Diagnostic::new(message).hint(format!(
            "it is of {}: a host that takes the place of another takes its `name` in the inventory too",
            hosts.join(", ")
        ))));
    }
    Ok(Some(parts))
}

/// Compares, asks and restores; false if the operator does not want it. State that a host has of its own is
/// replaced only with `replace`.
pub(super) async fn run(
    fleet: &mut Fleet<'_>,
    parts: &[Opened],
    yes: bool,
    replace: bool,
) -> Result<bool> {
    let report = fleet.report();
    let request = |host: &str, fingerprint: Option<String>| {
        let part = parts.iter().find(|part| part.contents.host == host)?;
        Some(Request::Restore {
            contents: Secret(part.text.clone()),
            fingerprint,
        })
    };
    let mut plans = Vec::new();
    for (host, answer) in fleet.each(|host| request(host, None)).await? {
        match &answer {
            Event::Planned { changes, .. } if changes.is_empty() => {
                report.note(Some(&host), Level::Info, "has all of the backup already");
            }
            Event::Planned {
                changes,
                fingerprint,
            } => {
                report.event(&host, &answer);
                let own = changes.iter().any(|change| change.action == Action::Update);
                plans.push((host, fingerprint.clone(), own));
            }
            other => return Err(unexpected(&host, other)),
        }
    }
    tell_of_strangers(fleet, parts);
    let own: Vec<&str> = plans
        .iter()
        .filter(|(_, _, own)| *own)
        .map(|(host, _, _)| host.as_str())
        .collect();
    if !own.is_empty() && !replace {
        return Err(Failed::new(
            Diagnostic::new(format!(
                "{} has state of its own, which the backup would replace; nothing was done",
                own.join(", ")
            ))
            .hint("the plan above names the files: `ocrctl backup` them first, then --replace, or deploy without --restore"),
        ));
    }
    if plans.is_empty() {
        return Ok(true);
    }
    if !report.confirm("Put these files of the backup in place?", yes)? {
        return Ok(false);
    }
    let request = |host: &str| {
        let (_, fingerprint, _) = plans.iter().find(|(name, _, _)| name == host)?;
        request(host, Some(fingerprint.clone()))
    };
    for (host, answer) in fleet.each(request).await? {
        match answer {
            Event::Restored { .. } => report.event(&host, &answer),
            other => return Err(unexpected(&host, &other)),
        }
    }
    Ok(true)
}

/// Hosts that are in one of backup and inventory only.
fn tell_of_strangers(fleet: &Fleet<'_>, parts: &[Opened]) {
    let warn = |host: &str, text: &str| fleet.report().note(Some(host), Level::Warning, text);
    let saved: Vec<&str> = parts
        .iter()
        .map(|part| part.contents.host.as_str())
        .collect();
    for host in fleet.names().filter(|host| !saved.contains(host)) {
        warn(host, "is not in the backup: nothing is restored on it");
    }
    for host in saved
        .into_iter()
        .filter(|saved| !fleet.names().any(|host| host == *saved))
    {
        warn(
            host,
            "is in the backup and not in the inventory: nothing of it is restored",
        );
    }
}
