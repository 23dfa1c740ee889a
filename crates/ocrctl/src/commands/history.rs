//! `ocrctl history ENV`: the hosts' journals.

use super::fleet::Fleet;
use super::{Outcome, Result, environment};
use crate::cli::Global;
use crate::report::Report;
use ocrctl_protocol::Request;

pub(super) async fn run(global: &Global, report: &Report, name: &str) -> Result {
    let environment = environment(global, name)?;
    let (mut fleet, unreachable) = Fleet::reach(global, report, &environment).await;
    let answers = fleet.each(|_| Some(Request::History)).await;
    fleet.close().await;
    for (host, answer) in answers? {
        report.event(&host, &answer);
    }
    unreachable.map_or(Ok(Outcome::Done), Err)
}
