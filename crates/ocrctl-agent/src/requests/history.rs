//! The journal as operations: each from its beginning to its end.

use jiff::Timestamp;

use crate::host::journal::{Entry, State};
use ocrctl_protocol::{Ended, HistoryEntry};

/// `running`: an operation holds the lock now.
pub fn of(entries: &[Entry], running: bool) -> Vec<HistoryEntry> {
    let mut history: Vec<HistoryEntry> = Vec::new();
    // Operations exclude each other, so at most one is open.
    let mut open: Option<usize> = None;
    for entry in entries {
        let Ok(at) = entry.at.parse::<Timestamp>() else {
            continue;
        };
        let outcome = match entry.state {
            State::Told => continue,
            State::Began => {
                open = Some(history.len());
                Ended::Never
            }
            State::Done | State::DoneUnseen | State::Recorded => Ended::Done,
            State::Failed | State::FailedUnseen => Ended::Failed,
        };
        let ended = (entry.state != State::Began).then_some(at);
        let ends = matches!(
            entry.state,
            State::Done | State::DoneUnseen | State::Failed | State::FailedUnseen
        );
        let begun = open
            .filter(|_| ends)
            .and_then(|place| history.get_mut(place))
            .filter(|begun| begun.command == entry.command && begun.operator == entry.operator);
        match begun {
            Some(begun) => {
                open = None;
                begun.ended = ended;
                begun.to.clone_from(&entry.to);
                begun.outcome = outcome;
                begun.detail.clone_from(&entry.detail);
            }
            None => history.push(HistoryEntry {
                began: at,
                ended,
                operator: entry.operator.clone(),
                command: entry.command.clone(),
                from: entry.from.clone(),
                to: entry.to.clone(),
                outcome,
                detail: entry.detail.clone(),
            }),
        }
    }
    if let Some(begun) = open.filter(|_| running).and_then(|at| history.get_mut(at)) {
        begun.outcome = Ended::Running;
    }
    history
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(command: &str, state: State) -> Entry {
        Entry::new("ann@desk", command, state, None)
    }

    fn outcomes(entries: &[Entry], running: bool) -> Vec<(String, Ended)> {
        let history = of(entries, running).into_iter();
        history
            .map(|entry| (entry.command, entry.outcome))
            .collect()
    }

    #[test]
    fn each_operation_is_there_once_with_its_end() {
        let from = Entry {
            from: Some("r1".into()),
            ..entry("deploy", State::Began)
        };
        let to = Entry {
            to: Some("r2".into()),
            ..entry("deploy", State::DoneUnseen)
        };
        let keys = entry("keys", State::Recorded);
        let history = of(&[from, keys, to], false);
        assert_eq!(history.len(), 2);
        let deploy = &history[0];
        let releases = (deploy.from.as_deref(), deploy.to.as_deref());
        assert_eq!(releases, (Some("r1"), Some("r2")));
        assert!(deploy.ended.is_some());
        assert_eq!(history[1].command, "keys");
    }

    #[test]
    fn separates_interrupted_from_running_operations() {
        let killed = [entry("deploy", State::Began), entry("deploy", State::Began)];
        let deploy = "deploy".to_owned();
        assert_eq!(
            outcomes(&killed, true),
            [
                (deploy.clone(), Ended::Never),
                (deploy.clone(), Ended::Running)
            ]
        );
        assert_eq!(outcomes(&killed[..1], false), [(deploy, Ended::Never)]);
    }
}
