//! `ocrctl cert ca|status|renew ENV`: what clients verify the environment by, and how it is kept.

use super::fleet::Fleet;
use super::{Outcome, Result, environment};
use crate::cli::{Cert, Global};
use crate::report::Report;
use ocrctl_protocol::{Event, Request};

pub(super) async fn run(global: &Global, report: &Report, command: &Cert) -> Result {
    let (name, request) = match command {
        Cert::Ca(environment) => (environment, Request::Ca),
        Cert::Status(environment) => (environment, Request::Certificate),
        Cert::Renew { environment, force } => {
            (environment, Request::RenewCertificate { force: *force })
        }
    };
    let environment = environment(global, &name.environment)?;
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    let answers = fleet.ask(&request).await?;
    fleet.close().await;
    let attention = |answer: &Event| match answer {
        Event::Certificate(status) => !status.problems.is_empty(),
        _ => false,
    };
    if answers.iter().any(attention) {
        Ok(Outcome::Changes)
    } else {
        Ok(Outcome::Done)
    }
}
