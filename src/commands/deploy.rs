//! `ocrctl deploy ENV`: the plan, the question, and exactly that plan applied.

use super::fleet::Fleet;
use super::{Outcome, Result, environment, restore};
use crate::cli::{Deploy, Global};
use crate::protocol::{Action, Detail, Level};
use crate::report::Report;

pub(super) async fn run(global: &Global, report: &Report, deploy: &Deploy) -> Result {
    let operation = &deploy.operation;
    let environment = environment(global, &operation.environment)?;
    let desired = environment.desired().await?;
    let backup = restore::open(deploy, &environment)?;
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    // Before anything is compared: a certificate that is in the backup need not be made.
    if let Some(backup) = &backup
        && !restore::run(&mut fleet, backup, global.yes, deploy.replace).await?
    {
        report.note(None, Level::Info, "nothing was changed");
        fleet.close().await;
        return Ok(Outcome::Changes);
    }
    let plans = fleet.plan(&desired).await?;
    if plans.iter().any(|plan| !plan.changes.is_empty()) {
        let question = format!("Apply these changes to {}?", environment.name);
        if report.confirm(&question, global.yes)? {
            fleet.apply(&plans, operation.lock_wait).await?;
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
