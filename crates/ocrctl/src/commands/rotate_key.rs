//! `ocrctl rotate-key ENV`: a new key for a client, and an end for those that it has.

use jiff::Timestamp;
use ocr_api::keys::ApiKey;

use super::fleet::Fleet;
use super::keys::{AllHosts, Handover, Interrupts, Issued, behind, edit, refused, used};
use super::{Failed, Outcome, Result, environment};
use crate::cli::{Global, RotateKey};
use crate::report::Report;
use ocrctl_protocol::{Diagnostic, Level};

pub(super) async fn run(global: &Global, report: &Report, flags: &RotateKey) -> Result {
    let environment = environment(global, &flags.environment.environment)?;
    let handover = Handover::of(&flags.handover)?;
    let key = ApiKey::generate().map_err(|error| Failed::new(Diagnostic::of(&error)))?;
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    let mut hosts = AllHosts::read(&environment.name, fleet.key_hosts()).await?;
    let now = Timestamp::now();
    let next = edit::succeed(&hosts.common()?, flags.client.as_deref(), &key, now)
        .map_err(|error| refused(&environment.name, &error))?;
    let (name, old) = (&next.record.name, next.old.join(", "));
    if flags.revoke_now {
        for id in &next.old {
            report.note(None, Level::Info, used(&hosts, id));
        }
        let question = format!("Refuse {old} of {name} as soon as the new key is handed over?");
        if !report.confirm(&question, global.yes)? {
            report.note(None, Level::Info, "nothing was changed");
            return Ok(Outcome::Done);
        }
    }
    let mut interrupts = Interrupts::take_over()?;
    let issued = Issued {
        environment: &environment.name,
        key: &key,
        name,
        file: next.file,
        what: format!("added {} of {name}, in the place of {old}", key.id()),
    };
    handover
        .issue(report, &mut interrupts, &mut hosts, &issued)
        .await?;

    // Only now: whatever failed before, the keys that the client has were not touched.
    let now = Timestamp::now();
    let (file, what) = if flags.revoke_now {
        let file = edit::revoke(&issued.file, &next.old, now);
        (file, format!("{old} of {name} is refused from now on"))
    } else {
        let end = edit::after(now, flags.grace);
        let file = edit::expire(&issued.file, &next.old, end);
        (file, format!("{old} of {name} is refused from {end} on"))
    };
    let ended = interrupts.finish(report, hosts.replace(&file, &what)).await;
    if let Err(mut failed) = ended {
        failed.diagnostics.push(
            Diagnostic::new(format!(
                "the new key is good on every host, and so is {old}: it has no end yet"
            ))
            .hint(format!(
                "`ocrctl keys revoke {} ID` ends it",
                environment.name
            )),
        );
        return Err(failed);
    }
    behind(report, &hosts);
    report.note(None, Level::Info, what);
    if let Some(end) = next.record.expires {
        let text =
            format!("the new key is good until {end}, as long as the one before was meant to be");
        report.note(None, Level::Info, text);
    }
    fleet.close().await;
    Ok(Outcome::Done)
}
