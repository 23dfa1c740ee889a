//! `ocrctl alerts test ENV`: whether the hosts can reach their alerts' channels.

use super::fleet::Fleet;
use super::{Failed, Outcome, Result, environment};
use crate::cli::{Alerts, Global};
use crate::report::Report;
use ocrctl_protocol::{Diagnostic, Event, Request};

pub(super) async fn run(global: &Global, report: &Report, command: &Alerts) -> Result {
    let Alerts::Test(name) = command;
    let environment = environment(global, &name.environment)?;
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    let answers = fleet.each(|_| Some(Request::TestAlerts)).await?;
    fleet.close().await;
    let mut failures = Vec::new();
    for (host, answer) in &answers {
        report.event(host, answer);
        let Event::AlertsTested { deliveries } = answer else {
            return Err(super::fleet::unexpected(host, answer));
        };
        if deliveries.is_empty() {
            failures.push(
                Diagnostic::new("it has no channel for alerts")
                    .host(host)
                    .hint("name channels in `alerts` of the inventory, and deploy"),
            );
        }
        let failed = deliveries.iter().filter(|it| it.error.is_some());
        failures.extend(failed.map(|it| {
            Diagnostic::new(format!("nothing goes out over {}", it.channel))
                .host(host)
                .hint("the host itself sends: it has to reach that server; a changed URL or password takes a deploy")
        }));
    }
    Failed::all(failures).map_or(Ok(Outcome::Done), Err)
}
