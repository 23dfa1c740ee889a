//! Lines of several hosts in one order.

use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, Instant};

use ocrctl_protocol::logs::Line;

/// A line waits this long for earlier ones of other hosts.
const HOLD: Duration = Duration::from_millis(300);
/// When so many wait, the first go on.
const MOST: usize = 10_000;

/// Lines that hosts have sent, in order for each host.
#[derive(Debug, Default)]
pub(super) struct Hosts(BTreeMap<String, VecDeque<Line>>);

impl Hosts {
    pub(super) fn has(&self, host: &str) -> bool {
        self.0.get(host).is_some_and(|lines| !lines.is_empty())
    }

    pub(super) fn add(&mut self, host: &str, lines: Vec<Line>) {
        self.0.entry(host.to_owned()).or_default().extend(lines);
    }

    /// Takes the lines that are certainly next: until one of the hosts in `waited_for`, which have more to send, has
    /// none left.
    pub(super) fn take(&mut self, waited_for: &[&str]) -> Vec<(String, Line)> {
        let mut taken = Vec::new();
        while waited_for.iter().all(|host| self.has(host)) {
            let heads = self.0.iter();
            let heads = heads.filter_map(|(host, lines)| Some((lines.front()?.at, host)));
            let Some((_, first)) = heads.min() else { break };
            let first = first.clone();
            let line = self.0.get_mut(&first).and_then(VecDeque::pop_front);
            taken.extend(line.map(|line| (first, line)));
        }
        taken
    }
}

/// Lines that have just come.
#[derive(Debug, Default)]
pub(super) struct Window(Vec<(Instant, String, Line)>);

impl Window {
    pub(super) fn add(&mut self, now: Instant, host: &str, lines: Vec<Line>) {
        let lines = lines.into_iter();
        self.0
            .extend(lines.map(|line| (now, host.to_owned(), line)));
        // Stable: the lines of a host stay as they came.
        self.0.sort_by_key(|(_, _, line)| line.at);
    }

    /// When [`Window::take`] has something again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.iter().map(|(came, ..)| *came + HOLD).min()
    }

    /// Those that have waited long enough, and what comes before them.
    pub(super) fn take(&mut self, now: Instant) -> Vec<(String, Line)> {
        let waited = self.0.iter().rposition(|(came, ..)| *came + HOLD <= now);
        let due = waited.map_or(0, |last| last + 1);
        let count = due.max(self.0.len().saturating_sub(MOST));
        let taken = self.0.drain(..count);
        taken.map(|(_, host, line)| (host, line)).collect()
    }

    pub(super) fn rest(&mut self) -> Vec<(String, Line)> {
        let taken = self.0.drain(..);
        taken.map(|(_, host, line)| (host, line)).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use ocrctl_protocol::logs::Source;

    fn line(second: i64) -> Line {
        Line {
            at: Timestamp::from_second(second).unwrap(),
            from: Source::OcrA,
            text: String::new(),
        }
    }

    fn order(lines: Vec<(String, Line)>) -> Vec<(String, i64)> {
        let lines = lines.into_iter();
        lines
            .map(|(host, line)| (host, line.at.as_second()))
            .collect()
    }

    #[test]
    fn waits_for_hosts_with_more_lines() {
        let mut hosts = Hosts::default();
        hosts.add("one", vec![line(1), line(4)]);
        assert_eq!(order(hosts.take(&["one", "two"])), []);
        hosts.add("two", vec![line(2), line(3)]);
        let told = [("one".into(), 1), ("two".into(), 2), ("two".into(), 3)];
        assert_eq!(order(hosts.take(&["one", "two"])), told);
        assert!(hosts.has("one") && !hosts.has("two"));
        assert_eq!(order(hosts.take(&["one"])), [("one".to_owned(), 4)]);
    }

    #[test]
    fn sorts_lines_that_come_at_about_the_same_time() {
        let mut window = Window::default();
        let began = Instant::now();
        window.add(began, "one", vec![line(2), line(5)]);
        window.add(began + HOLD / 2, "two", vec![line(1), line(3)]);
        assert_eq!(order(window.take(began + HOLD / 2)), []);
        assert_eq!(window.due(), Some(began + HOLD));
        let told = [1, 2, 3, 5].map(|second| {
            let host = if matches!(second, 2 | 5) {
                "one"
            } else {
                "two"
            };
            (host.to_owned(), second)
        });
        assert_eq!(order(window.take(began + HOLD)), told);
        assert_eq!(window.due(), None);
    }

    #[test]
    fn a_flood_is_not_kept() {
        let mut window = Window::default();
        let now = Instant::now();
        window.add(now, "one", (0..15_000).map(line).collect());
        assert_eq!(window.take(now).len(), 5_000);
        assert_eq!(window.rest().len(), 10_000);
    }
}
