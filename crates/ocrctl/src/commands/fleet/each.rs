//! Asking hosts each for itself: what one does not answer keeps nobody from hearing the others.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;

use super::{Fleet, Host};
use crate::commands::{Failed, Result};
use crate::report::Report;
use ocrctl_protocol::{Diagnostic, Event, Request};

/// A host that answers with many events.
#[derive(Debug)]
pub(in crate::commands) struct Stream<'a> {
    host: &'a mut Host,
    report: &'a Report,
}

impl Stream<'_> {
    pub(in crate::commands) fn name(&self) -> &str {
        &self.host.name
    }

    pub(in crate::commands) async fn ask(&mut self, request: &Request) -> Result<()> {
        Ok(self.host.session.send(request).await?)
    }

    /// The next event but for notes, which are shown. Safe to give up and call again.
    pub(in crate::commands) async fn next(&mut self) -> Result<Event> {
        self.host.answer(self.report).await
    }
}

impl Fleet<'_> {
    /// All hosts, to listen to.
    pub(in crate::commands) fn talking(&mut self) -> Vec<Stream<'_>> {
        let report = self.report;
        let hosts = self.hosts.iter_mut();
        hosts.map(|host| Stream { host, report }).collect()
    }

    /// Asks all hosts at once, each what `request` makes of its name, and gives each one's answer by that. One that has
    /// none in time is no concern of the others.
    pub(in crate::commands) async fn ask_each(
        &mut self,
        within: Duration,
        request: impl Fn(&str) -> Request,
    ) -> Vec<(String, Result<Event>)> {
        let report = self.report;
        let answers = self.hosts.iter_mut().map(async |host: &mut Host| {
            let asked = async {
                host.session.send(&request(&host.name)).await?;
                host.answer(report).await
            };
            let answer = match timeout(within, asked).await {
                Ok(answer) => answer,
                Err(_) => {
                    let text = format!("no answer came within {} s", within.as_secs());
                    Err(Failed::new(Diagnostic::new(text).host(&host.name).hint(
                        "`systemctl --failed` and `dmesg` on the host may say why",
                    )))
                }
            };
            (host.name.clone(), answer)
        });
        join_all(answers).await
    }
}
