//! The hosts of an environment, connected.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::signal::ctrl_c;

use super::keys::KeyHost;
use super::{Failed, Result, failed};
use crate::cli::Global;
use crate::inventory::Environment;
use crate::protocol::{Change, Desired, Event, HostKeys, KeyRequest, Level, Request};
use crate::report::{Diagnostic, Report};
use crate::session::{Options, Progress, Session, SessionError};
use crate::transport;

/// Between two tries to come in through a changed firewall.
const TRY_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Fleet<'a> {
    report: &'a Report,
    hosts: Vec<Host>,
}

#[derive(Debug)]
struct Host {
    name: String,
    session: Session,
}

/// What a host answered to [`Request::Plan`].
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) changes: Vec<Change>,
    fingerprint: String,
}

impl<'a> Fleet<'a> {
    /// Connects to all hosts at once. One that can't be reached fails the command, and says so for each.
    pub(super) async fn connect(
        global: &Global,
        report: &'a Report,
        environment: &Environment,
    ) -> Result<Self> {
        let options = Options {
            agent: global.agent.clone(),
            transport: transport::Options::asking(report.asks_for_secrets()),
            ..Options::default()
        };
        let operator = operator(global);
        let opened = join_all(environment.hosts.iter().map(async |target| {
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
            let session = Session::open(target, &operator, &options, &mut tell).await?;
            for notice in session.notices() {
                report.note(Some(&target.name), Level::Warning, notice);
            }
            Ok(Host {
                name: target.name.clone(),
                session,
            })
        }))
        .await;
        let hosts = all(opened
            .into_iter()
            .map(|opened: std::result::Result<_, SessionError>| opened.map_err(Failed::from)))?;
        Ok(Self { report, hosts })
    }

    /// Compares all hosts with what they shall be, at once, and shows what differs.
    pub(super) async fn plan(&mut self, desired: &Desired) -> Result<Vec<Plan>> {
        let report = self.report;
        let plans = join_all(self.hosts.iter_mut().map(async |host| {
            host.session
                .send(&Request::Plan {
                    desired: Box::new(desired.clone()),
                })
                .await?;
            match host.answer(report).await? {
                Event::Planned {
                    changes,
                    fingerprint,
                } => Ok(Plan {
                    changes,
                    fingerprint,
                }),
                other => Err(unexpected(&host.name, &other)),
            }
        }))
        .await;
        let plans = all(plans)?;
        for (host, plan) in self.hosts.iter().zip(&plans) {
            report.event(
                &host.name,
                &Event::Planned {
                    changes: plan.changes.clone(),
                    fingerprint: plan.fingerprint.clone(),
                },
            );
        }
        Ok(plans)
    }

    /// Applies to each host the plan that was shown, one host after the other; a failure is the end.
    pub(super) async fn apply(&mut self, plans: &[Plan], lock_wait: Duration) -> Result<()> {
        for (host, plan) in self.hosts.iter_mut().zip(plans) {
            if plan.changes.is_empty() {
                continue;
            }
            let fingerprint = plan.fingerprint.clone();
            host.session
                .send(&Request::Apply {
                    fingerprint,
                    lock_wait,
                })
                .await?;
            host.follow(self.report).await?;
        }
        Ok(())
    }

    pub(super) async fn rollback(&mut self, desired: &Desired, lock_wait: Duration) -> Result<()> {
        for host in &mut self.hosts {
            let desired = Box::new(desired.clone());
            host.session
                .send(&Request::Rollback { desired, lock_wait })
                .await?;
            host.follow(self.report).await?;
        }
        Ok(())
    }

    /// Has all hosts pull the image that they shall have, at once, and shows that they did.
    pub(super) async fn pull(&mut self, desired: &Desired, lock_wait: Duration) -> Result<()> {
        let report = self.report;
        let pulled = join_all(self.hosts.iter_mut().map(async |host| {
            let desired = Box::new(desired.clone());
            host.session
                .send(&Request::Pull { desired, lock_wait })
                .await?;
            let answer = host.answer(report).await?;
            report.event(&host.name, &answer);
            Ok(())
        }))
        .await;
        all(pulled).map(|_| ())
    }

    /// Asks every host the same, one after the other, shows the answers and gives them.
    pub(super) async fn ask(&mut self, request: &Request) -> Result<Vec<Event>> {
        let mut answers = Vec::new();
        for host in &mut self.hosts {
            host.session.send(request).await?;
            let answer = host.answer(self.report).await?;
            self.report.event(&host.name, &answer);
            answers.push(answer);
        }
        Ok(answers)
    }

