//! `ocrctl keys list|add|revoke|sync ENV`: only hashes reach the hosts.

mod all_hosts;
pub(super) mod edit;
mod handover;
mod interrupts;

use jiff::Timestamp;
use ocr_api::keys::{ApiKey, KeyFile, KeyRecord, Quota, Usage};

pub(super) use all_hosts::AllHosts;
pub(super) use edit::EditError;
pub(super) use handover::{Handover, Issued};
pub(super) use interrupts::Interrupts;

use super::fleet::{Fleet, KeyHost};
use super::{Failed, Outcome, Result, USAGE, environment};
use crate::cli::{AddKey, Global, Keys};
use crate::report::{self, Report};
use ocrctl_protocol::{Diagnostic, Event, Level};

pub(super) async fn run(global: &Global, report: &Report, keys: Keys) -> Result {
    match keys {
        Keys::List(environment) => list(global, report, &environment.environment).await,
        Keys::Add(flags) => add(global, report, &flags).await,
        Keys::Revoke { environment, id } => {
            revoke(global, report, &environment.environment, &id).await
        }
        Keys::Sync(environment) => sync(global, report, &environment.environment).await,
    }
}

async fn list(global: &Global, report: &Report, name: &str) -> Result {
    let environment = environment(global, name)?;
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    let hosts = AllHosts::read(name, fleet.key_hosts()).await?;
    for (host, state) in hosts.states() {
        report.event(host, &Event::Keys(Box::new(state.clone())));
    }
    let all = merged(name, &hosts)?;
    report.keys(&all.keys, &usage(&hosts));
    warn(report, name, &hosts, &all);
    behind(report, &hosts);
    fleet.close().await;
    Ok(Outcome::Done)
}

async fn add(global: &Global, report: &Report, flags: &AddKey) -> Result {
    let environment = environment(global, &flags.environment.environment)?;
    let handover = Handover::of(&flags.handover)?;
    let key = ApiKey::generate().map_err(|error| Failed::new(Diagnostic::of(&error)))?;
    let now = Timestamp::now();
    let scopes = flags.scope.iter().map(|scope| (*scope).into()).collect();
    let mut record = KeyRecord::new(&key, &flags.name, scopes, now);
    (record.not_before, record.expires) = (flags.not_before, flags.expires);
    record.quota = flags.requests_per_minute.map(|most| Quota {
        requests_per_minute: Some(most),
        ..Quota::default()
    });
    let begins = record.not_before.unwrap_or(now).max(now);
    if let Some(end) = record.expires.filter(|end| *end <= begins) {
        let text = format!("a key that ends at {end} would never be good");
        return Err(usage_error(
            Diagnostic::new(text).hint("give a later --expires"),
        ));
    }

    let mut fleet = Fleet::connect(global, report, &environment).await?;
    let mut hosts = AllHosts::read(&environment.name, fleet.key_hosts()).await?;
    let file = edit::add(&hosts.common()?, record, now)
        .map_err(|error| refused(&environment.name, &error))?;
    let issued = Issued {
        environment: &environment.name,
        key: &key,
        name: &flags.name,
        file,
        what: format!("added {} of {}", key.id(), flags.name),
    };
    let mut interrupts = Interrupts::take_over()?;
    handover
        .issue(report, &mut interrupts, &mut hosts, &issued)
        .await?;
    fleet.close().await;
    Ok(Outcome::Done)
}

async fn revoke(global: &Global, report: &Report, name: &str, given: &str) -> Result {
    let environment = environment(global, name)?;
    let key = whole_key(given)?;
    let id = key.as_ref().map_or(given, ApiKey::id);
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    let mut hosts = AllHosts::read(name, fleet.key_hosts()).await?;
    let file = hosts.common()?;
    let record = edit::find(&file, id, key.as_ref()).map_err(|error| refused(name, &error))?;
    if key.is_some() {
        let text = "the shell's history may keep the whole key now; its id would have done";
        report.note(None, Level::Warning, text);
    }
    report.note(None, Level::Info, used(&hosts, id));
    if let Some(at) = record.revoked {
        let text = format!(
            "the key {id} of {} is refused since {at} already",
            record.name
        );
        report.note(None, Level::Info, text);
        return Ok(Outcome::Done);
    }
    let question = format!(
        "Refuse the key {id} of {} on {name} from now on?",
        record.name
    );
    if !report.confirm(&question, global.yes)? {
        report.note(None, Level::Info, "nothing was changed");
        return Ok(Outcome::Done);
    }
    let what = format!("revoked {id} of {}", record.name);
    let revoked = edit::revoke(&file, &[id.to_owned()], Timestamp::now());
    let mut interrupts = Interrupts::take_over()?;
    interrupts
        .finish(report, hosts.replace(&revoked, &what))
        .await?;
    behind(report, &hosts);
    report.note(None, Level::Info, format!("{what}, on every host"));
    fleet.close().await;
    Ok(Outcome::Done)
}

