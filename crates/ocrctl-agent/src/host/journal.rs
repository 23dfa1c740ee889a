//! `/var/log/ocrctl/journal.jsonl`: who did what, and how it ended, also without a controller.

use std::io::{Read, Seek, SeekFrom, Write};

use serde::{Deserialize, Serialize};

use crate::host::Host;
use crate::host::lock::Lock;
use ocrctl_protocol::{Context, Result};

const PATH: &str = "/var/log/ocrctl/journal.jsonl";
/// The previous journal, kept when it was rotated.
const BEFORE: &str = "/var/log/ocrctl/journal.jsonl.1";
/// It is turned when it is longer: twice this is what it takes of the disk, and years of operations.
const LONGEST: u64 = 8 << 20;
/// Notices come from the end of the journal only.
const TAIL: u64 = 64 * 1024;
/// Some thousand operations.
const HISTORY: u64 = 1024 * 1024;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// RFC 3339.
    pub at: String,
    pub operator: String,
    pub command: String,
    pub state: State,
    /// The release served afterwards, or the error.
    pub detail: Option<String>,
    /// Release that was live when it began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Release that was live when it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
}

impl Entry {
    /// Of now.
    pub fn new(operator: &str, command: &str, state: State, detail: Option<String>) -> Self {
        Self {
            at: jiff::Timestamp::now().to_string(),
            operator: operator.to_owned(),
            command: command.to_owned(),
            state,
            detail,
            from: None,
            to: None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Began,
    Done,
    Failed,
    /// Ended while no controller listened; reported by the next command.
    DoneUnseen,
    FailedUnseen,
    /// Done in a moment, beside whatever else goes on: the keys were changed.
    Recorded,
    /// The operator has got a report of the entries above.
    Told,
}

#[derive(Debug)]
pub struct Journal<'a> {
    host: &'a Host,
}

impl<'a> Journal<'a> {
    pub fn of(host: &'a Host) -> Self {
        Self { host }
    }

    pub fn add(
        &self,
        operator: &str,
        command: &str,
        state: State,
        detail: Option<String>,
    ) -> Result<()> {
        self.write(&Entry::new(operator, command, state, detail))
    }

    pub fn write(&self, entry: &Entry) -> Result<()> {
        self.host.make_dir("/var/log/ocrctl", 0o750)?;
        let mut line = serde_json::to_string(entry).context("writing the journal")?;
        line.push('\n');
        // A line torn by a power cut must not swallow this entry.
        if self
            .host
            .read(PATH)?
            .is_some_and(|all| all.last().is_some_and(|byte| *byte != b'\n'))
        {
            line.insert(0, '\n');
        }
        std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.host.path(PATH))
            .and_then(|mut file| file.write_all(line.as_bytes()))
            .context("writing the journal")
    }

    /// Begins a new file where the old one has become too long. For the watcher alone: two that turn it at once would lose
    /// what is in it.
    pub fn turn(&self) -> Result<()> {
        self.turn_beyond(LONGEST)
    }

    fn turn_beyond(&self, longest: u64) -> Result<()> {
        let path = self.host.path(PATH);
        if std::fs::metadata(&path).is_ok_and(|journal| journal.len() > longest) {
            std::fs::rename(&path, self.host.path(BEFORE)).context("turning the journal")?;
        }
        Ok(())
    }

    /// Returns operations that ended without a controller since the last report, and marks them as reported.
    pub fn notices(&self) -> Vec<String> {
        let notices = notices(&self.tail(), Lock::held(self.host));
        if !notices.is_empty() {
            let _ = self.add("ocrctl", "hello", State::Told, None);
        }
        notices
    }

    /// The last of them, the oldest first.
    pub fn entries(&self) -> Vec<Entry> {
        self.last(HISTORY)
    }

    fn tail(&self) -> Vec<Entry> {
        self.last(TAIL)
    }

