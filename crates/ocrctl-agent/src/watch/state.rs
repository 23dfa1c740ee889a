//! The watcher's memory between runs, so that nothing is reported twice and nothing is lost.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::channel::{Channels, Letter};
use super::message::Message;
use super::repair::{Attempt, Repair};
use crate::host::{Access, Host};
use ocrctl_protocol::health::Part;
use ocrctl_protocol::{Context, Result};

const PATH: &str = "/var/lib/ocrctl/watch.json";
/// While the disk takes nothing.
const IN_MEMORY: &str = "/run/ocrctl/watch.json";
/// Messages that wait for a channel to come back; the oldest give way.
const MOST_LETTERS: usize = 100;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct State {
    /// The last that looked.
    pub(super) run: Option<Timestamp>,
    /// Problems that were reported.
    pub(super) open: BTreeMap<Part, Open>,
    /// Of the last hour.
    #[serde(alias = "mends")]
    repairs: Vec<(Timestamp, Repair)>,
    /// The oldest comes first.
    pub(super) outbox: Vec<Letter>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) since: Timestamp,
    pub(super) text: String,
}

impl State {
    /// An unreadable state is dropped: a message may be sent twice, but none is lost.
    pub(super) fn read(host: &Host) -> Self {
        let read = |path| host.read(path).ok().flatten();
        let json = read(IN_MEMORY).or_else(|| read(PATH)).unwrap_or_default();
        serde_json::from_slice(&json).unwrap_or_default()
    }

    pub(super) fn write(&self, host: &Host) -> Result<()> {
        let json = serde_json::to_vec_pretty(self).context("writing the watcher's state")?;
        match host.write(PATH, &json, Access::root(0o600)) {
            Ok(()) => host.remove(IN_MEMORY),
            // A full disk must not suppress its own message, nor repeat it.
            Err(_) => host.write(IN_MEMORY, &json, Access::root(0o600)),
        }
    }

    pub(super) fn repaired(&mut self, attempt: &Attempt) {
        let hour = SignedDuration::from_hours(1);
        let recent = |at: Timestamp| attempt.at.duration_since(at) < hour;
        self.repairs.retain(|(at, _)| recent(*at));
        self.repairs.push((attempt.at, attempt.repair));
    }

    /// Counts the attempts of this repair within the hour.
    pub(super) fn tried(&self, repair: Repair, now: Timestamp) -> u32 {
        let hour = SignedDuration::from_hours(1);
        let same = self.repairs.iter().filter(|(at, done)| {
            done.budget() == repair.budget() && now.duration_since(*at) < hour
        });
        u32::try_from(same.count()).unwrap_or(u32::MAX)
    }

    pub(super) fn send(&mut self, message: Message, channels: &Channels) {
        let channels = channels.of_messages();
        if !channels.is_empty() {
            self.outbox.push(Letter { message, channels });
        }
        let surplus = self.outbox.len().saturating_sub(MOST_LETTERS);
        self.outbox.drain(..surplus);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(second: i64, repair: Repair) -> Attempt {
        Attempt {
            at: Timestamp::from_second(second).unwrap(),
            repair,
            outcome: Ok(None),
        }
    }

    #[test]
    fn counts_repairs_of_the_last_hour() {
        let mut state = State::default();
        for second in [0, 3000, 3500] {
            state.repaired(&attempt(second, Repair::Restart));
        }
        state.repaired(&attempt(3500, Repair::Nginx));
        let at = |second| Timestamp::from_second(second).unwrap();
        assert_eq!(state.tried(Repair::Restart, at(3599)), 3);
        assert_eq!(state.tried(Repair::Start, at(3601)), 2, "one budget");
        assert_eq!(state.tried(Repair::Nginx, at(3601)), 1);
        state.repaired(&attempt(7000, Repair::Prune));
        assert_eq!(state.repairs.len(), 3);
    }

    #[test]
    fn it_survives_a_run_and_a_damaged_one_is_forgotten() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let mut state = State::read(&host);
        let open = Open {
            since: Timestamp::UNIX_EPOCH,
            text: "/ is 95 % full".into(),
        };
        state.open.insert(Part::Disk, open.clone());
        state.write(&host).unwrap();
        assert_eq!(State::read(&host).open[&Part::Disk], open);
        host.write(PATH, b"{\"open\": 3", Access::root(0o600))
            .unwrap();
        assert!(State::read(&host).open.is_empty());
    }

    #[test]
    fn where_the_disk_takes_nothing_it_is_kept_in_memory() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        // A directory in its place can't be written over.
        std::fs::create_dir_all(host.path(PATH)).unwrap();
        let mut state = State::default();
        let open = Open {
            since: Timestamp::UNIX_EPOCH,
            text: "/ is 100 % full".into(),
        };
        state.open.insert(Part::Disk, open.clone());
        state.write(&host).unwrap();
        assert_eq!(State::read(&host).open[&Part::Disk], open);
        std::fs::remove_dir(host.path(PATH)).unwrap();
        state.write(&host).unwrap();
        assert!(host.read(IN_MEMORY).unwrap().is_none());
        assert_eq!(State::read(&host).open[&Part::Disk], open);
    }
}
