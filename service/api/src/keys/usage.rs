//! `usage.json`: how often each key was used, and by whom last. It names keys by their public ids alone.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// By the id of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Usage {
    pub keys: BTreeMap<String, KeyUse>,
}

/// One key's use so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// Requests that it let in.
    pub count: u64,
    /// The latest of them.
    pub last: Timestamp,
    /// Where that came from; `None`: from a client without an address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<IpAddr>,
}

impl Usage {
    /// One more request.
    pub fn record(&mut self, id: &str, now: Timestamp, from: Option<IpAddr>) {
        let once = KeyUse {
            count: 1,
            last: now,
            from,
        };
        // Without making a string for a key that is there already.
        match self.keys.get_mut(id) {
            Some(known) => known.merge(&once),
            None => {
                self.keys.insert(id.to_owned(), once);
            }
        }
    }

    /// Adds what was counted elsewhere: in another slot, on another host.
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_add_up_and_the_latest_use_is_the_last() {
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

        let json = serde_json::to_string(&a).unwrap();
        assert_eq!(serde_json::from_str::<Usage>(&json).unwrap(), a);
    }
}
