//! Connecting to the hosts of an environment.

use std::sync::Arc;

use futures_util::future::join_all;

use super::{Fleet, Host};
use crate::cli::Global;
use crate::commands::{Failed, Result, sudo};
use crate::report::Report;
use ocrctl_inventory::Environment;
use ocrctl_protocol::{Event, Level};
use ocrctl_ssh::session::{Agents, Options, Progress, Session, SessionError};
use ocrctl_ssh::transport;

impl<'a> Fleet<'a> {
    /// Connects to all hosts at once. One that can't be reached fails the command, and says so for each.
    pub(in crate::commands) async fn connect(
        global: &Global,
        report: &'a Report,
        environment: &Environment,
    ) -> Result<Self> {
        match Self::reach(global, report, environment).await {
            (fleet, None) => Ok(fleet),
            (fleet, Some(failed)) => {
                fleet.close().await;
                Err(failed)
            }
        }
    }

    /// The same, and goes on with those that can be reached: what failed with the others is for the command to tell.
    pub(in crate::commands) async fn reach(
        global: &Global,
        report: &'a Report,
        environment: &Environment,
    ) -> (Self, Option<Failed>) {
        match Self::connect_each(global, report, environment).await {
            Ok((fleet, unreachable)) => {
                let failures = unreachable.into_iter().map(|(_, error)| error.into());
                (fleet, Failed::together(failures.collect()))
            }
            Err(failed) => (Self::empty(global, report), Some(failed)),
        }
    }

    fn empty(global: &Global, report: &'a Report) -> Self {
        Self {
            report,
            operator: operator(global),
            hosts: Vec::new(),
        }
    }

    /// The same, with the reasons by the names of those that can't be reached. It fails where a password for sudo is not
    /// to be had.
    pub(in crate::commands) async fn connect_each(
        global: &Global,
        report: &'a Report,
        environment: &Environment,
    ) -> Result<(Self, Vec<(String, SessionError)>)> {
        let ask = global.ask_sudo_password.then(|| report.asks_for_secrets());
        let passwords = sudo::passwords(ask, environment).await?;
        let options = Options {
            agents: Arc::new(Agents::new(global.agent.clone())),
            transport: transport::Options::asking(report.asks_for_secrets()),
            ..Options::default()
        };
        let mut fleet = Self::empty(global, report);
        let operator = &fleet.operator;
        let targets = environment.hosts.iter().zip(passwords);
        let opened = join_all(targets.map(async |(target, sudo_password)| {
            let options = Options {
                sudo_password,
                ..options.clone()
            };
            let mut tell = |progress: Progress| {
                if let Progress::Uploading { sent, total } = progress {
                    report.event(
                        &target.name,
                        &Event::Progress {
                            resource: "agent".into(),
                            message: "uploading".into(),
                            current: Some(sent),
                            total: Some(total),
                        },
                    );
                }
            };
            let session = Session::open(target, operator, &options, &mut tell).await;
            let session = session.map_err(|error| (target.name.clone(), error))?;
            for notice in session.notices() {
                report.note(Some(&target.name), Level::Warning, notice);
            }
            Ok::<_, (String, SessionError)>(Host {
                name: target.name.clone(),
                session,
                archive: None,
            })
        }))
        .await;
        let mut unreachable = Vec::new();
        for host in opened {
            match host {
                Ok(host) => fleet.hosts.push(host),
                Err(refused) => unreachable.push(refused),
            }
        }
        Ok((fleet, unreachable))
    }
}

/// Returns the operator's name for the hosts' locks and journals: `user@machine`.
fn operator(global: &Global) -> String {
    let machine = nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_else(|_| "unknown".into());
    format!("{}@{machine}", global.operator)
}