/// Gives each host the keys of all of them: one that has joined, one that was restored, one whose file is damaged.
async fn sync(global: &Global, report: &Report, name: &str) -> Result {
    let environment = environment(global, name)?;
    let mut fleet = Fleet::connect(global, report, &environment).await?;
    let mut hosts = AllHosts::read(name, fleet.key_hosts()).await?;
    let all = merged(name, &hosts)?;
    // An empty file would refuse those whom the running service still lets in.
    for (host, state) in hosts.states() {
        let in_force = state.service.as_ref().map_or(0, |service| service.loaded);
        if state.error.is_some() && all.keys.is_empty() && in_force > 0 {
            return Err(Failed::new(
                Diagnostic::new("its key file is damaged, and no host has a good copy")
                    .host(host)
                    .hint("restore the file from a backup; the running service keeps its keys until it ends"),
            ));
        }
    }
    if !warn(report, name, &hosts, &all) {
        report.note(None, Level::Info, "all hosts have the same keys");
        fleet.close().await;
        return Ok(Outcome::Done);
    }
    let question = format!("Give every host of {name} these {} keys?", all.keys.len());
    if !report.confirm(&question, global.yes)? {
        report.note(None, Level::Info, "nothing was changed");
        return Ok(Outcome::Done);
    }
    let mut interrupts = Interrupts::take_over()?;
    interrupts.finish(report, hosts.sync(&all)).await?;
    behind(report, &hosts);
    report.note(None, Level::Info, "all hosts have the same keys");
    fleet.close().await;
    Ok(Outcome::Done)
}

/// A key that was given whole where its id would do; a mistyped one is told apart here, before any host is asked.
fn whole_key(given: &str) -> Result<Option<ApiKey>> {
    // Nothing as long as this is repeated: it may be nearly a secret.
    let looks_whole = given.starts_with("ocrk_") || given.len() > 30;
    if !looks_whole {
        return Ok(None);
    }
    ApiKey::parse(given).map(Some).map_err(|error| {
        usage_error(
            Diagnostic::new(format!("this is no API key: {error}"))
                .hint("check it for a typo, or give its id alone: the 8 characters after `ocrk_`"),
        )
    })
}

fn usage_error(diagnostic: Diagnostic) -> Failed {
    Failed {
        code: USAGE,
        ..Failed::new(diagnostic)
    }
}

pub(super) fn refused(environment: &str, error: &EditError) -> Failed {
    usage_error(Diagnostic::new(error.to_string()).hint(error.hint(environment)))
}

fn merged<H: KeyHost>(environment: &str, hosts: &AllHosts<H>) -> Result<KeyFile> {
    let files: Vec<(&str, KeyFile)> = hosts
        .states()
        .map(|(host, state)| (host, state.file()))
        .collect();
    edit::merge(&files).map_err(|error| refused(environment, &error))
}

/// Over all hosts.
fn usage<H: KeyHost>(hosts: &AllHosts<H>) -> Usage {
    let mut all = Usage::default();
    for (_, state) in hosts.states() {
        all.merge(&state.usage);
    }
    all
}

/// Describes the use of a key before it is revoked.
pub(super) fn used<H: KeyHost>(hosts: &AllHosts<H>, id: &str) -> String {
    let usage = usage(hosts).keys.get(id).copied();
    format!("the key {id} {}", report::use_in_words(usage))
}

/// Says which hosts have other keys than all of them together, and whether any has.
fn warn<H: KeyHost>(report: &Report, name: &str, hosts: &AllHosts<H>, all: &KeyFile) -> bool {
    let mut any = false;
    for (host, state) in hosts.states() {
        let Some(text) = edit::difference(state, all) else {
            continue;
        };
        let text = format!("{text}; `ocrctl keys sync {name}` repairs it");
        report.note(Some(host), Level::Warning, text);
        any = true;
    }
    any
}

/// Says which running services have not taken over their host's keys.
pub(super) fn behind<H: KeyHost>(report: &Report, hosts: &AllHosts<H>) {
    for diagnostic in hosts.behind() {
        report.note(
            diagnostic.host.as_deref(),
            Level::Warning,
            diagnostic.message,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recognizes_a_mistyped_key_offline_without_repeating_it() {
        let key = ApiKey::generate().unwrap();
        assert_eq!(whole_key(key.reveal()).unwrap().unwrap().id(), key.id());
        assert!(whole_key(key.id()).unwrap().is_none());
        for typo in [
            &key.reveal()[..60],
            &key.reveal().replace("_", "-_"),
            &"x".repeat(120),
        ] {
            let Err(failed) = whole_key(typo).map(|found| assert!(found.is_none())) else {
                panic!("{typo} went unnoticed");
            };
            let shown = format!("{failed:?}");
            assert_eq!(failed.code, USAGE);
            assert!(!shown.contains(&key.reveal()[20..50]), "{shown}");
        }
    }
}
