//! `ocrctl plan ENV`: what a deploy would change.

use super::fleet::Fleet;
use super::{Outcome, Result, environment};
use crate::cli::Global;
use crate::report::Report;

pub(super) async fn run(global: &Global, report: &Report, name: &str) -> Result {
    let environment = environment(global, name)?;
    let desired = environment.desired().await?;
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    let plans = fleet.plan(&desired).await?;
    fleet.close().await;
    if plans.iter().all(|plan| plan.changes.is_empty()) {
        Ok(Outcome::Done)
    } else {
        Ok(Outcome::Changes)
    }
}
