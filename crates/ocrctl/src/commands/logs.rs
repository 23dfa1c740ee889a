//! `ocrctl logs ENV`: what all hosts logged, in the order of time.

mod merge;

use std::time::Instant;

use futures_util::future::{join_all, select_all};
use tokio::signal::ctrl_c;

use self::merge::{Hosts, Window};
use super::fleet::{Fleet, Stream, unexpected};
use super::{Failed, Outcome, Result, environment, limited};
use crate::cli::{Global, Logs};
use crate::report::Report;
use ocrctl_protocol::logs::{Line, Scope};
use ocrctl_protocol::{Diagnostic, Event, Request};

pub(super) async fn run(global: &Global, report: &Report, asked: &Logs) -> Result {
    let environment = environment(global, &asked.environment.environment)?;
    let environment = limited(environment, &asked.limit)?;
    let (mut fleet, unreachable) = Fleet::reach(global, report, &environment).await;
    // The logs of those that are reached come; why the others aren't is not to come after hours.
    for diagnostic in unreachable.iter().flat_map(|failed| &failed.diagnostics) {
        report.error(diagnostic);
    }
    let request = Request::Logs {
        scope: Scope {
            since: asked.since,
            follow: asked.follow,
            nginx: asked.nginx,
            request: asked.request.clone(),
        },
    };
    let told = tokio::select! {
        told = tell(report, fleet.talking(), &request, asked.follow) => told,
        // Enough, says the operator.
        _ = ctrl_c() => Ok(()),
    };
    fleet.close().await;
    let unreachable = unreachable.map(|failed| Failed {
        diagnostics: vec![],
        ..failed
    });
    match (told, unreachable) {
        (Ok(()), None) => Ok(Outcome::Done),
        (Ok(()), Some(failed)) => Err(failed),
        (Err(failed), _) => Err(failed),
    }
}

async fn tell(
    report: &Report,
    mut hosts: Vec<Stream<'_>>,
    request: &Request,
    follow: bool,
) -> Result<()> {
    let mut failures = Vec::new();
    let asked = join_all(hosts.iter_mut().map(|host| host.ask(request))).await;
    let mut reached = Vec::new();
    for (host, asked) in hosts.into_iter().zip(asked) {
        match asked {
            Ok(()) => reached.push(host),
            Err(failed) => failures.push(failed),
        }
    }
    let reached = history(report, reached, &mut failures).await;
    if follow {
        listen(report, reached, &mut failures).await;
    }
    Failed::together(failures).map_or(Ok(()), Err)
}

/// All that there is, exactly in order: from each host no more is taken than must be compared. Gives those that have told
/// all of theirs.
async fn history<'a>(
    report: &Report,
    mut talking: Vec<Stream<'a>>,
    failures: &mut Vec<Failed>,
) -> Vec<Stream<'a>> {
    let mut done = Vec::new();
    let mut lines = Hosts::default();
    while !report.is_broken() {
        let (silent, mut waiting): (Vec<_>, Vec<_>) =
            talking.into_iter().partition(|host| lines.has(host.name()));
        let answers = join_all(waiting.iter_mut().map(Stream::next)).await;
        talking = silent;
        for (host, answer) in waiting.into_iter().zip(answers) {
            match answer {
                Ok(Event::Logs { lines: more }) => {
                    lines.add(host.name(), more);
                    talking.push(host);
                }
                Ok(Event::LogsTold) => done.push(host),
                Ok(other) => failures.push(unexpected(host.name(), &other)),
                Err(failed) => failures.push(told(report, host.name(), failed)),
            }
        }
        let waited_for: Vec<&str> = talking.iter().map(Stream::name).collect();
        show(report, &lines.take(&waited_for));
        if talking.is_empty() {
            break;
        }
    }
    done
}

/// Prints lines as they come, sorted where they come at about the same time.
async fn listen(report: &Report, mut hosts: Vec<Stream<'_>>, failures: &mut Vec<Failed>) {
    let mut window = Window::default();
    while !hosts.is_empty() && !report.is_broken() {
        let due = window.due();
        let next = select_all(hosts.iter_mut().map(|host| Box::pin(host.next())));
        let (answer, place) = tokio::select! {
            (answer, place, _) = next => (Some(answer), place),
            () = until(due) => (None, 0),
        };
        match answer {
            None | Some(Ok(Event::LogsTold)) => {}
            Some(Ok(Event::Logs { lines })) => {
                window.add(Instant::now(), hosts[place].name(), lines);
            }
            Some(other) => {
                let host = hosts.swap_remove(place);
                let failed = other.map_or_else(|failed| failed, |it| unexpected(host.name(), &it));
                failures.push(told(report, host.name(), failed));
            }
        }
        show(report, &window.take(Instant::now()));
    }
    show(report, &window.rest());
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

fn show(report: &Report, lines: &[(String, Line)]) {
    report.log_lines(lines);
}

/// A host whose lines end here: said at once, because the others go on. The failure that is left gives the exit code.
fn told(report: &Report, host: &str, failed: Failed) -> Failed {
    let cut = "its log ends here".to_owned();
    report.error(&Diagnostic::new(cut).host(host));
    failed
}
