//! `ocrctl deploy ENV`: the plan, the question, and exactly that plan applied.

use super::fleet::Fleet;
use super::hooks::{self, Moment};
use super::{Failed, Outcome, Result, archive, environment, limited, probe, restore};
use crate::cli::{Deploy, Global};
use crate::report::Report;
use ocrctl_protocol::{Action, Change, Desired, Detail, Diagnostic, Level};

pub(super) async fn run(global: &Global, report: &Report, mut deploy: Deploy) -> Result {
    let mut probe = std::mem::take(&mut deploy.probe);
    let deploy = &deploy;
    let operation = &deploy.operation;
    let environment = environment(global, &operation.environment)?;
    let environment = limited(environment, &deploy.rollout.limit)?;
    let archive = archive::open(report, &deploy.archive, &environment)?;
    let desired = archive::desired(&environment, archive.as_ref()).await?;
    let backup = restore::open(deploy, &environment)?;
    let (mut fleet, unreachable) = Fleet::reach(global, report, &environment).await;
    if let Some(failed) = unreachable {
        return Err(not_all(fleet, &desired, failed).await);
    }
    if let Some(archive) = &archive {
        fleet.supply(archive);
    }
    // Before anything is compared: a certificate that is in the backup need not be made.
    if let Some(backup) = &backup
        && !restore::run(&mut fleet, backup, global.yes, deploy.replace).await?
    {
        report.note(None, Level::Info, "nothing was changed");
        fleet.close().await;
        return Ok(Outcome::Changes);
    }
    let plans = fleet.plan(&desired).await?;
    if let Some(failed) = fleet.blocked(&plans) {
        // None is changed where one can't be.
        fleet.close().await;
        if backup.is_none() {
            report.note(None, Level::Info, "nothing was changed");
        }
        return Err(failed);
    }
    if plans.iter().any(|plan| !plan.changes.is_empty()) {
        let question = format!("Apply these changes to {}?", environment.name);
        if report.confirm(&question, global.yes)? {
            hooks::run(report, &environment, &fleet, Moment::PreDeploy, None).await?;
            if plans.iter().any(|plan| is_first(&plan.changes)) {
                probe::note_first(report, &mut probe);
            }
            let (lock_wait, batch) = (operation.lock_wait, deploy.rollout.batch);
            let apply =
                async |fleet: &mut Fleet<'_>| fleet.apply(&plans, &desired, lock_wait, batch).await;
            let ended = probe::during(report, &environment, &mut fleet, &probe, apply).await;
            let hook = hooks::run(
                report,
                &environment,
                &fleet,
                Moment::PostDeploy,
                Some(&ended),
            )
            .await;
            ended?;
            hook?;
        } else {
            report.note(None, Level::Info, "nothing was changed");
            fleet.close().await;
            return Ok(Outcome::Changes);
        }
        let without_keys = plans
            .iter()
            .filter(|plan| {
                // One that was lost comes back with its keys in it.
                let empty = |detail: &Detail| !matches!(detail, Detail::Diff { text } if text.contains("\"sha256\""));
                plan.changes.iter().any(|change| {
                    change.action == Action::Create
                        && change.resource.ends_with("/keys.json")
                        && change.details.iter().all(empty)
                })
            })
            .count();
        let name = &environment.name;
        let text = match without_keys {
            0 => None,
            all if all == plans.len() => Some(format!(
                "no client has a key yet: `ocrctl keys add {name} --name CLIENT` makes one"
            )),
            _ => Some(format!(
                "a host is new: `ocrctl keys sync {name}` gives it the keys of the others"
            )),
        };
        if let Some(text) = text {
            report.note(None, Level::Info, text);
        }
    }
    fleet.close().await;
    Ok(Outcome::Done)
}

/// Returns whether no release serves before these changes.
fn is_first(changes: &[Change]) -> bool {
    let created = |it: &Change| it.resource == "release" && it.action == Action::Create;
    changes.iter().any(created)
}

/// Some hosts can't be reached: the others' plans are shown, and nothing is changed, so that the environment stays of
/// one kind.
async fn not_all(mut fleet: Fleet<'_>, desired: &Desired, failed: Failed) -> Failed {
    let names: Vec<String> = fleet.names().map(str::to_owned).collect();
    let planned = fleet.plan(desired).await;
    fleet.close().await;
    let failed = failed.and(planned.err());
    if names.is_empty() {
        return failed;
    }
    let hint = format!(
        "--limit {} leaves out those that can't be reached",
        names.join(",")
    );
    failed.and(Some(Failed::new(
        Diagnostic::new("nothing was changed").hint(hint),
    )))
}
