//! Changing hosts: one alone first, then in batches, and back where one of them fails.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::signal::unix::{SignalKind, signal};

use super::supply::{self, Supply};
use super::{Fleet, Host, Plan};
use crate::commands::{Failed, Result, failed};
use crate::report::Report;
use ocrctl_protocol::{Desired, Diagnostic, Event, Level, Request};

/// Between two tries to come in through a changed firewall.
const TRY_AGAIN: Duration = Duration::from_secs(1);
/// Somebody else's operation is not cut off by ours going back.
const PUT_BACK_WAIT: Duration = Duration::from_secs(60);

/// The releases of a host before and after a change.
#[derive(Debug)]
pub(in crate::commands) struct Switched {
    pub(in crate::commands) host: String,
    /// Releases before and after.
    pub(in crate::commands) from: Option<String>,
    pub(in crate::commands) to: Option<String>,
}

impl Fleet<'_> {
    /// Applies to each host the plan that was shown: to one alone first, then to `batch` at once. Where one fails, those
    /// that have switched to another release go back, and the rest is left alone.
    pub(in crate::commands) async fn apply(
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
    pub(in crate::commands) async fn rollback(
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
    pub(in crate::commands) async fn restart(
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

    /// `requests` has one for each host, in their order; `None` if it is left alone. Without `desired`, none can have
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
}

impl Host {
    pub(super) async fn operate(&mut self, report: &Report, request: &Request) -> Result<Switched> {
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
                                .hint("the next command reports how it ended"),
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
                Event::ConfirmReachable { seconds, .. } => {
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
        let text = format!("reverting to {from}, because another host failed");
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
