//! `ocrctl restart ENV`: the live release anew, through the other slot.

use super::fleet::Fleet;
use super::{Outcome, Result, environment, limited};
use crate::cli::{Global, Restart};
use crate::report::Report;
use ocrctl_protocol::Level;

pub(super) async fn run(global: &Global, report: &Report, asked: &Restart) -> Result {
    let environment = environment(global, &asked.operation.environment)?;
    let environment = limited(environment, &asked.rollout.limit)?;
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    let question = format!("Restart what {} serves?", environment.name);
    if !report.confirm(&question, global.yes)? {
        report.note(None, Level::Info, "nothing was changed");
        fleet.close().await;
        return Ok(Outcome::Done);
    }
    let ended = fleet
        .restart(asked.operation.lock_wait, asked.rollout.batch)
        .await;
    fleet.close().await;
    ended.map(|_| Outcome::Done)
}
