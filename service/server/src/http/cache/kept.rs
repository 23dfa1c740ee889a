//! Cache of readings, bounded in bytes and age. When it is full, the oldest reading of the key with the most bytes is
//! dropped. So one key's flood does not cost other keys their retries.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Content, Whole};

#[derive(Debug, Default)]
pub(super) struct Kept {
    shelves: HashMap<Arc<str>, Shelf>,
    bytes: u64,
}

/// Readings kept for one key, the oldest first.
#[derive(Debug, Default)]
struct Shelf {
    order: VecDeque<Content>,
    readings: HashMap<Content, Entry>,
    bytes: u64,
}

#[derive(Debug)]
struct Entry {
    whole: Arc<Whole>,
    since: Instant,
}

impl Kept {
    /// A reading that is no older than `age`.
    pub(super) fn get(&self, content: &Content, now: Instant, age: Duration) -> Option<Arc<Whole>> {
        let entry = self.shelves.get(&content.key)?.readings.get(content)?;
        let young = now.saturating_duration_since(entry.since) < age;
        young.then(|| Arc::clone(&entry.whole))
    }

    /// Keeps a reading, unless it is larger than `most` bytes.
    pub(super) fn put(
        &mut self,
        content: &Content,
        whole: &Arc<Whole>,
        now: Instant,
        most: u64,
    ) -> bool {
        if whole.bytes > most {
            return false;
        }
        self.remove(content);
        while self.bytes + whole.bytes > most {
            let largest = self.shelves.values().max_by_key(|shelf| shelf.bytes);
            let Some(oldest) = largest.and_then(|shelf| shelf.order.front()).cloned() else {
                break;
            };
            self.remove(&oldest);
        }
        let shelf = self.shelves.entry(Arc::clone(&content.key)).or_default();
        shelf.order.push_back(content.clone());
        let entry = Entry {
            whole: Arc::clone(whole),
            since: now,
        };
        shelf.readings.insert(content.clone(), entry);
        shelf.bytes += whole.bytes;
        self.bytes += whole.bytes;
        true
    }

    pub(super) fn forget(&mut self, now: Instant, age: Duration) {
        let is_old = |entry: &Entry| now.saturating_duration_since(entry.since) >= age;
        let old: Vec<Content> = self
            .shelves
            .values()
            .flat_map(|shelf| &shelf.readings)
            .filter(|(_, entry)| is_old(entry))
            .map(|(content, _)| content.clone())
            .collect();
        for content in old {
            self.remove(&content);
        }
    }

    /// Bytes, and number of readings.
    pub(super) fn size(&self) -> (u64, usize) {
        let readings = self.shelves.values().map(|shelf| shelf.readings.len());
        (self.bytes, readings.sum())
    }

    fn remove(&mut self, content: &Content) {
        let Some(shelf) = self.shelves.get_mut(&content.key) else {
            return;
        };
        let Some(entry) = shelf.readings.remove(content) else {
            return;
        };
        // It is the first in most cases.
        if let Some(at) = shelf.order.iter().position(|other| other == content) {
            shelf.order.remove(at);
        }
        shelf.bytes -= entry.whole.bytes;
        self.bytes -= entry.whole.bytes;
        if shelf.readings.is_empty() {
            self.shelves.remove(&content.key);
        }
    }
}
