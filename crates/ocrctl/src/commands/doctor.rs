//! `ocrctl doctor ENV`: would a deploy work? What the hosts see themselves, and what is seen of them from here.

mod outside;

use std::net::IpAddr;
use std::time::Duration;

use futures_util::future::{join, join_all};
use jiff::Timestamp;

use self::outside::{Attempt, attempt, judge};
use super::fleet::{Fleet, unexpected};
use super::{Failed, Outcome, Result, environment, limited};
use crate::cli::{Doctor, Global};
use crate::report::Report;
use ocrctl_inventory::{Connection, Target, Tls};
use ocrctl_protocol::check::{Line, Verdict};
use ocrctl_protocol::doctor::{Examined, PORTS, Scope};
use ocrctl_protocol::{Event, Request, causes};
use ocrctl_ssh::session::SessionError;
use ocrctl_ssh::transport;

/// Longer than the host's own limit for a check.
const LIMIT: Duration = Duration::from_secs(45);

/// One host, as far as it was seen.
struct Patient<'a> {
    target: &'a Target,
    /// Where it is reached from here.
    addresses: Vec<IpAddr>,
    /// True if the environment's names, and clients with them, lead there.
    named: bool,
    /// By port.
    attempts: Vec<Vec<(IpAddr, Attempt)>>,
}

pub(super) async fn run(global: &Global, report: &Report, asked: &Doctor) -> Result {
    let whole = environment(global, &asked.environment.environment)?;
    let environment = limited(whole.clone(), &asked.limit)?;
    let registry = environment.registry_access(&environment.registry).await?;
    let places = join_all(whole.hosts.iter().map(async |target| {
        let addresses = place(target).await;
        (target.name.clone(), addresses)
    }));
    let names = join_all(whole.names.iter().map(|name| transport::addresses(name)));
    let (places, names) = join(places, names).await;
    let names: Vec<IpAddr> = names.into_iter().flatten().collect();
    let (mut fleet, unreachable) = Fleet::connect_each(global, report, &environment).await?;
    let request = |host: &str| {
        let of = |own: bool| {
            let hosts = places.iter().filter(move |(name, _)| (name == host) == own);
            hosts.flat_map(|(_, addresses)| addresses.clone()).collect()
        };
        Request::Doctor {
            scope: Box::new(Scope {
                environment: environment.name.clone(),
                names: environment.names.clone(),
                image: environment.image.clone(),
                registry: registry.clone(),
                languages: environment.service.languages.clone(),
                memory: environment.service.memory,
                require_sandbox: environment.service.require_sandbox,
                runtime: environment.service.runtime.clone(),
                packages: environment.packages.clone(),
                certbot: matches!(environment.tls, Tls::Certbot(_)),
                security_upgrades: environment.hygiene.security_upgrades,
                now: Timestamp::now(),
                reached_at: of(true),
                others: of(false),
            }),
        }
    };
    let patients = join_all(environment.hosts.iter().map(async |target| {
        let own = places.iter().find(|(name, _)| *name == target.name);
        let own = own.map(|(_, addresses)| addresses.as_slice());
        let (addresses, named) =
            where_clients_come(own.unwrap_or_default(), &names, whole.hosts.len());
        let attempts = join_all(PORTS.map(|port| attempt(&addresses, port))).await;
        Patient {
            target,
            addresses,
            named,
            attempts,
        }
    }));
    let (answers, patients) = join(fleet.ask_each(LIMIT, request), patients).await;
    fleet.close().await;
    let mut code = None;
    let mut sound = true;
    for patient in &patients {
        let name = &patient.target.name;
        let refused = unreachable.iter().find(|(host, _)| host == name);
        let mut lines = arrival(patient.target, refused.map(|(_, error)| error));
        let mut examined = None;
        if let Some((_, error)) = refused {
            // One that can't be reached at all says most.
            code = code.max(Some(error.exit_code()));
        } else if let Some((_, answer)) = answers.iter().find(|(host, _)| host == name) {
            match answer {
                Ok(Event::Examined(answer)) => {
                    lines.extend(answer.lines.iter().cloned());
                    examined = Some(&**answer);
                }
                Ok(other) => lines.push(unanswered(&unexpected(name, other))),
                Err(failed) => lines.push(unanswered(failed)),
            }
        }
        lines.extend(ports(patient, examined));
        sound &= lines
            .iter()
            .all(|line| matches!(line.verdict, Verdict::Ok { .. }));
        report.examined(name, &lines);
    }
    match code {
        // Each failure was reported in its place.
        Some(code) => Err(Failed {
            diagnostics: Vec::new(),
            code,
        }),
        None if sound => Ok(Outcome::Done),
        None => Ok(Outcome::Incomplete),
    }
}

