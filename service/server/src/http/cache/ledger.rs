//! The request that each `Idempotency-Key` came with. Each API key has its own; when there are too many, its oldest are
//! dropped.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Content;
use super::under_way::UnderWay;

/// Most idempotency keys per API key.
const MOST: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct Ledger {
    keys: HashMap<Arc<str>, Page>,
}

/// Idempotency keys that one API key has used, the oldest first.
#[derive(Debug, Default)]
struct Page {
    order: VecDeque<String>,
    entries: HashMap<String, Entry>,
}

#[derive(Debug)]
struct Entry {
    content: Content,
    seen: Seen,
    since: Instant,
}

#[derive(Debug)]
pub(super) enum Seen {
    UnderWay(UnderWay),
    /// Answered. The answer may still be in the cache.
    Done,
}

impl Ledger {
    /// The request that the key came with, if it is under way or no older than `age`.
    pub(super) fn get(
        &self,
        key: &Arc<str>,
        name: &str,
        now: Instant,
        age: Duration,
    ) -> Option<(&Content, &Seen)> {
        let entry = self.keys.get(key)?.entries.get(name)?;
        entry
            .is_young(now, age)
            .then_some((&entry.content, &entry.seen))
    }

    pub(super) fn put(&mut self, content: &Content, name: &str, seen: Seen, now: Instant) {
        let page = self.keys.entry(Arc::clone(&content.key)).or_default();
        let entry = Entry {
            content: content.clone(),
            seen,
            since: now,
        };
        if page.entries.insert(name.to_owned(), entry).is_none() {
            page.order.push_back(name.to_owned());
        }
        while page.order.len() > MOST
            && let Some(oldest) = page.order.pop_front()
        {
            page.entries.remove(&oldest);
        }
    }

    pub(super) fn remove(&mut self, key: &Arc<str>, name: &str) {
        if let Some(page) = self.keys.get_mut(key)
            && page.entries.remove(name).is_some()
        {
            page.order.retain(|other| other != name);
            if page.entries.is_empty() {
                self.keys.remove(key);
            }
        }
    }

    pub(super) fn forget(&mut self, now: Instant, age: Duration) {
        self.keys.retain(|_, page| {
            page.entries.retain(|_, entry| entry.is_young(now, age));
            page.order.retain(|name| page.entries.contains_key(name));
            !page.entries.is_empty()
        });
    }
}

impl Entry {
    fn is_young(&self, now: Instant, age: Duration) -> bool {
        // A request under way has a deadline of its own.
        matches!(self.seen, Seen::UnderWay(_)) || now.saturating_duration_since(self.since) < age
    }
}
