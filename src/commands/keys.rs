//! `ocrctl keys list|add|revoke ENV`: only hashes reach the hosts.

use jiff::Timestamp;
use ocr_api::keys::{ApiKey, KeyRecord, Scope};

use super::fleet::Fleet;
use super::{Failed, Outcome, Result, environment};
use crate::cli::{Global, Keys};
use crate::protocol::{KeyChange, Level, Request};
use crate::report::{Diagnostic, Report};

pub(super) async fn run(global: &Global, report: &Report, keys: Keys) -> Result {
    match keys {
        Keys::List(environment) => {
            change(global, report, &environment.environment, KeyChange::List).await
        }
        Keys::Add { environment, name } => {
            add(global, report, &environment.environment, &name).await
        }
        Keys::Revoke { environment, id } => {
            let question = format!(
                "Refuse the key {id} on {} from now on?",
                environment.environment
            );
            if !report.confirm(&question, global.yes)? {
                report.note(None, Level::Info, "nothing was changed");
                return Ok(Outcome::Done);
            }
            change(
                global,
                report,
                &environment.environment,
                KeyChange::Revoke { id },
            )
            .await
        }
    }
}

async fn add(global: &Global, report: &Report, name: &str, client: &str) -> Result {
    let environment = environment(global, name)?;
    let key = ApiKey::generate().map_err(|error| Failed::new(Diagnostic::of(&error)))?;
    let record = KeyRecord::new(
        &key,
        client,
        vec![Scope::Ocr, Scope::Codes],
        Timestamp::now(),
    );
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    fleet
        .tell(&Request::Keys {
            change: KeyChange::Add { record },
        })
        .await?;
    fleet.close().await;
    report.key(key.id(), client, key.reveal());
    Ok(Outcome::Done)
}

async fn change(global: &Global, report: &Report, name: &str, change: KeyChange) -> Result {
    let environment = environment(global, name)?;
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    fleet.ask(&Request::Keys { change }).await?;
    fleet.close().await;
    Ok(Outcome::Done)
}
