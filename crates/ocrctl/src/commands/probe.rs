//! `--probe`: real requests over HTTPS while a change goes on, with a key that is made for it and taken back.

use std::time::Duration;

use jiff::Timestamp;
use ocr_api::keys::{ApiKey, KeyRecord, Scope};
use reqwest::Client;
use secrecy::{ExposeSecret, SecretString};

use super::fleet::Fleet;
use super::keys::AllHosts;
use super::{Failed, Result, clients};
use crate::cli;
use crate::probe::{Failing, Load, Place, Plan};
use crate::report::Report;
use ocrctl_inventory::{Environment, Tls};
use ocrctl_protocol::{Diagnostic, Event, Level, Request};

/// The key's owner in `keys list` and the journal.
const NAME: &str = "ocrctl-probe";
/// Of a key that could not be taken back.
const LIFE: Duration = Duration::from_secs(3600);
const TIMEOUT: Duration = Duration::from_secs(180);
/// Enough to notice a gap; a service at its limit is not what it looks for.
const PAUSE: Duration = Duration::from_millis(20);
/// The time for which clients are watched before anything changes.
const BEFORE: Duration = Duration::from_millis(500);

/// Does `work` under load, if that is asked for. A failed request fails it when it has ended.
pub(super) async fn during<'a, T>(
    report: &Report,
    environment: &Environment,
    fleet: &mut Fleet<'a>,
    asked: &cli::Probe,
    work: impl AsyncFnOnce(&mut Fleet<'a>) -> Result<T>,
) -> Result<T> {
    if !asked.probe {
        return work(fleet).await;
    }
    let places = places(environment, fleet, asked).await?;
    let mut made = None;
    let key = match &asked.probe_key_file {
        Some(path) => SecretString::from(clients::key(path)?.reveal().to_owned()),
        None => {
            let key = ApiKey::generate().map_err(|error| Failed::new(Diagnostic::of(&error)))?;
            add(environment, fleet, &key).await?;
            let text = SecretString::from(key.reveal().to_owned());
            made = Some(key.id().to_owned());
            text
        }
    };
    let plan = Plan {
        pause: PAUSE,
        pages: usize::from(asked.probe_pages),
    };
    let loads: Vec<(String, Load)> = places
        .iter()
        .map(|(host, place)| (host.clone(), Load::start(place, key.expose_secret(), plan)))
        .collect();
    tokio::time::sleep(BEFORE).await;
    let done = work(fleet).await;
    let mut failures = Vec::new();
    for (host, load) in loads {
        let seen = load.stop().await;
        report.probed(&host, &seen);
        if seen.failed > 0 || seen.requests == 0 {
            let text = format!(
                "{} of {} requests failed meanwhile",
                seen.failed, seen.requests
            );
            let mut diagnostic = Diagnostic::new(text).host(&host);
            let error = |it: &Failing| format!("{} times {}", it.count, it.error);
            diagnostic.causes = seen.errors.iter().map(error).collect();
            failures.push(Failed::new(diagnostic));
        }
    }
    if let Some(id) = made
        && let Err(mut failed) = remove(environment, fleet, &id).await
    {
        let text = format!("the probe's key {id} could not be taken back; it ends within an hour");
        let hint = format!("`ocrctl keys revoke {} {id}` ends it now", environment.name);
        failed.diagnostics.push(Diagnostic::new(text).hint(hint));
        failures.push(failed);
    }
    match (done, Failed::together(failures)) {
        (Ok(value), None) => Ok(value),
        (Ok(_), Some(failed)) => Err(failed),
        (Err(failed), more) => Err(failed.and(more)),
    }
}

async fn add(environment: &Environment, fleet: &mut Fleet<'_>, key: &ApiKey) -> Result<()> {
    let now = Timestamp::now();
    let mut record = KeyRecord::new(key, NAME, vec![Scope::Ocr], now);
    record.expires = now.checked_add(LIFE).ok();
    let mut hosts = AllHosts::read(&environment.name, fleet.key_hosts()).await?;
    let mut file = hosts.common()?;
    file.keys.push(record);
    let what = format!("added {} of {NAME} for the time of a probe", key.id());
    hosts.replace(&file, &what).await
}

