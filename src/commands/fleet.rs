//! The hosts of an environment, connected.

mod each;
mod supply;
pub(super) use each::Talking;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::timeout;

use super::keys::KeyHost;
use super::{Failed, Result, failed, sudo};
use crate::archive::Archive;
use crate::cli::Global;
use crate::inventory::Environment;
use crate::protocol::{Change, Desired, Event, HostKeys, KeyRequest, Level, Request};
use crate::report::{Diagnostic, Report};
use crate::session::{Agents, Options, Progress, Session, SessionError};
use crate::transport;
use supply::Supply;

/// Between two tries to come in through a changed firewall.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Longer than a host needs for a plan: it asks registries, with limits of its own, and waits for no lock.
const PLAN: Duration = Duration::from_secs(180);
/// Somebody else's operation is not cut off by ours going back.
const PUT_BACK_WAIT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Fleet<'a> {
    report: &'a Report,
    operator: String,
    hosts: Vec<Host>,
}

/// What a change made of one host.
#[derive(Debug)]
pub(super) struct Switched {
    pub(super) host: String,
    /// Releases before and after.
    pub(super) from: Option<String>,
    pub(super) to: Option<String>,
}

#[derive(Debug)]
struct Host {
    name: String,
    session: Session,
    /// It asks for pieces of it.
    archive: Option<Supply>,
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
        match Self::reach(global, report, environment).await {
            (fleet, None) => Ok(fleet),
            (fleet, Some(failed)) => {
                fleet.close().await;
                Err(failed)
            }
        }
    }

    /// The same, and goes on with those that can be reached: what failed with the others is for the command to tell.
    pub(super) async fn reach(
        global: &Global,
        report: &'a Report,
        environment: &Environment,
    ) -> (Self, Option<Failed>) {
        match Self::reach_each(global, report, environment).await {
            Ok((fleet, unreachable)) => {
                let failures = unreachable.into_iter().map(|(_, failed)| failed);
                (fleet, Failed::together(failures.collect()))
            }
            Err(failed) => (Self::nobody(global, report), Some(failed)),
        }
    }

    /// The same, with what failed by the names of those that can't be reached. It fails where a password for sudo is not
    /// to be had.
    pub(super) async fn reach_each(
        global: &Global,
        report: &'a Report,
        environment: &Environment,
    ) -> Result<(Self, Vec<(String, Failed)>)> {
        let (fleet, locked_out) = Self::knock(global, report, environment).await?;
        let failures = locked_out.into_iter();
        let failures = failures.map(|(name, error)| (name, Failed::from(error)));
        Ok((fleet, failures.collect()))
    }

    fn nobody(global: &Global, report: &'a Report) -> Self {
        Self {
            report,
            operator: operator(global),
            hosts: Vec::new(),
        }
    }

    /// The same, with the reasons themselves.
    pub(super) async fn knock(
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
        let mut fleet = Self::nobody(global, report);
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
        let mut locked_out = Vec::new();
        for host in opened {
            match host {
                Ok(host) => fleet.hosts.push(host),
                Err(refused) => locked_out.push(refused),
            }
        }
        Ok((fleet, locked_out))
    }

    /// The image is in this archive.
    pub(super) fn supply(&mut self, archive: &Arc<Archive>) {
        for host in &mut self.hosts {
            host.archive = Some(Supply::of(archive.clone()));
        }
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
            let answer = timeout(PLAN, host.answer(report)).await;
            match answer.unwrap_or_else(|_| Err(host.silent()))? {
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
        for (host, plan) in self.hosts.iter().zip(&plans) {
            if let Ok(plan) = plan {
                report.event(
                    &host.name,
                    &Event::Planned {
                        changes: plan.changes.clone(),
                        fingerprint: plan.fingerprint.clone(),
                    },
                );
            }
        }
        all(plans)
    }

    /// Applies to each host the plan that was shown: to one alone first, then to `batch` at once. Where one fails, those
    /// that have switched to another release go back, and the rest is left alone.
    pub(super) async fn apply(
        &mut self,
        plans: &[Plan],
        desired: &Desired,
        lock_wait: Duration,
        batch: u16,
    ) -> Result<Vec<Switched>> {
        let requests = plans.iter().map(|plan| {
            (!plan.changes.is_empty()).then(|| Request::Apply {
                fingerprint: plan.fingerprint.clone(),
                lock_wait,
            })
        });
        self.roll_out(requests.collect(), Some(desired), batch)
            .await
    }

    /// Takes all hosts to this kept release, in the same way.
    pub(super) async fn rollback(
        &mut self,
        desired: &Desired,
        to: &str,
        lock_wait: Duration,
        batch: u16,
    ) -> Result<Vec<Switched>> {
        let request = || Request::Rollback {
            desired: Box::new(desired.clone()),
            to: to.to_owned(),
            lock_wait,
        };
        let requests = self.hosts.iter().map(|_| Some(request()));
        self.roll_out(requests.collect(), Some(desired), batch)
            .await
    }

    /// Starts on each host the release that is live there anew, in the same way.
    pub(super) async fn restart(
        &mut self,
        lock_wait: Duration,
        batch: u16,
    ) -> Result<Vec<Switched>> {
        let requests = self
            .hosts
            .iter()
            .map(|_| Some(Request::Restart { lock_wait }));
        // Wherever it stops, all serve what they served before.
        self.roll_out(requests.collect(), None, batch).await
    }

    /// `requests` has one for each host, in their order; `None`: it is left alone. Without `desired`, none can have
    /// come to another release, so none goes back.
    async fn roll_out(
        &mut self,
        requests: Vec<Option<Request>>,
        desired: Option<&Desired>,
        batch: u16,
    ) -> Result<Vec<Switched>> {
        let report = self.report;
        let mut work: Vec<(&mut Host, Request)> = self
            .hosts
            .iter_mut()
            .zip(requests)
            .filter_map(|(host, request)| Some((host, request?)))
            .collect();
        let mut done: Vec<(&mut Host, Switched)> = Vec::new();
        let mut size = 1;
        while !work.is_empty() {
            let rest = work.split_off(size.min(work.len()));
            let ended = join_all(std::mem::replace(&mut work, rest).into_iter().map(
                async |(host, request)| {
                    let ended = host.operate(report, &request).await;
                    (host, ended)
                },
            ))
            .await;
            let mut failures = Vec::new();
            for (host, ended) in ended {
                match ended {
                    Ok(switched) => done.push((host, switched)),
                    Err(failed) => failures.push(failed),
                }
            }
            if let Some(failed) = Failed::together(failures) {
                let Some(desired) = desired else {
                    return Err(failed);
                };
                return Err(failed.and(put_back(report, done, desired).await));
            }
            size = usize::from(batch);
        }
        Ok(done.into_iter().map(|(_, switched)| switched).collect())
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

    pub(super) fn operator(&self) -> &str {
        &self.operator
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

    /// Asks all hosts at once, and gives the answer of each. One that has none in time is no concern of the others.
    pub(super) async fn each_apart(
        &mut self,
        within: Duration,
        request: impl Fn(&str) -> Request,
    ) -> Vec<(String, Result<Event>)> {
        let report = self.report;
        join_all(self.hosts.iter_mut().map(async |host| {
            let request = request(&host.name);
            let asked = async {
                host.session.send(&request).await?;
                host.answer(report).await
            };
            let answer = timeout(within, asked).await;
            let answer = answer.unwrap_or_else(|_| {
                let text = format!("no answer came within {} s", within.as_secs());
                Err(Failed::new(Diagnostic::new(text).host(&host.name)))
            });
            (host.name.clone(), answer)
        }))
        .await
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

    /// One that does not come to an end must not hold up what the others have to tell.
    fn silent(&self) -> Failed {
        let text = format!("no plan came within {} s", PLAN.as_secs());
        Failed::new(
            Diagnostic::new(text).host(&self.name).hint(
                "`systemctl --failed` and `dmesg` on the host may say why; nothing was changed",
            ),
        )
    }

    async fn operate(&mut self, report: &Report, request: &Request) -> Result<Switched> {
        self.session.send(request).await?;
        self.follow(report).await
    }

    /// Shows an operation until it ends. The first Ctrl-C asks the host to stop at the next safe point;
    /// the second leaves it to the host, which completes or undoes what it has begun.
    async fn follow(&mut self, report: &Report) -> Result<Switched> {
        let mut asked_to_stop = false;
        // Listened for all the time, also while a piece of an image is sent.
        let mut interrupts =
            signal(SignalKind::interrupt()).map_err(|error| Failed::new(Diagnostic::of(&error)))?;
        loop {
            let event = tokio::select! {
                event = self.session.next() => event?,
                Some(()) = interrupts.recv() => {
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
            // Not for people: there is one for each piece.
            if !matches!(event, Event::Wanted { .. }) {
                report.event(&self.name, &event);
            }
            match event {
                Event::Wanted {
                    id,
                    digest,
                    offset,
                    length,
                } => {
                    let supply = self.archive.as_mut();
                    let piece = match supply {
                        Some(supply) => supply.piece(id, digest, offset, length).await?,
                        None => supply::nothing(id),
                    };
                    self.session.send(&piece).await?;
                }
                Event::ConfirmReachable { seconds } => {
                    self.confirm(report, Duration::from_secs(seconds)).await?;
                }
                Event::Applied { release, before } => {
                    if let Some(text) = self.archive.as_ref().and_then(Supply::told) {
                        report.note(Some(&self.name), Level::Info, text);
                    }
                    return Ok(Switched {
                        host: self.name.clone(),
                        from: before.map(|release| release.id),
                        to: release.map(|release| release.id),
                    });
                }
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

/// Takes hosts back to the release that they had before, so that all serve the same one. Gives what failed at that.
async fn put_back(
    report: &Report,
    done: Vec<(&mut Host, Switched)>,
    desired: &Desired,
) -> Option<Failed> {
    let ended = join_all(done.into_iter().map(async |(host, switched)| {
        let Some(from) = switched
            .from
            .filter(|from| switched.to.as_ref() != Some(from))
        else {
            return Ok(());
        };
        let text = format!("going back to {from}, because another host failed");
        report.note(Some(&host.name), Level::Warning, text);
        let request = Request::Rollback {
            desired: Box::new(desired.clone()),
            to: from,
            lock_wait: PUT_BACK_WAIT,
        };
        host.operate(report, &request).await.map(|_| ())
    }))
    .await;
    Failed::together(ended.into_iter().filter_map(Result::err).collect())
}

pub(super) fn unexpected(host: &str, event: &Event) -> Failed {
    let text = format!("the agent answered out of turn: {event:?}");
    Failed::new(
        Diagnostic::new(text)
            .host(host)
            .hint("give an agent of the same release by `--agent PATH`, or none"),
    )
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

#[cfg(test)]
mod tests;
