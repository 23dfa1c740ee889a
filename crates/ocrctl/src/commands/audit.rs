//! `ocrctl audit ENV`: what here depends on a person?

use super::fleet::Fleet;
use super::{Outcome, Result, environment};
use crate::cli::Global;
use crate::report::Report;
use ocrctl_inventory::{Environment, Tls};
use ocrctl_protocol::audit::Scope;
use ocrctl_protocol::check::Verdict;
use ocrctl_protocol::{Event, Request};

/// Findings go before checks that could not run: they are certain.
pub(super) async fn run(global: &Global, report: &Report, name: &str) -> Result {
    let environment = environment(global, name)?;
    let scope = scope(&environment);
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    let request = |_: &str| {
        Some(Request::Audit {
            scope: Box::new(scope.clone()),
        })
    };
    let answers = fleet.each(request).await?;
    fleet.close().await;
    let mut outcome = Outcome::Done;
    for (host, answer) in &answers {
        let Event::Audited { lines } = answer else {
            return Err(super::fleet::unexpected(host, answer));
        };
        for line in lines {
            outcome = match (outcome, &line.verdict) {
                (_, Verdict::Finding { .. }) | (Outcome::Changes, _) => Outcome::Changes,
                (_, Verdict::CouldNotRun { .. }) => Outcome::Incomplete,
                (outcome, Verdict::Ok { .. }) => outcome,
            };
        }
        report.event(host, answer);
    }
    Ok(outcome)
}

/// Returns the scope of an audit. It needs no secret of the inventory.
fn scope(environment: &Environment) -> Scope {
    Scope {
        environment: environment.name.clone(),
        names: environment.names.clone(),
        image: environment.image.clone(),
        ownership: environment.ownership.clone(),
        firewall: environment.firewall.clone(),
        certificate_from_files: matches!(environment.tls, Tls::Files { .. }),
        acme_contact: acme_contact(&environment.tls),
    }
}

fn acme_contact(tls: &Tls) -> Option<String> {
    match tls {
        Tls::SelfSigned | Tls::Files { .. } => None,
        Tls::Acme(authority) | Tls::Certbot(authority) => authority.contact.clone(),
    }
}
