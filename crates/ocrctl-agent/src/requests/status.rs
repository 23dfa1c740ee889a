//! `status` on the host.

use std::time::Duration;

use jiff::Timestamp;

use super::{apply, history};
use crate::health::{self, problem};
use crate::host::Host;
use crate::host::journal::Journal;
use crate::host::lock::Lock;
use crate::resources::certificate::settings;
use crate::resources::firewall;
use crate::resources::release::LIVE;
use ocrctl_protocol::health::{Part, Problem};
use ocrctl_protocol::status::{Drift, Firewall, Status};
use ocrctl_protocol::{Desired, Ended, HistoryEntry};

/// Registries are asked for tags; one that is off must not hold up the rest.
const COMPARING: Duration = Duration::from_secs(10);
/// Operations that make a release live.
const SWITCHING: [&str; 3] = ["deploy", "rollback", "restart"];

/// Returns whether the host was ever deployed to.
pub fn is_host(host: &Host) -> bool {
    host.path(settings::PATH).exists()
}

/// `desired`: what the inventory says that the host shall be.
pub async fn read(host: &Host, desired: Option<Desired>) -> Status {
    let now = Timestamp::now();
    let (mut health, drift) = tokio::join!(health::read(host, now), drift(host, desired));
    let firewall = firewall::status(host).unwrap_or(Firewall::Unknown);
    let mut history = history::of(&Journal::of(host).entries(), Lock::held(host));
    history.retain(|entry| SWITCHING.contains(&entry.command.as_str()));
    let live = health.release.as_ref();
    let since = live.and_then(|live| since(host, &history, &live.id));
    let last = history.pop();
    let found = problems(firewall, &drift, last.as_ref());
    health.problems.extend(found);
    Status {
        health,
        since,
        firewall,
        drift,
        last,
    }
}

async fn drift(host: &Host, desired: Option<Desired>) -> Drift {
    let Some(desired) = desired else {
        return Drift::NotAsked;
    };
    match tokio::time::timeout(COMPARING, apply::plan(host, desired)).await {
        Ok(Ok(planned)) if planned.changes.is_empty() => Drift::No,
        Ok(Ok(planned)) => Drift::Yes {
            changes: planned
                .changes
                .iter()
                .map(|change| format!("{}: {}", change.resource, change.reason))
                .collect(),
        },
        Ok(Err(failure)) => Drift::Unknown {
            why: failure.message,
        },
        Err(_) => Drift::Unknown {
            why: format!("the comparison took longer than {} s", COMPARING.as_secs()),
        },
    }
}

/// From the history; where that does not go back so far, from the link that made it live.
fn since(host: &Host, history: &[HistoryEntry], live: &str) -> Option<Timestamp> {
    let became =
        |entry: &&HistoryEntry| entry.to.as_deref() == Some(live) && entry.from != entry.to;
    let of_history = history.iter().rfind(became).and_then(|entry| entry.ended);
    of_history.or_else(|| {
        let link = std::fs::symlink_metadata(host.path(LIVE)).ok()?;
        Timestamp::try_from(link.modified().ok()?).ok()
    })
}

fn problems(firewall: Firewall, drift: &Drift, last: Option<&HistoryEntry>) -> Vec<Problem> {
    let mut found = Vec::new();
    match firewall {
        Firewall::Closed => {}
        Firewall::Open => found.push(problem(Part::Firewall, "the firewall lets everything in")),
        Firewall::Unconfirmed => found.push(problem(
            Part::Firewall,
            "a change of the firewall was never confirmed",
        )),
        Firewall::Unknown => found.push(problem(
            Part::Firewall,
            "the firewall's files can't be read",
        )),
    }
    match drift {
        Drift::No | Drift::NotAsked => {}
        Drift::Yes { changes } => {
            let first = changes.first().map_or("", String::as_str);
            let more = match changes.len() {
                0 | 1 => String::new(),
                count => format!(" (and {} more: `ocrctl plan` shows them)", count - 1),
            };
            let text = format!("it differs from the inventory: {first}");
            let mut found_drift = problem(Part::Drift, text);
            found_drift.text.push_str(&more);
            found.push(found_drift);
        }
        Drift::Unknown { why } => found.push(problem(
            Part::Drift,
            format!("whether it differs from the inventory is not known: {why}"),
        )),
    }
    if let Some(last) = last.filter(|last| last.outcome == Ended::Never) {
        let text = format!("the {} by {} never ended", last.command, last.operator);
        found.push(problem(Part::Operation, text));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(command: &str, from: Option<&str>, to: Option<&str>, minute: i64) -> HistoryEntry {
        let at = Timestamp::from_second(minute * 60).unwrap();
        HistoryEntry {
            began: at,
            ended: Some(at),
            operator: "ann@desk".into(),
            command: command.into(),
            from: from.map(str::to_owned),
            to: to.map(str::to_owned),
            outcome: Ended::Done,
            detail: None,
        }
    }

    #[test]
    fn a_release_is_live_since_it_last_became_so() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let history = [
            entry("deploy", None, Some("a"), 1),
            entry("deploy", Some("a"), Some("b"), 2),
            entry("rollback", Some("b"), Some("a"), 3),
            entry("deploy", Some("a"), Some("a"), 4),
            entry("restart", Some("a"), Some("a"), 5),
        ];
        let minute = |live: &str| since(&host, &history, live).map(|at| at.as_second() / 60);
        assert_eq!(minute("a"), Some(3));
        assert_eq!(minute("c"), None);
        host.make_dir("/var/lib/ocr", 0o755).unwrap();
        host.link(LIVE, "a").unwrap();
        assert!(minute("c").unwrap() > 0, "as old as the link");
    }

    #[test]
    fn reports_an_open_firewall_drift_and_interrupted_operations() {
        let texts = |firewall, drift: Drift, last: Option<&HistoryEntry>| {
            let found = problems(firewall, &drift, last).into_iter();
            found.map(|it| it.text).collect::<Vec<_>>()
        };
        let done = entry("deploy", None, Some("a"), 1);
        assert_eq!(texts(Firewall::Closed, Drift::No, Some(&done)), [""; 0]);
        assert_eq!(texts(Firewall::Open, Drift::NotAsked, None).len(), 1);
        assert_eq!(texts(Firewall::Unconfirmed, Drift::No, None).len(), 1);
        let changes = vec!["nginx: it differs".to_owned(), "release: x".to_owned()];
        let drifted = texts(Firewall::Closed, Drift::Yes { changes }, None);
        let text = "it differs from the inventory: nginx: it differs (and 1 more: `ocrctl plan` shows them)";
        assert_eq!(drifted, [text]);
        let unknown = Drift::Unknown {
            why: "the registry is off\nfor good".into(),
        };
        assert!(texts(Firewall::Closed, unknown, None)[0].ends_with("the registry is off"));
        let killed = HistoryEntry {
            outcome: Ended::Never,
            ..done
        };
        assert_eq!(texts(Firewall::Closed, Drift::No, Some(&killed)).len(), 1);
    }
}
