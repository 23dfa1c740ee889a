//! The watcher's judgement of the facts: problems, repairs to try, and messages to send. By facts and by what was
//! before, and nothing else.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use ocr_api::health::{Recognition, RecognitionStatus};

use super::message::{Change, Kind};
use super::repair::{Attempt, Repair};
use super::settings::Settings;
use super::state::{Open, State};
use ocrctl_protocol::health::{Container, Health, NginxState, Part};

/// A release that has just been started loads its models.
const STARTING: SignedDuration = SignedDuration::from_secs(60);
/// A disk that was full is well again below this.
const DISK_WELL_PERCENT: u8 = 85;

/// The state at one moment.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) at: Timestamp,
    pub(super) health: Health,
    /// The workers' result with the sample. `None` if they could not be asked, or the release does not support the
    /// request.
    pub(super) recognition: Option<Result<Recognition, String>>,
    pub(super) nginx_runs: bool,
    pub(super) docker_runs: bool,
}

/// Problems, one line each.
pub(super) type Problems = BTreeMap<Part, String>;

/// Returns whether the live release may still be starting, so that its state is unknown.
pub(super) fn starting(health: &Health, now: Timestamp) -> bool {
    let Some(live) = &health.release else {
        return false;
    };
    let young = matches!(live.container, Container::Running { since: Some(since), restarts: 0 }
        if now.duration_since(since) < STARTING);
    young && !live.says.as_ref().is_some_and(|says| says.ready)
}

pub(super) fn problems(facts: &Facts, open: &BTreeMap<Part, Open>) -> Problems {
    let mut problems = Problems::new();
    for problem in &facts.health.problems {
        let text = problems.entry(problem.with).or_default();
        if !text.is_empty() {
            text.push_str("; ");
        }
        text.push_str(&problem.text);
    }
    if let Some(why) = failed_to_read(facts) {
        problems.insert(Part::Recognition, why);
    }
    let unwell = |disk: &ocrctl_protocol::health::Disk| {
        disk.used_percent.max(disk.inodes_used_percent) >= DISK_WELL_PERCENT
    };
    if facts.health.disks.iter().any(unwell)
        && let Some(full) = open.get(&Part::Disk)
    {
        problems
            .entry(Part::Disk)
            .or_insert_with(|| full.text.clone());
    }
    // One cause, one message.
    if problems.contains_key(&Part::Release) {
        problems.remove(&Part::Workers);
        problems.remove(&Part::Recognition);
        problems.remove(&Part::Traffic);
        if facts.nginx_runs {
            problems.remove(&Part::Nginx);
        }
    }
    if problems.contains_key(&Part::Recognition) {
        problems.remove(&Part::Workers);
    }
    if starting(&facts.health, facts.at) {
        let mut unknown = vec![
            Part::Release,
            Part::Workers,
            Part::Recognition,
            Part::Traffic,
        ];
        if facts.nginx_runs {
            unknown.push(Part::Nginx);
        }
        for with in unknown {
            match open.get(&with) {
                Some(before) => problems.insert(with, before.text.clone()),
                None => problems.remove(&with),
            };
        }
    }
    problems
}

fn failed_to_read(facts: &Facts) -> Option<String> {
    match facts.recognition.as_ref()? {
        Ok(read) if read.status == RecognitionStatus::Failed => {
            let why = read.error.as_deref().unwrap_or("it does not say why");
            Some(format!("documents are not read: {why}"))
        }
        Ok(_) => None,
        Err(why) => Some(format!("documents are not read: {why}")),
    }
}

/// Returns whether there is a problem that was not reported yet.
pub(super) fn has_new(problems: &Problems, open: &BTreeMap<Part, Open>) -> bool {
    problems.keys().any(|with| !open.contains_key(with))
}