    /// All hosts, for their keys.
    pub(super) fn key_hosts(&mut self) -> Vec<KeyedHost<'_>> {
        let report = self.report;
        let hosts = self.hosts.iter_mut();
        hosts.map(|host| KeyedHost { host, report }).collect()
    }

    pub(super) fn report(&self) -> &'a Report {
        self.report
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(|host| host.name.as_str())
    }

    /// Asks all hosts at once, each what `request` makes of its name (`None`: nothing). Gives names and answers,
    /// which are not shown.
    pub(super) async fn each(
        &mut self,
        request: impl Fn(&str) -> Option<Request>,
    ) -> Result<Vec<(String, Event)>> {
        let report = self.report;
        let answers = join_all(self.hosts.iter_mut().map(async |host| {
            let Some(request) = request(&host.name) else {
                return Ok(None);
            };
            host.session.send(&request).await?;
            let answer = host.answer(report).await?;
            Ok(Some((host.name.clone(), answer)))
        }))
        .await;
        Ok(all(answers)?.into_iter().flatten().collect())
    }

    pub(super) async fn close(self) {
        join_all(self.hosts.into_iter().map(|host| host.session.close())).await;
    }
}

/// A connected host whose keys are read and replaced.
#[derive(Debug)]
pub(super) struct KeyedHost<'a> {
    host: &'a mut Host,
    report: &'a Report,
}

impl KeyHost for KeyedHost<'_> {
    fn name(&self) -> &str {
        &self.host.name
    }

    async fn keys(&mut self, request: KeyRequest) -> Result<HostKeys> {
        let host = &mut *self.host;
        let named = |error: SessionError| {
            let mut failed = Failed::from(error);
            for diagnostic in &mut failed.diagnostics {
                diagnostic.host.get_or_insert_with(|| host.name.clone());
            }
            failed
        };
        host.session
            .send(&Request::Keys { request })
            .await
            .map_err(named)?;
        match host.answer(self.report).await? {
            Event::Keys(keys) => Ok(*keys),
            other => Err(unexpected(&host.name, &other)),
        }
    }
}

impl Host {
    /// The event that ends a request; notes on the way are shown, a failure is an error.
    async fn answer(&mut self, report: &Report) -> Result<Event> {
        loop {
            match self.session.next().await? {
                event @ (Event::Note { .. } | Event::Progress { .. }) => {
                    report.event(&self.name, &event);
                }
                Event::Failed(failure) => return Err(failed(&self.name, &failure)),
                event => return Ok(event),
            }
        }
    }

    /// Shows an operation until it ends. The first Ctrl-C asks the host to stop at the next safe point;
    /// the second leaves it to the host, which completes or undoes what it has begun.
    async fn follow(&mut self, report: &Report) -> Result<()> {
        let mut asked_to_stop = false;
        loop {
            let event = tokio::select! {
                event = self.session.next() => event?,
                _ = ctrl_c() => {
                    if asked_to_stop {
                        return Err(Failed::new(
                            Diagnostic::new("left while the host was at work; it completes or undoes its step on its own")
                                .host(&self.name)
                                .hint("the next command tells how it ended"),
                        ));
                    }
                    asked_to_stop = true;
                    self.session.send(&Request::Cancel).await?;
                    let text = "stopping at the next safe point; Ctrl-C again leaves it to the host";
                    report.note(Some(&self.name), Level::Info, text);
                    continue;
                }
            };
            report.event(&self.name, &event);
            match event {
                Event::ConfirmReachable { seconds } => {
                    self.confirm(report, Duration::from_secs(seconds)).await?;
                }
                Event::Applied { .. } => return Ok(()),
                Event::Failed(failure) => return Err(failed(&self.name, &failure)),
                _ => {}
            }
        }
    }

    /// Proves over a new connection that the host can still be reached. Without the proof the host puts
    /// its old rules back, and says so.
    async fn confirm(&mut self, report: &Report, within: Duration) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < within {
            match self.session.reconnect_probe().await {
                Ok(()) => return Ok(self.session.send(&Request::Confirm).await?),
                Err(error) => {
                    report.note(
                        Some(&self.name),
                        Level::Warning,
                        format!("no way in yet: {error}"),
                    );
                    tokio::time::sleep(TRY_AGAIN).await;
                }
            }
        }
        Ok(())
    }
}

pub(super) fn unexpected(host: &str, event: &Event) -> Failed {
    Failed::new(Diagnostic::new(format!("the agent answered out of turn: {event:?}")).host(host))
}

/// All values, or all failures together.
pub(super) fn all<T>(results: impl IntoIterator<Item = Result<T>>) -> Result<Vec<T>> {
    let mut values = Vec::new();
    let mut failures = Vec::new();
    for result in results {
        match result {
            Ok(value) => values.push(value),
            Err(failure) => failures.push(failure),
        }
    }
    Failed::together(failures).map_or(Ok(values), Err)
}

/// Who the hosts' locks and journals name: `user@machine`.
fn operator(global: &Global) -> String {
    let machine = nix::unistd::gethostname()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_else(|_| "unknown".into());
    format!("{}@{machine}", global.operator)
}