    fn last(&self, most: u64) -> Vec<Entry> {
        let read = |path: &str, most: u64| -> std::io::Result<String> {
            let mut file = std::fs::File::open(self.host.path(path))?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        let text = read(PATH, most).unwrap_or_default();
        let left = most.saturating_sub(text.len() as u64);
        let before = match left {
            0 => String::new(),
            left => read(BEFORE, left).unwrap_or_default(),
        };
        // A first line cut in two, or one torn by a power cut, does not parse and is passed over.
        before
            .lines()
            .chain(text.lines())
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect()
    }
}

fn notices(entries: &[Entry], running: bool) -> Vec<String> {
    let since = entries
        .iter()
        .rposition(|e| e.state == State::Told)
        .map_or(0, |told| told + 1);
    let mut notices = Vec::new();
    let mut open: Option<&Entry> = None;
    let never_ended = |entry: &Entry| {
        format!(
            "the {} that {} began at {} never ended: its agent was killed or the host went down",
            entry.command, entry.operator, entry.at
        )
    };
    for entry in &entries[since..] {
        let detail = entry.detail.as_deref().unwrap_or("no details");
        let unseen = |how: &str| {
            format!(
                "the {} by {} lost its controller and {how} on its own at {}: {detail}",
                entry.command, entry.operator, entry.at
            )
        };
        match entry.state {
            State::Began => notices.extend(open.replace(entry).map(never_ended)),
            State::Recorded => {}
            State::Done | State::Failed | State::Told => open = None,
            State::DoneUnseen => {
                open = None;
                notices.push(unseen("completed"));
            }
            State::FailedUnseen => {
                open = None;
                notices.push(unseen("failed"));
            }
        }
    }
    if !running {
        notices.extend(open.map(never_ended));
    }
    notices
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal(states: &[State]) -> Vec<Entry> {
        states
            .iter()
            .map(|state| Entry {
                at: "2026-01-01T00:00:00Z".into(),
                operator: "ann@desk".into(),
                command: "deploy".into(),
                state: *state,
                detail: Some("release 1".into()),
                from: None,
                to: None,
            })
            .collect()
    }

    #[test]
    fn reports_only_unseen_operations() {
        use State::*;
        assert_eq!(
            notices(&journal(&[Began, Done, Began, Failed]), false),
            [""; 0]
        );
        assert!(notices(&journal(&[Began, DoneUnseen]), false)[0].contains("completed on its own"));
        assert_eq!(
            notices(&journal(&[Began, DoneUnseen, Told]), false),
            [""; 0]
        );
        assert!(notices(&journal(&[Began]), false)[0].contains("never ended"));
        assert_eq!(notices(&journal(&[Began]), true), [""; 0], "it still runs");
        assert_eq!(notices(&journal(&[Began, Began, Done]), false).len(), 1);
        let beside = journal(&[Began, Recorded]);
        assert!(notices(&beside, false)[0].contains("never ended"));
    }

    #[test]
    fn reads_entries_from_before_a_rotation() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::at(dir.path());
        let journal = Journal::of(&host);
        journal.turn().unwrap();
        journal.add("ann", "deploy", State::Began, None).unwrap();
        journal.turn_beyond(1_000_000).unwrap();
        assert!(host.read(BEFORE).unwrap().is_none());
        journal.turn_beyond(10).unwrap();
        assert!(host.read(PATH).unwrap().is_none());
        assert_eq!(journal.notices().len(), 1, "the deploy never ended");
        journal.add("bob", "deploy", State::Done, None).unwrap();
        let operators: Vec<String> = journal.entries().into_iter().map(|e| e.operator).collect();
        assert_eq!(operators, ["ann", "ocrctl", "bob"]);
    }

    #[test]
    fn a_torn_line_is_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let host = Host::at(dir.path());
        let journal = Journal::of(&host);
        journal.add("ann", "deploy", State::Began, None).unwrap();
        std::fs::write(
            host.path(PATH),
            std::fs::read_to_string(host.path(PATH)).unwrap() + "{\"at\": \"20",
        )
        .unwrap();
        assert_eq!(journal.notices().len(), 1);
        assert!(journal.notices().is_empty(), "told once");
    }
}