async fn remove(environment: &Environment, fleet: &mut Fleet<'_>, id: &str) -> Result<()> {
    let mut hosts = AllHosts::read(&environment.name, fleet.key_hosts()).await?;
    let mut file = hosts.common()?;
    file.keys.retain(|record| record.id != id);
    hosts
        .replace(&file, &format!("took {id} of {NAME} back"))
        .await
}

/// Each host, as clients reach it.
async fn places(
    environment: &Environment,
    fleet: &mut Fleet<'_>,
    asked: &cli::Probe,
) -> Result<Vec<(String, Place)>> {
    let roots = match (&asked.probe_ca, &environment.tls) {
        (Some(path), _) => Some(clients::authority(path)?),
        (None, Tls::SelfSigned) => {
            let mut all = String::new();
            for (host, answer) in fleet.each(|_| Some(Request::Ca)).await? {
                match answer {
                    Event::Ca { pem } => all += &pem,
                    other => return Err(super::fleet::unexpected(&host, &other)),
                }
            }
            Some(clients::roots(&all)?)
        }
        (None, _) => None,
    };
    let name = environment.names.first().map_or("", String::as_str);
    let mut places = Vec::new();
    for target in &environment.hosts {
        let at = at(environment, &target.name, &asked.probe_at)?
            .unwrap_or_else(|| (target.address.clone(), 443));
        let found = clients::addresses(&at, "--probe-at").await;
        let found = found.map_err(|failed| of_host(failed, &target.name))?;
        let client = |kept| -> Result<Client> {
            let mut builder = clients::at(name, &found)
                .timeout(TIMEOUT)
                .pool_max_idle_per_host(kept);
            if let Some(roots) = &roots {
                builder = builder.tls_certs_only(roots.clone());
            }
            builder.build().map_err(|error| clients::unfit(&error))
        };
        let place = Place {
            kept: client(usize::MAX)?,
            fresh: client(0)?,
            base: format!("https://{name}:{}", at.1),
        };
        places.push((target.name.clone(), place));
    }
    Ok(places)
}

/// Returns the operator's address for a host; `None` if there is none.
fn at(environment: &Environment, host: &str, given: &[String]) -> Result<Option<(String, u16)>> {
    for text in given {
        let place = match text.split_once('=') {
            Some((name, place)) if name == host => place,
            None if environment.hosts.len() == 1 => text,
            _ => continue,
        };
        let Some(place) = clients::address(place) else {
            let hint = "write `HOST=ADDRESS:PORT`, such as `--probe-at prod1=192.0.2.7:443`";
            return Err(Failed::usage(
                Diagnostic::new(format!("`{text}` is no place")).hint(hint),
            ));
        };
        return Ok(Some(place));
    }
    Ok(None)
}

/// Nothing can be probed where nothing serves yet.
pub(super) fn note_first(report: &Report, asked: &mut cli::Probe) {
    if std::mem::take(&mut asked.probe) {
        let text = "a host has no release yet: there is nothing to probe";
        report.note(None, Level::Warning, text);
    }
}

fn of_host(mut failed: Failed, host: &str) -> Failed {
    for diagnostic in &mut failed.diagnostics {
        diagnostic.host = Some(host.to_owned());
    }
    failed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_hosts_or_the_only_ones() {
        let inventory = ocrctl_inventory::Inventory::load(
            concat!(env!("CARGO_MANIFEST_DIR"), "/../../inventory.example.yaml").as_ref(),
        );
        let mut environment = inventory.unwrap().environment("prod").unwrap().clone();
        environment.hosts.truncate(1);
        let host = environment.hosts[0].name.clone();
        let at = |text: &str| at(&environment, &host, &[text.to_owned()]);
        let place = |address: &str, port| Some((address.to_owned(), port));
        assert_eq!(at("192.0.2.7").unwrap(), place("192.0.2.7", 443));
        assert_eq!(at("127.0.0.1:8443").unwrap(), place("127.0.0.1", 8443));
        assert_eq!(at(&format!("{host}=x:1")).unwrap(), place("x", 1));
        assert_eq!(at("another=x:1").unwrap(), None);
        assert_eq!(at("x:port").unwrap_err().code, super::super::USAGE);
    }
}