/// Returns the repairs to try now, in this order.
pub(super) fn repairs(
    problems: &Problems,
    facts: &Facts,
    state: &State,
    settings: &Settings,
) -> Vec<Repair> {
    let has = |with| problems.contains_key(&with);
    let mut repairs = Vec::new();
    if has(Part::Disk) {
        repairs.push(Repair::Prune);
    }
    if has(Part::Release) && !facts.docker_runs {
        repairs.push(Repair::Docker);
    }
    // With a release that does not answer, NGINX can't either.
    let alone = matches!(facts.health.nginx, NginxState::Fails { .. }) && !has(Part::Release);
    if has(Part::Nginx) && (!facts.nginx_runs || alone) {
        repairs.push(Repair::Nginx);
    }
    let container = facts.health.release.as_ref().map(|live| live.container);
    match container {
        Some(Container::Stopped { .. }) if has(Part::Release) => repairs.push(Repair::Start),
        Some(Container::Gone | Container::Running { .. })
            if has(Part::Release) || has(Part::Recognition) =>
        {
            repairs.push(Repair::Restart);
        }
        _ => {}
    }
    // To free a disk twice in an hour frees nothing more.
    let most = |repair| match repair {
        Repair::Prune => settings.repairs_per_hour.min(1),
        _ => settings.repairs_per_hour,
    };
    repairs.retain(|repair| state.tried(*repair, facts.at) < most(*repair));
    repairs
}

/// Returns the messages about changes, and updates `open`. `first` holds the problems before, `last` those after all
/// attempts.
pub(super) fn changes(
    open: &mut BTreeMap<Part, Open>,
    first: &Problems,
    last: &Problems,
    attempts: &[Attempt],
    now: Timestamp,
) -> Vec<Change> {
    let mut changes = Vec::new();
    for (with, text) in last {
        let what = format!("{text}{}", failures(*with, attempts));
        let tell = |since| Change {
            kind: Kind::Problem,
            with: *with,
            what: what.clone(),
            since,
            at: now,
        };
        let known = open.entry(*with).or_insert_with(|| {
            changes.push(tell(now));
            Open {
                since: now,
                text: text.clone(),
            }
        });
        known.text.clone_from(text);
    }
    let over: Vec<Part> = open
        .keys()
        .filter(|with| !last.contains_key(with))
        .copied()
        .collect();
    for with in over {
        let Some(before) = open.remove(&with) else {
            continue;
        };
        changes.push(Change {
            kind: Kind::Recovered,
            with,
            what: format!("{}{}", before.text, successes(with, attempts)),
            since: before.since,
            at: now,
        });
    }
    let told: Vec<Part> = changes.iter().map(|change| change.with).collect();
    for (with, text) in first {
        let done = successes(*with, attempts);
        // The question by which a worker that hangs is found replaces it; whatever else has passed by itself was nothing.
        let repaired = !done.is_empty() || *with == Part::Recognition;
        if repaired && !told.contains(with) && !last.contains_key(with) {
            changes.push(Change {
                kind: Kind::Repaired,
                with: *with,
                what: format!("{text}{done}"),
                since: now,
                at: now,
            });
        }
    }
    changes
}

/// Lists the attempts that succeeded.
fn successes(with: Part, attempts: &[Attempt]) -> String {
    attempts
        .iter()
        .filter(|attempt| attempt.repair.helps(with))
        .filter_map(|attempt| attempt.outcome.as_ref().ok()?.as_ref())
        .fold(String::new(), |text, done| format!("{text}; {done}"))
}

/// Lists the attempts that failed.
fn failures(with: Part, attempts: &[Attempt]) -> String {
    attempts
        .iter()
        .filter(|attempt| attempt.repair.helps(with))
        .map(|attempt| match &attempt.outcome {
            Ok(Some(done)) => format!("; {done}, which did not help"),
            Ok(None) => String::new(),
            Err(why) => format!("; {} failed: {why}", attempt.repair.doing()),
        })
        .collect()
}

#[cfg(test)]
pub(super) mod tests;
