//! `ocrctl status [ENV]`: how hosts are, from anywhere or on the host itself.

use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};

use super::fleet::{Fleet, unexpected};
use super::{Failed, Outcome, Result, USAGE, environment, limited};
use crate::cli::{Global, Status};
use crate::report::{HostStatus, Report};
use ocrctl_agent::host::Host;
use ocrctl_agent::requests;
use ocrctl_protocol::status::Drift;
use ocrctl_protocol::{Desired, Diagnostic, Event, Level, Request};

/// Longer than a host needs.
const ANSWER: Duration = Duration::from_secs(30);
const EVERY: Duration = Duration::from_secs(2);
/// The interval of comparisons, which are rarer: a registry may have to be asked for one.
const DRIFT_EVERY: Duration = Duration::from_secs(30);

pub(super) async fn run(global: &Global, report: &Report, asked: &Status) -> Result {
    match &asked.environment {
        Some(name) => of_environment(global, report, name, asked).await,
        None => here(report, asked).await,
    }
}

async fn of_environment(global: &Global, report: &Report, name: &str, asked: &Status) -> Result {
    let environment = limited(environment(global, name)?, &asked.limit)?;
    // A secret that can't be had is no reason not to show how the hosts are.
    let desired = match environment.desired().await {
        Ok(desired) => Some(desired),
        Err(error) => {
            let failed = Failed::from(error);
            let why = failed.diagnostics.first().map_or("", |it| &it.message);
            let text = format!("whether the hosts differ from the inventory is not known: {why}");
            report.note(None, Level::Warning, text);
            None
        }
    };
    let (fleet, unreachable) = Fleet::connect_each(global, report, &environment).await?;
    let unreachable = unreachable.into_iter();
    let unreachable = unreachable.map(|(name, error)| (name, Failed::from(error)));
    let mut source = Source::Fleet {
        order: environment.hosts.iter().map(|it| it.name.clone()).collect(),
        fleet,
        unreachable: unreachable.collect(),
        desired: desired.map(Box::new),
    };
    let ended = show(report, &environment.name, &mut source, asked.watch).await;
    let Source::Fleet {
        fleet, unreachable, ..
    } = source
    else {
        return ended;
    };
    fleet.close().await;
    let failures: Vec<Failed> = unreachable.into_iter().map(|(_, failed)| failed).collect();
    match (ended, Failed::together(failures)) {
        (Ok(_), Some(failed)) => Err(failed),
        (Err(failed), other) => Err(failed.and(other)),
        (ended, None) => ended,
    }
}

async fn here(report: &Report, asked: &Status) -> Result {
    let host = Host::real();
    let usage = |text: &str, hint: &str| Failed {
        diagnostics: vec![Diagnostic::new(text).hint(hint)],
        code: USAGE,
    };
    if !asked.limit.limit.is_empty() {
        let hint = "name it: `ocrctl status ENV --limit HOST`";
        return Err(usage("--limit is for an environment", hint));
    }
    if !requests::status::is_host(&host) {
        let hint = "name an environment: `ocrctl status ENV`; without one it shows the host that it runs on";
        return Err(usage("nothing was deployed to this machine", hint));
    }
    if !nix::unistd::geteuid().is_root() {
        return Err(Failed::new(
            Diagnostic::new("only root can see how this host is").hint("run it by sudo"),
        ));
    }
    let name = nix::unistd::gethostname().map_or_else(
        |_| "this host".into(),
        |name| name.to_string_lossy().into_owned(),
    );
    show(
        report,
        "this host",
        &mut Source::Here { host, name },
        asked.watch,
    )
    .await
}

/// Where it is known from how hosts are.
enum Source<'a> {
    Fleet {
        fleet: Fleet<'a>,
        /// All hosts, as the inventory has them.
        order: Vec<String>,
        unreachable: Vec<(String, Failed)>,
        desired: Option<Box<Desired>>,
    },
    Here {
        host: Host,
        name: String,
    },
}

impl Source<'_> {
    async fn look(&mut self, with_drift: bool) -> Vec<HostStatus> {
        match self {
            Self::Here { host, name } => {
                let status = requests::status::read(host, None).await;
                vec![HostStatus::seen(name, status)]
            }
            Self::Fleet {
                fleet,
                order,
                unreachable,
                desired,
            } => {
                let desired = desired.as_ref().filter(|_| with_drift);
                let request = |_: &str| Request::Status {
                    desired: desired.cloned(),
                };
                let answers = fleet.ask_each(ANSWER, request).await.into_iter();
                let mut seen: Vec<HostStatus> = answers
                    .map(|(host, answer)| {
                        let answer = answer.and_then(|event| match event {
                            Event::Status(status) => Ok(*status),
                            other => Err(unexpected(&host, &other)),
                        });
                        match answer {
                            Ok(status) => HostStatus::seen(&host, status),
                            Err(failed) => unseen(&host, &failed),
                        }
                    })
                    .collect();
                let dead = unreachable.iter();
                seen.extend(dead.map(|(host, failed)| unseen(host, failed)));
                seen.sort_by_key(|it| order.iter().position(|name| *name == it.host));
                seen
            }
        }
    }
}

fn unseen(host: &str, failed: &Failed) -> HostStatus {
    let why = failed.diagnostics.first().map_or("", |it| &it.message);
    HostStatus::unseen(host, why)
}

/// Once, or again and again until Ctrl-C.
async fn show(report: &Report, title: &str, source: &mut Source<'_>, watch: bool) -> Result {
    if !watch {
        let hosts = source.look(true).await;
        report.statuses(title, &hosts);
        return judged(&hosts);
    }
    let (mut interrupt, mut terminate) = match (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) {
        (Ok(interrupt), Ok(terminate)) => (interrupt, terminate),
        (Err(error), _) | (_, Err(error)) => return Err(Failed::new(Diagnostic::of(&error))),
    };
    // Gives the terminal back when it is dropped.
    let _screen = report.full_screen();
    let showing = async {
        let mut last: Vec<HostStatus> = Vec::new();
        let mut compared: Option<Instant> = None;
        loop {
            let began = Instant::now();
            let with_drift = compared.is_none_or(|at| at.elapsed() >= DRIFT_EVERY);
            let mut hosts = source.look(with_drift).await;
            if with_drift {
                compared = Some(began);
            } else {
                hosts.iter_mut().for_each(|host| keep_drift(host, &last));
            }
            report.statuses(title, &hosts);
            if report.is_broken() {
                break;
            }
            last = hosts;
            tokio::time::sleep(EVERY.saturating_sub(began.elapsed())).await;
        }
    };
    tokio::select! {
        () = showing => {}
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(Outcome::Done)
}

/// Keeps the result of the last comparison for some seconds.
fn keep_drift(host: &mut HostStatus, last: &[HostStatus]) {
    let before = last.iter().find(|it| it.host == host.host);
    if let (Ok(now), Some(Ok(before))) = (&mut host.status, before.map(|it| &it.status)) {
        now.drift = before.drift.clone();
        let with = ocrctl_protocol::health::Part::Drift;
        let told = before.health.problems.iter().filter(|it| it.with == with);
        now.health.problems.extend(told.cloned());
    }
}

/// Those that could not be seen are failures already, where they can't be reached.
fn judged(hosts: &[HostStatus]) -> Result {
    let wrong = |host: &HostStatus| match &host.status {
        Ok(status) => {
            !status.health.problems.is_empty() || matches!(status.drift, Drift::Unknown { .. })
        }
        Err(_) => true,
    };
    Ok(if hosts.iter().any(wrong) {
        Outcome::Problems
    } else {
        Outcome::Done
    })
}
