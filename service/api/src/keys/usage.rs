//! `usage.json`: how often each key was used, and by whom last. Keys appear only with their public ids.

use std::collections::BTreeMap;
use std::net::IpAddr;

#[cfg(feature = "schema")]
use crate::schema::Time;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

/// Use of keys, by key id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(transparent)]
pub struct Usage {
    pub keys: BTreeMap<String, KeyUse>,
}

/// Use of one key so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct KeyUse {
    /// Number of requests with the key.
    pub count: u64,
    /// Time of the latest request.
    #[cfg_attr(feature = "schema", schemars(with = "Time"))]
    pub last: Timestamp,
    /// Address of the latest request's client. Absent for a client without an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
    /// Pages read for it on the latest day with any. Releases before this field leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pages: Option<DayPages>,
}

/// Pages read on a day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct DayPages {
    #[cfg_attr(feature = "schema", schemars(with = "String", extend("format" = "date")))]
    pub day: Date,
    pub count: u32,
}

impl Usage {
    /// Counts one more request.
    pub fn record(&mut self, id: &str, now: Timestamp, from: Option<IpAddr>) {
        let once = KeyUse {
            count: 1,
            last: now,
            from,
            pages: None,
        };
        // Avoids allocating a string for an existing key.
        match self.keys.get_mut(id) {
            Some(known) => known.merge(&once),
            None => {
                self.keys.insert(id.to_owned(), once);
            }
        }
    }

    /// Counts one more page, read on that day for a key that has made a request.
    pub fn record_page(&mut self, id: &str, day: Date) {
        if let Some(known) = self.keys.get_mut(id) {
            known.add_pages(DayPages { day, count: 1 });
        }
    }

    /// Pages read for a key on that day.
    pub fn pages_on(&self, id: &str, day: Date) -> u32 {
        let pages = self.keys.get(id).and_then(|known| known.pages);
        pages
            .filter(|pages| pages.day == day)
            .map_or(0, |pages| pages.count)
    }

    /// Adds counts from another slot or another host.
    pub fn merge(&mut self, other: &Self) {
        for (id, more) in &other.keys {
            self.keys
                .entry(id.clone())
                .and_modify(|known| known.merge(more))
                .or_insert(*more);
        }
    }
}

impl KeyUse {
    fn merge(&mut self, other: &Self) {
        self.count = self.count.saturating_add(other.count);
        if other.last >= self.last {
            (self.last, self.from) = (other.last, other.from);
        }
        if let Some(pages) = other.pages {
            self.add_pages(pages);
        }
    }

    fn add_pages(&mut self, more: DayPages) {
        match &mut self.pages {
            Some(known) if known.day > more.day => {}
            Some(known) if known.day == more.day => {
                known.count = known.count.saturating_add(more.count);
            }
            other => *other = Some(more),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_counts_and_keeps_the_latest_use() {
        let at = |text: &str| -> Timestamp { text.parse().unwrap() };
        let from = |text: &str| Some(text.parse().unwrap());
        let mut a = Usage::default();
        a.record("k1", at("2026-01-01T00:00:00Z"), from("192.0.2.1"));
        a.record("k1", at("2026-01-02T00:00:00Z"), from("192.0.2.2"));
        let mut b = Usage::default();
        b.record("k1", at("2026-01-01T12:00:00Z"), from("192.0.2.3"));
        b.record("k2", at("2026-01-01T12:00:00Z"), None);
        a.merge(&b);
        assert_eq!((a.keys["k1"].count, a.keys["k2"].count), (3, 1));
        assert_eq!(a.keys["k1"].from, from("192.0.2.2"));

        let day = |text: &str| -> Date { text.parse().unwrap() };
        a.record_page("k1", day("2026-01-01"));
        a.record_page("k1", day("2026-01-02"));
        b.record_page("k1", day("2026-01-02"));
        a.merge(&b);
        assert_eq!(
            a.pages_on("k1", day("2026-01-02")),
            2,
            "of the latest day, in both"
        );
        assert_eq!(a.pages_on("k1", day("2026-01-01")), 0);
        assert_eq!(a.pages_on("k2", day("2026-01-02")), 0);

        let json = serde_json::to_string(&a).unwrap();
        assert_eq!(serde_json::from_str::<Usage>(&json).unwrap(), a);
    }
}
