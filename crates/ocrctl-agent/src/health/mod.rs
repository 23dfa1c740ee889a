//! The host's present state, read quickly: from files and sockets, by programs only where no file has it. Nothing is changed.
//! `ocrctl status` shows it and the watcher acts by it.

mod judge;
mod machine;
pub mod traffic;

use std::time::{Duration, Instant};

use jiff::Timestamp;
use ocr_api::health::Readiness;

use crate::docker::shown;
use crate::host::Host;
use crate::resources::certificate::settings::Settings;
use crate::resources::certificate::{served, status};
use crate::resources::release::{Now, Release};
use ocrctl_protocol::causes::chain;
use ocrctl_protocol::health::{Container, Health, Live, NginxState, Part, Problem, SelfReport};

/// Docker that does not answer within this is something wrong. Longer than a release is waited for, which is asked at the
/// same time: it is told by its own name.
const ANSWER: Duration = Duration::from_secs(8);
/// For NGINX, which waits for the release in turn: a look at one that hangs is not to take longer than the release's part of it.
const FRONT: Duration = Duration::from_secs(5);

/// Reads all of it. What can't be read is a problem of its own and holds up nothing else.
pub async fn read(host: &Host, now: Timestamp) -> Health {
    let front = async {
        let began = Instant::now();
        match through_nginx(host).await {
            Ok(release) => NginxState::Answers {
                release,
                ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
            },
            Err(why) => NginxState::Fails { why },
        }
    };
    let (release, nginx, certificate) =
        tokio::join!(release(host), front, status::glance(host, now));
    let mut problems = Vec::new();
    let release = release.unwrap_or_else(|why| {
        problems.push(problem(Part::Release, why));
        None
    });
    let certificate = match certificate {
        Ok(certificate) => Some(certificate),
        Err(failure) => {
            problems.push(problem(Part::Certificate, failure.message));
            None
        }
    };
    let traffic = traffic::read(host, now).unwrap_or_else(|failure| {
        problems.push(problem(Part::Traffic, failure.message));
        Default::default()
    });
    let mut health = Health {
        release,
        nginx,
        traffic,
        certificate,
        disks: machine::disks(host),
        memory: machine::memory(host),
        problems,
    };
    let found = judge::problems(&health, now);
    health.problems.extend(found);
    health
}

/// Something wrong, in one line.
pub fn problem(with: Part, text: impl AsRef<str>) -> Problem {
    let mut lines = text.as_ref().lines();
    Problem {
        with,
        text: lines.next().unwrap_or_default().to_owned(),
    }
}

async fn release(host: &Host) -> Result<Option<Live>, String> {
    let now = tokio::time::timeout(ANSWER, Release::now(host)).await;
    match now {
        Ok(Ok(now)) => Ok(now.map(live)),
        Ok(Err(failure)) => Err(failure.message),
        Err(_) => Err(format!(
            "Docker does not answer within {} s",
            ANSWER.as_secs()
        )),
    }
}

fn live(now: Now) -> Live {
    let (id, image, container) = match now.container {
        None => (String::new(), String::new(), Container::Gone),
        Some(found) => (
            found.release(),
            shown(&found.image),
            if found.running {
                Container::Running {
                    since: found.started,
                    restarts: found.restarts,
                }
            } else {
                Container::Stopped {
                    exit_code: found.exit_code,
                }
            },
        ),
    };
    Live {
        id,
        slot: now.slot.to_string(),
        image,
        container,
        says: now.readiness.map(self_report),
    }
}

fn self_report(readiness: Readiness) -> SelfReport {
    SelfReport {
        ready: readiness.ready,
        workers: readiness.workers.total,
        workers_ready: readiness.workers.ready,
        worker_error: readiness.workers.error,
        load: readiness.load,
        keys_error: readiness.keys.error,
        rules_error: readiness.rules.error,
    }
}

/// The release that answers.
async fn through_nginx(host: &Host) -> Result<String, String> {
    let settings = Settings::read(host).map_err(|failure| failure.message)?;
    let name = settings.name();
    let client = served::client(host, name).map_err(|failure| failure.message)?;
    let request = client.get(format!("https://{name}/healthz"));
    let answer = request.timeout(FRONT).send().await;
    let answer = answer.map_err(|error| chain(&error.without_url()))?;
    let status = answer.status();
    match answer.json::<ocr_api::health::Health>().await {
        Ok(health) => Ok(health.release),
        Err(_) => Err(format!("it answers {status}")),
    }
}

#[cfg(test)]
mod tests;
