//! Documents that workers died of. The same bytes would most likely do it again: after the second death a document is
//! refused for a while, so that a client that keeps on sending it costs the others no workers.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// One death can be chance: the machine ran out of memory, or somebody killed the worker.
const DEATHS: u32 = 2;
/// From the last death on.
const REFUSED_FOR: Duration = Duration::from_secs(600);
/// Documents remembered.
const MOST: usize = 4096;

/// By a document's SHA-256.
#[derive(Debug, Default)]
pub(super) struct Quarantine {
    records: Mutex<HashMap<String, Record>>,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    deaths: u32,
    last: Instant,
}

impl Quarantine {
    /// Notes that a worker died of a document.
    pub(super) fn died(&self, sha256: &str, now: Instant) {
        let mut records = self.records();
        if records.len() >= MOST && !records.contains_key(sha256) {
            records.retain(|_, record| record.remains(now).is_some());
            make_room(&mut records);
        }
        let record = records.entry(sha256.to_owned()).or_insert(Record {
            deaths: 0,
            last: now,
        });
        if record.remains(now).is_none() {
            record.deaths = 0;
        }
        record.deaths += 1;
        record.last = now;
    }

    /// For how long a document is still refused.
    pub(super) fn refused(&self, sha256: &str, now: Instant) -> Option<Duration> {
        let record = *self.records().get(sha256)?;
        record.remains(now).filter(|_| record.deaths >= DEATHS)
    }

    fn records(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        // A record is whole between any two operations on it.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Record {
    /// How long it still counts.
    fn remains(&self, now: Instant) -> Option<Duration> {
        (self.last + REFUSED_FOR)
            .checked_duration_since(now)
            .filter(|left| !left.is_zero())
    }
}

/// Forgets the oldest, if there are too many.
fn make_room(records: &mut HashMap<String, Record>) {
    if records.len() < MOST {
        return;
    }
    let oldest = records.iter().min_by_key(|(_, record)| record.last);
    if let Some(oldest) = oldest.map(|(sha256, _)| sha256.clone()) {
        records.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_death_counts_and_time_heals() {
        let quarantine = Quarantine::default();
        let start = Instant::now();
        quarantine.died("a", start);
        assert_eq!(quarantine.refused("a", start), None);
        quarantine.died("b", start);
        let later = start + REFUSED_FOR / 2;
        quarantine.died("a", later);
        assert_eq!(quarantine.refused("a", later), Some(REFUSED_FOR));
        assert_eq!(quarantine.refused("b", later), None);
        assert_eq!(quarantine.refused("a", later + REFUSED_FOR), None);
        // It begins anew.
        quarantine.died("a", later + REFUSED_FOR);
        assert_eq!(quarantine.refused("a", later + REFUSED_FOR), None);
    }

    #[test]
    fn it_has_bounds_and_forgets_the_oldest_first() {
        let quarantine = Quarantine::default();
        let start = Instant::now();
        for number in 0..MOST + 10 {
            let now = start + Duration::from_millis(number as u64);
            quarantine.died(&number.to_string(), now);
        }
        let now = start + Duration::from_secs(60);
        assert_eq!(quarantine.records().len(), MOST);
        for (number, refused) in [(9, false), (MOST + 9, true)] {
            quarantine.died(&number.to_string(), now);
            assert_eq!(
                quarantine.refused(&number.to_string(), now).is_some(),
                refused
            );
        }
    }
}
