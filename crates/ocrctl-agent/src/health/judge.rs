//! Problems, derived from the facts alone.

use jiff::{SignedDuration, Timestamp};

use super::problem;
use ocrctl_protocol::health::{Container, Health, Live, NginxState, Part, Problem};

/// A release that was started again since then is not at rest.
const RESTLESS: SignedDuration = SignedDuration::from_mins(10);
const DISK_FULL_PERCENT: u8 = 90;
const MEMORY_FULL_PERCENT: u8 = 95;
/// Fewer failures can be the fault of single documents.
const FEWEST_FAILURES: u64 = 5;
/// One of so many requests.
const FAILURE_RATE: u64 = 10;

pub(super) fn problems(health: &Health, now: Timestamp) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut tell = |with, text: String| found.push(problem(with, text));
    match &health.release {
        Some(live) => of_release(live, now, &mut tell),
        // The failed look-up was reported.
        None if health.problems.iter().any(|it| it.with == Part::Release) => {}
        None => tell(Part::Release, "no release is live".into()),
    }
    match &health.nginx {
        NginxState::Fails { why } => {
            tell(Part::Nginx, format!("requests through NGINX fail: {why}"))
        }
        NginxState::Answers { release, .. } => {
            let live = health.release.as_ref().filter(|live| !live.id.is_empty());
            if let Some(live) = live.filter(|live| live.id != *release) {
                let text = format!("release {release} answers through NGINX, not {}", live.id);
                tell(Part::Nginx, text);
            }
        }
    }
    let traffic = &health.traffic;
    if traffic.failed >= FEWEST_FAILURES && traffic.failed * FAILURE_RATE >= traffic.requests {
        let text = format!(
            "{} of the last {} requests failed",
            traffic.failed, traffic.requests
        );
        tell(Part::Traffic, text);
    }
    for text in health.certificate.iter().flat_map(|it| &it.problems) {
        tell(Part::Certificate, text.clone());
    }
    for disk in &health.disks {
        if disk.used_percent >= DISK_FULL_PERCENT {
            let text = format!("{} is {} % full", disk.path, disk.used_percent);
            tell(Part::Disk, text);
        }
        if disk.inodes_used_percent >= DISK_FULL_PERCENT {
            let text = format!(
                "{} has {} % of its inodes in use",
                disk.path, disk.inodes_used_percent
            );
            tell(Part::Disk, text);
        }
    }
    if let Some(memory) = health.memory
        && memory.used_percent >= MEMORY_FULL_PERCENT
    {
        let text = format!("{} % of the memory is in use", memory.used_percent);
        tell(Part::Memory, text);
    }
    found
}

fn of_release(live: &Live, now: Timestamp, tell: &mut impl FnMut(Part, String)) {
    let slot = &live.slot;
    match live.container {
        Container::Gone => {
            tell(
                Part::Release,
                format!("the container of slot {slot}, which is live, is gone"),
            );
        }
        Container::Stopped { exit_code } => {
            let code = exit_code.map_or("unknown".into(), |code| code.to_string());
            let text = format!("the live release has stopped (slot {slot}, exit code {code})");
            tell(Part::Release, text);
        }
        Container::Running { since, restarts } => {
            if restarts > 0 && since.is_some_and(|since| now.duration_since(since) < RESTLESS) {
                let text = format!(
                    "the live release ended and was started again, {restarts} times so far"
                );
                tell(Part::Restarts, text);
            }
            if live.says.is_none() {
                let text = format!("the live release does not answer on its socket (slot {slot})");
                tell(Part::Release, text);
            }
        }
    }
    let Some(says) = &live.says else { return };
    if says.workers_ready < says.workers {
        let why = says.worker_error.as_deref();
        let text = format!(
            "{} of {} workers are ready{}",
            says.workers_ready,
            says.workers,
            why.map(|why| format!(": {why}")).unwrap_or_default()
        );
        tell(Part::Workers, text);
    } else if !says.ready {
        tell(Part::Release, "the live release takes no new work".into());
    }
    for (with, error) in [
        (Part::Keys, &says.keys_error),
        (Part::Rules, &says.rules_error),
    ] {
        if let Some(error) = error {
            tell(with, error.clone());
        }
    }
}
