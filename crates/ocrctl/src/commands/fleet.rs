//! The hosts of an environment, connected.

mod each;
mod reach;
mod roll_out;
mod supply;
pub(super) use each::Stream;
pub(super) use roll_out::Switched;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::{Failed, Result, failed};
use crate::report::Report;
use ocrctl_protocol::{Change, Desired, Diagnostic, Event, HostKeys, KeyRequest, Request};
use ocrctl_registry::archive::Archive;
use ocrctl_ssh::session::{Session, SessionError};
use supply::Supply;

/// Longer than a host needs for a plan: it asks registries, with limits of its own, and waits for no lock.
const PLAN: Duration = Duration::from_secs(180);

#[derive(Debug)]
pub(super) struct Fleet<'a> {
    report: &'a Report,
    operator: String,
    hosts: Vec<Host>,
}

#[derive(Debug)]
struct Host {
    name: String,
    session: Session,
    /// It asks for pieces of it.
    archive: Option<Supply>,
}

/// A host's answer to [`Request::Plan`].
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) changes: Vec<Change>,
    fingerprint: String,
}

impl<'a> Fleet<'a> {
    /// The image is in this archive.
    pub(super) fn supply(&mut self, archive: &Arc<Archive>) {
        for host in &mut self.hosts {
            host.archive = Some(Supply::of(archive.clone()));
        }
    }

    /// Compares all hosts with what they shall be, at once, and shows what differs.
    pub(super) async fn plan(&mut self, desired: &Desired) -> Result<Vec<Plan>> {
        self.plan_within(PLAN, desired).await
    }

    async fn plan_within(&mut self, limit: Duration, desired: &Desired) -> Result<Vec<Plan>> {
        let report = self.report;
        let plans = join_all(self.hosts.iter_mut().map(async |host| {
            let request = Request::Plan {
                desired: Box::new(desired.clone()),
            };
            let asked = async {
                host.session.send(&request).await?;
                host.answer(report).await
            };
            let answer = timeout(limit, asked).await;
            match answer.unwrap_or_else(|_| Err(host.silent(limit)))? {
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

    /// Why these plans can't be applied, on whichever hosts that is so.
    pub(super) fn blocked(&self, plans: &[Plan]) -> Option<Failed> {
        let of_host = |(host, plan): (&Host, &Plan)| {
            let failures = plan.changes.iter().flat_map(Change::blocked);
            let failed = failures.map(|failure| failed(&host.name, &failure));
            failed.collect::<Vec<_>>()
        };
        Failed::together(self.hosts.iter().zip(plans).flat_map(of_host).collect())
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

    /// Asks all hosts at once, each for what `request` makes of its name; `None` skips it. Gives names and answers,
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

/// A host whose keys can be read and replaced.
pub(super) trait KeyHost {
    fn name(&self) -> &str;
    async fn keys(&mut self, request: KeyRequest) -> Result<HostKeys>;
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
    fn silent(&self, limit: Duration) -> Failed {
        let text = format!("no plan came within {} s", limit.as_secs());
        Failed::new(
            Diagnostic::new(text).host(&self.name).hint(
                "`systemctl --failed` and `dmesg` on the host may say why; nothing was changed",
            ),
        )
    }
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

#[cfg(test)]
mod tests;