/// Where a host is reached from here; nothing where that can't be told, as behind jump hosts or an alias of ssh's.
async fn place(target: &Target) -> Vec<IpAddr> {
    if target.connection == Connection::Local || !target.jump.is_empty() {
        return Vec::new();
    }
    transport::addresses(&target.address).await
}

/// Addresses at which clients come to a host: those of the names, as far as they are its own; else where we reach it,
/// and `false`.
fn where_clients_come(own: &[IpAddr], names: &[IpAddr], hosts: usize) -> (Vec<IpAddr>, bool) {
    let shared: Vec<IpAddr> = names
        .iter()
        .filter(|it| own.contains(it))
        .copied()
        .collect();
    let (mut addresses, named) = if !shared.is_empty() {
        (shared, true)
    } else if hosts == 1 && !names.is_empty() {
        (names.to_vec(), true)
    } else {
        (own.to_vec(), false)
    };
    addresses.sort();
    addresses.dedup();
    (addresses, named)
}

/// Reports the steps of a login that worked, and the one that failed.
fn arrival(target: &Target, refused: Option<&SessionError>) -> Vec<Line> {
    let ok = |check: &str, seen: String| Line::new(check, Verdict::Ok { seen });
    let user = target
        .user
        .as_deref()
        .unwrap_or("the user that ssh chooses");
    let way = match target.connection {
        Connection::Openssh => format!("{user} at {}, by ssh", target.address),
        Connection::Russh => format!("{user} at {}, by ocrctl itself", target.address),
        Connection::Local => "this machine".to_owned(),
    };
    let Some(error) = refused else {
        return vec![ok("ssh", way), ok("sudo", "the agent runs as root".into())];
    };
    let failed = |check: &str| {
        let fix = error.hint();
        let found = causes::chain(error);
        let fix = fix.unwrap_or_else(|| "run this again with -vv, which says more".into());
        Line::new(
            check,
            Verdict::Finding {
                found,
                fix: fix.into(),
            },
        )
    };
    let mut lines = match error {
        SessionError::Transport(_) => vec![failed("ssh")],
        SessionError::NoSudo { .. }
        | SessionError::SudoPassword { .. }
        | SessionError::WrongSudoPassword { .. }
        | SessionError::SudoRefused { .. } => vec![ok("ssh", way), failed("sudo")],
        SessionError::WrongArchitecture { .. } => vec![ok("ssh", way), failed("architecture")],
        _ => vec![ok("ssh", way), failed("agent")],
    };
    let why = "without an agent nothing more of the host is seen".into();
    lines.push(Line::new("host", Verdict::CouldNotRun { why }));
    lines
}

fn unanswered(failed: &Failed) -> Line {
    let texts = failed.diagnostics.iter().map(|it| match &it.hint {
        Some(hint) => format!("{}; {hint}", it.message),
        None => it.message.clone(),
    });
    let why = texts.collect::<Vec<_>>().join("; ");
    Line::new("host", Verdict::CouldNotRun { why })
}

fn ports(patient: &Patient<'_>, examined: Option<&Examined>) -> Vec<Line> {
    let translated = examined.is_some_and(|examined| {
        !patient.named && examined.ssh_port != patient.target.port.unwrap_or(22)
    });
    let lines = PORTS.iter().zip(&patient.attempts).map(|(port, attempts)| {
        let host = examined.and_then(|it| it.ports.iter().find(|it| it.number == *port));
        let verdict = if patient.target.connection == Connection::Local {
            let why = "this machine is the host, and sees nothing from outside".into();
            Verdict::CouldNotRun { why }
        } else if translated {
            let why = format!(
                "ports are translated on the way to {} (SSH's is), so that the host's {port} can't be identified",
                patient.addresses.first().map_or_else(|| patient.target.address.clone(), IpAddr::to_string),
            );
            Verdict::CouldNotRun { why }
        } else {
            judge(attempts, *port, host)
        };
        Line::new(&format!("port {port}"), verdict)
    });
    lines.collect()
}

#[cfg(test)]
mod tests;
