//! `ocrctl rollback ENV`: back to the release that each host has kept.

use super::fleet::Fleet;
use super::{Outcome, Result, environment};
use crate::cli::{Global, Operation};
use crate::protocol::Level;
use crate::report::Report;

pub(super) async fn run(global: &Global, report: &Report, operation: &Operation) -> Result {
    let environment = environment(global, &operation.environment)?;
    let desired = environment.desired().await?;
    let question = format!("Switch {} back to the release before?", environment.name);
    if !report.confirm(&question, global.yes)? {
        report.note(None, Level::Info, "nothing was changed");
        return Ok(Outcome::Done);
    }
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    fleet.rollback(&desired, operation.lock_wait).await?;
    fleet.close().await;
    let text =
        "the inventory still names the release that was live before: the next deploy goes there";
    report.note(None, Level::Info, text);
    Ok(Outcome::Done)
}
