//! Crashes of workers, by API key. The same bytes would most likely crash the next worker, too. So after the second
//! crash, a key's document is refused for a while. Changed bytes are another document. So a key whose documents keep
//! crashing workers is slowed down, and more with each crash. Other keys are not affected, even if they send the same
//! bytes.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Crashes after which a document is refused. A single crash can be chance.
const OF_DOCUMENT: u32 = 2;
/// Time for which a crash counts.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Crashes of a key without consequence for its other documents. Among many files, some are broken.
const OF_KEY: usize = 3;
/// Time for which a key is refused after the first crash beyond these. It doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Most keys that are remembered, and most crashes and documents of each.
const KEYS: usize = 1024;
const EACH: usize = 64;

/// Crashes by key.
#[derive(Debug, Default)]
pub(super) struct Crashes {
    keys: Mutex<HashMap<Arc<str>, OfKey>>,
}

#[derive(Debug, Default)]
struct OfKey {
    /// Times of the crashes, the oldest first.
    times: VecDeque<Instant>,
    /// Documents by their SHA-256.
    documents: HashMap<String, OfDocument>,
    /// The latest template of which a copy crashed.
    template: u64,
}

#[derive(Debug, Clone, Copy)]
struct OfDocument {
    crashes: u32,
    last: Instant,
}

impl Crashes {
    /// Records that a copy of this template crashed at a key's document.
    pub(super) fn add(&self, key: &Arc<str>, sha256: &str, template: u64, now: Instant) {
        let mut keys = self.keys();
        if keys.len() >= KEYS && !keys.contains_key(key) {
            keys.retain(|_, of_key| of_key.last().is_some_and(|last| counts(last, now)));
            if keys.len() >= KEYS {
                let oldest = keys.iter().min_by_key(|(_, of_key)| of_key.last());
                if let Some(oldest) = oldest.map(|(key, _)| Arc::clone(key)) {
                    keys.remove(&oldest);
                }
            }
        }
        let of_key = keys.entry(Arc::clone(key)).or_default();
        of_key.template = of_key.template.max(template);
        of_key.add(sha256, now);
    }

    /// The latest template of which a copy crashed at a document of this key; 0 for none. Copies of a template share
    /// their addresses and stack canary, which a crash may have revealed. So this key's documents go only to copies of
    /// later templates.
    pub(super) fn latest_template(&self, key: &str) -> u64 {
        self.keys().get(key).map_or(0, |of_key| of_key.template)
    }

    /// Time for which a key's document is still refused.
    pub(super) fn document_refused(
        &self,
        key: &str,
        sha256: &str,
        now: Instant,
    ) -> Option<Duration> {
        let document = *self.keys().get(key)?.documents.get(sha256)?;
        left(document.last, REMEMBERED, now).filter(|_| document.crashes >= OF_DOCUMENT)
    }

