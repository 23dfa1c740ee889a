//! Readings that are kept: bounded in bytes and age. Of too many, the oldest of the key that has most goes first, so that one
//! key's flood does not cost the others their retries.

use std::collections::{HashMap, VecDeque};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::{Content, Reading};

/// A reading takes about as much memory as its JSON has bytes: words are small strings and few numbers. And some for
/// what an entry itself takes.
const OVERHEAD: u64 = 1024;

#[derive(Debug, Default)]
pub(super) struct Kept {
    shelves: HashMap<Arc<str>, Shelf>,
    bytes: u64,
}

/// What is kept for one key, the oldest first.
#[derive(Debug, Default)]
struct Shelf {
    order: VecDeque<(Instant, Content)>,
    readings: HashMap<Content, (Arc<Reading>, u64)>,
    bytes: u64,
}

impl Kept {
    pub(super) fn get(&self, content: &Content) -> Option<Arc<Reading>> {
        let (reading, _) = self.shelves.get(&content.key)?.readings.get(content)?;
        Some(Arc::clone(reading))
    }

    /// Keeps a reading, unless it alone is more than `most` bytes.
    pub(super) fn put(
        &mut self,
        content: &Content,
        reading: &Arc<Reading>,
        now: Instant,
        most: u64,
    ) -> bool {
        let bytes = size(reading);
        if bytes > most {
            return false;
        }
        self.remove(content);
        while self.bytes + bytes > most {
            let largest = self.shelves.iter().max_by_key(|(_, shelf)| shelf.bytes);
            let Some(oldest) = largest.and_then(|(_, shelf)| shelf.order.front()) else {
                break;
            };
            let oldest = oldest.1.clone();
            self.remove(&oldest);
        }
        let shelf = self.shelves.entry(Arc::clone(&content.key)).or_default();
        shelf.order.push_back((now, content.clone()));
        shelf
            .readings
            .insert(content.clone(), (Arc::clone(reading), bytes));
        shelf.bytes += bytes;
        self.bytes += bytes;
        true
    }

    pub(super) fn forget(&mut self, now: Instant, age: Duration) {
        let old: Vec<Content> = self
            .shelves
            .values()
            .flat_map(|shelf| &shelf.order)
            .filter(|(since, _)| now.saturating_duration_since(*since) >= age)
            .map(|(_, content)| content.clone())
            .collect();
        for content in old {
            self.remove(&content);
        }
    }

    /// Bytes, and readings.
    pub(super) fn size(&self) -> (u64, usize) {
        let readings = self.shelves.values().map(|shelf| shelf.readings.len());
        (self.bytes, readings.sum())
    }

    fn remove(&mut self, content: &Content) {
        let Some(shelf) = self.shelves.get_mut(&content.key) else {
            return;
        };
        let Some((_, bytes)) = shelf.readings.remove(content) else {
            return;
        };
        // Mostly the first.
        if let Some(at) = shelf.order.iter().position(|(_, other)| other == content) {
            shelf.order.remove(at);
        }
        shelf.bytes -= bytes;
        self.bytes -= bytes;
        if shelf.readings.is_empty() {
            self.shelves.remove(&content.key);
        }
    }
}

fn size(reading: &Reading) -> u64 {
    let mut counter = Counter(OVERHEAD);
    let all = (&reading.pages, &reading.codes, &reading.warnings);
    // Counting can't fail, and what can't be JSON could not be answered.
    let _ = serde_json::to_writer(&mut counter, &all);
    counter.0
}

struct Counter(u64);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
