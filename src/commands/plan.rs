//! `ocrctl plan ENV`: what a deploy would change.

use super::fleet::Fleet;
use super::{Outcome, Result, archive, environment, limited};
use crate::cli::{Global, Plan};
use crate::report::Report;

pub(super) async fn run(global: &Global, report: &Report, asked: &Plan) -> Result {
    let environment = environment(global, &asked.environment.environment)?;
    let environment = limited(environment, &asked.limit)?;
    let archive = archive::open(report, &asked.archive, &environment)?;
    let desired = archive::desired(&environment, archive.as_ref()).await?;
    let (mut fleet, unreachable) = Fleet::reach(global, report, &environment).await;
    let plans = fleet.plan(&desired).await;
    fleet.close().await;
    let plans = match (plans, unreachable) {
        (Ok(plans), None) => plans,
        (Ok(_), Some(failed)) => return Err(failed),
        (Err(failed), unreachable) => return Err(failed.and(unreachable)),
    };
    if plans.iter().all(|plan| plan.changes.is_empty()) {
        Ok(Outcome::Done)
    } else {
        Ok(Outcome::Changes)
    }
}