    /// Time for which all documents of a key are still refused.
    pub(super) fn key_refused(&self, key: &str, now: Instant) -> Option<Duration> {
        let keys = self.keys();
        let of_key = keys.get(key)?;
        let recent = of_key.times.iter().filter(|time| counts(**time, now));
        let beyond = recent.count().checked_sub(OF_KEY + 1)?;
        let doubled = 1 << u32::try_from(beyond).unwrap_or(u32::MAX).min(16);
        left(
            of_key.last()?,
            (FIRST_PAUSE * doubled).min(LONGEST_PAUSE),
            now,
        )
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Arc<str>, OfKey>> {
        // A record is whole between any two operations on it.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfKey {
    fn add(&mut self, sha256: &str, now: Instant) {
        self.times.push_back(now);
        if self.times.len() > EACH {
            self.times.pop_front();
        }
        self.documents
            .retain(|_, document| counts(document.last, now));
        if self.documents.len() >= EACH && !self.documents.contains_key(sha256) {
            let oldest = self.documents.iter().min_by_key(|(_, one)| one.last);
            if let Some(oldest) = oldest.map(|(sha256, _)| sha256.clone()) {
                self.documents.remove(&oldest);
            }
        }
        let document = self
            .documents
            .entry(sha256.to_owned())
            .or_insert(OfDocument {
                crashes: 0,
                last: now,
            });
        document.crashes += 1;
        document.last = now;
    }

    fn last(&self) -> Option<Instant> {
        self.times.back().copied()
    }
}

fn counts(time: Instant, now: Instant) -> bool {
    left(time, REMEMBERED, now).is_some()
}

/// The rest of a time that began then.
fn left(began: Instant, length: Duration, now: Instant) -> Option<Duration> {
    (began + length)
        .checked_duration_since(now)
        .filter(|left| !left.is_zero())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Arc<str> {
        name.into()
    }

    #[test]
    fn refuses_a_document_for_ten_minutes_after_its_second_crash() {
        let crashes = Crashes::default();
        let start = Instant::now();
        let refused = |sha256, now| crashes.document_refused("k", sha256, now);
        crashes.add(&key("k"), "a", 1, start);
        assert_eq!(refused("a", start), None);
        crashes.add(&key("k"), "b", 1, start);
        let later = start + REMEMBERED / 2;
        crashes.add(&key("k"), "a", 1, later);
        assert_eq!(refused("a", later), Some(REMEMBERED));
        assert_eq!(refused("b", later), None);
        assert_eq!(refused("a", later + REMEMBERED), None);
        // The count starts again.
        crashes.add(&key("k"), "a", 1, later + REMEMBERED);
        assert_eq!(refused("a", later + REMEMBERED), None);
    }

    #[test]
    fn refuses_no_other_key_the_same_document() {
        let crashes = Crashes::default();
        let now = Instant::now();
        for _ in 0..10 {
            crashes.add(&key("k"), "a", 1, now);
        }
        assert!(crashes.document_refused("k", "a", now).is_some());
        assert!(crashes.key_refused("k", now).is_some());
        assert_eq!(crashes.document_refused("other", "a", now), None);
        assert_eq!(crashes.key_refused("other", now), None);
    }

    #[test]
    fn remembers_the_latest_template_that_crashed_per_key() {
        let crashes = Crashes::default();
        let now = Instant::now();
        assert_eq!(crashes.latest_template("k"), 0);
        crashes.add(&key("k"), "a", 5, now);
        crashes.add(&key("k"), "b", 4, now);
        assert_eq!(crashes.latest_template("k"), 5);
        assert_eq!(crashes.latest_template("other"), 0);
    }

    #[test]
    fn slows_a_key_down_more_with_each_crash() {
        let crashes = Crashes::default();
        let now = Instant::now();
        let refused = |number: u32| {
            crashes.add(&key("k"), &number.to_string(), 1, now);
            crashes
                .key_refused("k", now)
                .map_or(0, |refused| refused.as_secs())
        };
        let seconds: Vec<u64> = (0..13).map(refused).collect();
        assert_eq!(seconds, [0, 0, 0, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        assert_eq!(crashes.key_refused("k", now + LONGEST_PAUSE), None);
        crashes.add(&key("k"), "after ten minutes", 1, now + REMEMBERED);
        assert_eq!(crashes.key_refused("k", now + REMEMBERED), None);
    }

    #[test]
    fn bounds_the_record_and_drops_the_oldest_first() {
        let crashes = Crashes::default();
        let start = Instant::now();
        for number in 0..KEYS + 10 {
            let now = start + Duration::from_millis(number as u64);
            for _ in 0..OF_DOCUMENT {
                crashes.add(&key(&number.to_string()), "a", 1, now);
            }
        }
        let now = start + Duration::from_secs(5);
        assert_eq!(crashes.keys().len(), KEYS);
        let refused = |number: usize| {
            let key = number.to_string();
            crashes.document_refused(&key, "a", now).is_some()
        };
        assert!(!refused(9) && refused(10) && refused(KEYS + 9));
        for number in 0..EACH + 10 {
            let now = now + Duration::from_millis(number as u64);
            crashes.add(&key("k"), &number.to_string(), 1, now);
        }
        let of_key = &crashes.keys()["k"];
        assert_eq!((of_key.documents.len(), of_key.times.len()), (EACH, EACH));
        assert!(!of_key.documents.contains_key("9") && of_key.documents.contains_key("10"));
    }
}
