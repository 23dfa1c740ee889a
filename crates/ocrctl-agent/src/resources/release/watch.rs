//! The first moments of a release that has just become live: do its clients get answers? NGINX's access log says so,
//! while the release before still runs and can have its place back at once.

use std::io::{Read, Seek, SeekFrom};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Deserialize;

use super::{Engine, Host, Operation, Slot};
use crate::resources::nginx::ACCESS_LOG as LOG;
use ocrctl_protocol::{Failure, Result};

const EVERY: Duration = Duration::from_millis(100);
/// The part of the log's end that is read to count clients.
const TAIL: u64 = 64 * 1024;
/// The period before the switch, in seconds, whose requests tell the number of clients.
const RECENT: f64 = 60.0;
/// When none has come for so long, they have gone.
const IDLE: Duration = Duration::from_secs(2);
/// Answers without a failure that suffice.
const ENOUGH: u64 = 100;
/// Fewer failures can be the fault of single documents.
const FEWEST: u64 = 3;
/// One of so many requests.
const RATE: u64 = 10;

/// A line of NGINX's access log, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Line {
    path: String,
    /// When the answer was complete, in seconds since 1970.
    ended: f64,
    /// The duration from the request's first byte.
    seconds: f64,
    /// Of the release's answer, before NGINX made its own of it. Empty: it was not asked.
    upstream_status: String,
}

impl Line {
    /// Returns whether the release is to blame: it broke, or did not answer.
    fn failed(&self) -> bool {
        matches!(self.upstream_status.as_str(), "500" | "502")
    }

    fn counts(&self) -> bool {
        self.path.starts_with("/v1/") && !self.upstream_status.is_empty()
    }
}

/// Outcomes of the requests that began after the switch.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    answered: u64,
    failed: u64,
}

impl Tally {
    fn add(&mut self, text: &str, since: f64) {
        let lines = text
            .lines()
            .filter_map(|line| serde_json::from_str::<Line>(line).ok());
        // Those that began before are answered by the release before.
        for line in lines.filter(|line| line.counts() && line.ended - line.seconds > since) {
            self.answered += 1;
            self.failed += u64::from(line.failed());
        }
    }

    fn too_many(&self) -> bool {
        self.failed >= FEWEST && self.failed * RATE >= self.answered
    }
}

/// The log from a place on, through a rotation.
#[derive(Debug)]
struct Log<'a> {
    host: &'a Host,
    place: u64,
    /// A line that is not complete yet.
    rest: String,
}

impl<'a> Log<'a> {
    fn at_end(host: &'a Host) -> Self {
        let place = std::fs::metadata(host.path(LOG)).map_or(0, |log| log.len());
        Self {
            host,
            place,
            rest: String::new(),
        }
    }

    /// Whole lines that have been added. Where the log can't be read, none: readiness still counts.
    fn added(&mut self) -> String {
        let Ok(mut file) = std::fs::File::open(self.host.path(LOG)) else {
            return String::new();
        };
        if file.metadata().is_ok_and(|log| log.len() < self.place) {
            self.place = 0;
        }
        let mut bytes = Vec::new();
        if file.seek(SeekFrom::Start(self.place)).is_err() || file.read_to_end(&mut bytes).is_err()
        {
            return String::new();
        }
        self.place += bytes.len() as u64;
        let mut text = std::mem::take(&mut self.rest) + &String::from_utf8_lossy(&bytes);
        self.rest = text.split_off(text.rfind('\n').map_or(0, |end| end + 1));
        text
    }
}

/// The moment of a switch, and how the log was then.
#[derive(Debug)]
pub(super) struct Watch<'a> {
    log: Log<'a>,
    since: f64,
    /// Requests answered in the time before.
    recent: u64,
}

impl<'a> Watch<'a> {
    pub(super) fn before_switch(host: &'a Host) -> Self {
        let now = now();
        let mut log = Log::at_end(host);
        let end = log.place;
        log.place = end.saturating_sub(TAIL);
        let tail = log.added();
        log.rest.clear();
        log.place = end;
        let mut recent = Tally::default();
        recent.add(&tail, now - RECENT);
        Self {
            log,
            since: now,
            recent: recent.answered,
        }
    }

    /// Watches for at most `window`; an error says why the release can't stay.
    pub(super) async fn over(
        mut self,
        window: Duration,
        engine: &Engine,
        slot: Slot,
        operation: &mut Operation,
    ) -> Result<()> {
        // Too few requests are expected to condemn it.
        if self.recent as f64 * window.as_secs_f64() / RECENT < FEWEST as f64 {
            return Ok(());
        }
        let began = Instant::now();
        let mut last = began;
        let mut tally = Tally::default();
        operation
            .events
            .progress("release", "watching the first requests", None);
        while began.elapsed() < window {
            let before = tally.answered;
            tally.add(&self.log.added(), self.since);
            if tally.answered > before {
                last = Instant::now();
            }
            if tally.too_many() {
                return Err(Failure::new(format!(
                    "the new release failed {} of its first {} requests",
                    tally.failed, tally.answered
                )));
            }
            let enough = tally.answered >= ENOUGH || last.elapsed() > IDLE;
            if tally.failed == 0 && enough {
                return Ok(());
            }
            let container = engine.inspect(slot.container()).await?;
            if !container.is_some_and(|container| container.running && container.restarts == 0) {
                return Err(Failure::new("the new release ended soon after the switch"));
            }
            tokio::time::sleep(EVERY).await;
        }
        Ok(())
    }
}

fn now() -> f64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(path: &str, ended: f64, seconds: f64, status: &str) -> String {
        format!(
            r#"{{"path":"{path}","status":200,"ended":{ended},"seconds":{seconds},"upstream_status":"{status}"}}"#
        ) + "\n"
    }

    fn tally(lines: &[String]) -> Tally {
        let mut tally = Tally::default();
        tally.add(&lines.concat(), 100.0);
        tally
    }

    #[test]
    fn only_requests_to_the_new_release_count() {
        let lines = [
            line("/v1/ocr", 101.0, 0.5, "200"),
            line("/v1/ocr", 101.0, 2.0, "500"), // began before the switch
            line("/healthz", 101.0, 0.1, "200"),
            line("/v1/ocr", 101.0, 0.1, ""), // refused by NGINX itself
            line("/v1/ocr", 101.0, 0.1, "422"),
            "torn".to_owned(),
        ];
        let counted = Tally {
            answered: 2,
            failed: 0,
        };
        assert_eq!(tally(&lines), counted);
    }

    #[test]
    fn single_documents_do_not_condemn_a_release_and_a_rate_does() {
        let of = |failed, answered| Tally { answered, failed }.too_many();
        assert!(!of(2, 2));
        assert!(of(3, 30));
        assert!(!of(3, 31));
    }

    #[test]
    fn the_log_is_followed_through_a_rotation_and_in_whole_lines() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        host.make_dir("/var/log/nginx", 0o755).unwrap();
        let write = |text: &str| std::fs::write(host.path(LOG), text).unwrap();
        write("old line\n");
        let mut log = Log::at_end(&host);
        write("old line\nnew ");
        assert_eq!(log.added(), "");
        write("old line\nnew line\n");
        assert_eq!(log.added(), "new line\n");
        write("turned\n");
        assert_eq!(log.added(), "turned\n");
    }
}
