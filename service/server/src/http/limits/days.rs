//! Pages read per key and day, in UTC. With a usage file, the count survives a restart. A new release runs in the other
//! slot and starts from the count that this slot has reached today.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::http::outcome::error::Rejection;
use crate::usage::UsageLog;

/// Length of a day, in seconds.
const DAY: i64 = 86_400;

/// Counts by key id. Only valid keys are in it, so it is no larger than the key file.
#[derive(Debug, Default)]
pub(crate) struct Days {
    usage: Option<Arc<UsageLog>>,
    keys: Mutex<HashMap<Arc<str>, Today>>,
}

#[derive(Debug, Clone, Copy)]
struct Today {
    date: Date,
    /// Pages that were read or are about to be.
    taken: u32,
}

/// Pages reserved for a request. Those that were not read are released when this is dropped, unless the day is over.
#[derive(Debug)]
pub(crate) struct Taken {
    days: Arc<Days>,
    key: Arc<str>,
    date: Date,
    left: u32,
}

impl Days {
    pub(crate) fn new(usage: Option<Arc<UsageLog>>) -> Arc<Self> {
        Arc::new(Self {
            usage,
            keys: Mutex::default(),
        })
    }

    /// Reserves pages for a request of a key that may read at most `most` in a day.
    pub(crate) fn take(
        self: &Arc<Self>,
        key: &Arc<str>,
        most: Option<u32>,
        pages: u32,
    ) -> Result<Taken, Rejection> {
        self.take_at(key, most, pages, Timestamp::now())
    }

    fn take_at(
        self: &Arc<Self>,
        key: &Arc<str>,
        most: Option<u32>,
        pages: u32,
        now: Timestamp,
    ) -> Result<Taken, Rejection> {
        let mut keys = self.keys();
        let today = self.today(&mut keys, key, now);
        let left = most.map(|most| (most, most.saturating_sub(today.taken)));
        if let Some((most, left)) = left
            && pages > left
        {
            return Err(Rejection::pages_per_day(
                most,
                left,
                pages,
                until_midnight(now),
            ));
        }
        today.taken = today.taken.saturating_add(pages);
        Ok(Taken {
            days: Arc::clone(self),
            key: Arc::clone(key),
            date: today.date,
            left: pages,
        })
    }

    /// Pages that the key has read or reserved today.
    pub(crate) fn used(&self, key: &Arc<str>) -> u32 {
        self.used_at(key, Timestamp::now())
    }

    fn used_at(&self, key: &Arc<str>, now: Timestamp) -> u32 {
        self.today(&mut self.keys(), key, now).taken
    }

    /// The key's entry. It starts from zero each day.
    fn today<'k>(
        &self,
        keys: &'k mut HashMap<Arc<str>, Today>,
        key: &Arc<str>,
        now: Timestamp,
    ) -> &'k mut Today {
        let date = date(now);
        let today = keys.entry(Arc::clone(key)).or_insert_with(|| Today {
            date,
            taken: self
                .usage
                .as_ref()
                .map_or(0, |usage| usage.pages_on(key, date)),
        });
        if today.date != date {
            *today = Today { date, taken: 0 };
        }
        today
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Arc<str>, Today>> {
        // The fields are dates and numbers, so a panic elsewhere leaves them whole.
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Taken {
    /// Records that one of the pages has been read.
    pub(crate) fn one_read(&mut self) {
        self.left = self.left.saturating_sub(1);
        if let Some(usage) = &self.days.usage {
            usage.record_page(&self.key, date(Timestamp::now()));
        }
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        if let Some(today) = self.days.keys().get_mut(&self.key)
            && today.date == self.date
        {
            today.taken = today.taken.saturating_sub(self.left);
        }
    }
}

fn date(now: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(now).date()
}

/// The start of the next day.
pub(crate) fn midnight(now: Timestamp) -> Timestamp {
    let next = (now.as_second().div_euclid(DAY) + 1) * DAY;
    Timestamp::from_second(next).unwrap_or(now)
}

/// Seconds until the next day; at least one.
fn until_midnight(now: Timestamp) -> u32 {
    let left = midnight(now).as_second() - now.as_second();
    u32::try_from(left.max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_pages_per_day_until_midnight_utc() {
        let days = Days::new(None);
        let key: Arc<str> = "k1".into();
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let take = |pages, now: &str| days.take_at(&key, Some(10), pages, at(now));

        let mut first = take(6, "2026-03-01T23:00:00Z").unwrap();
        for _ in 0..6 {
            first.one_read();
        }
        drop(first);
        let rejection = take(5, "2026-03-01T23:59:00Z").unwrap_err();
        assert_eq!(rejection.retry_after(), Some(60));
        assert!(rejection.detail().contains("4 are left"), "{rejection:?}");

        // Pages that were reserved and not read are released.
        let mut second = take(4, "2026-03-01T23:59:00Z").unwrap();
        assert!(take(1, "2026-03-01T23:59:00Z").is_err());
        second.one_read();
        drop(second);
        assert_eq!(days.used_at(&key, at("2026-03-01T23:59:00Z")), 7);

        // They are not released into the next day.
        let late = take(3, "2026-03-01T23:59:59Z").unwrap();
        let next = take(10, "2026-03-02T00:00:00Z").unwrap();
        drop(late);
        assert_eq!(days.used_at(&key, at("2026-03-02T00:00:00Z")), 10);
        drop(next);
        assert!(
            days.take_at(&key, None, 1_000_000, at("2026-03-02T00:00:00Z"))
                .is_ok()
        );
    }

    #[test]
    fn keeps_counting_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("usage.json");
        let key: Arc<str> = "k1".into();
        {
            let usage = UsageLog::open(path.clone());
            usage.record("k1", Timestamp::now(), None);
            let days = Days::new(Some(Arc::clone(&usage)));
            let mut taken = days.take(&key, Some(3), 3).unwrap();
            taken.one_read();
            taken.one_read();
            usage.write();
        }
        let days = Days::new(Some(UsageLog::open(path)));
        let used = days.used(&key);
        // A restart after midnight starts from zero.
        assert!(
            used == 2 || until_midnight(Timestamp::now()) > 86_000,
            "{used}"
        );
    }
}
