//! A reading as it is made, so that it can be told again.

use std::io::{self, Write};

use ocr_api::answer::Page;
use serde::Serialize;

use super::Conclusion;

/// What an entry takes besides.
const OVERHEAD: u64 = 1024;

/// All that a reading gave.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    /// Pages in the document.
    pub(super) count: u32,
    /// In the order in which they were done.
    pub(super) pages: Vec<Page>,
    pub(super) conclusion: Conclusion,
    /// About what it takes of memory: as much as its JSON has bytes, as words are small strings and few numbers.
    pub(super) bytes: u64,
}

/// The pages so far, unless they have become too many to be kept.
#[derive(Debug)]
pub(super) struct Record {
    pages: Option<Vec<Page>>,
    bytes: u64,
    most: u64,
}

impl Record {
    /// Of no more than `most` bytes.
    pub(super) fn new(most: u64) -> Self {
        Self {
            pages: (most > OVERHEAD).then(Vec::new),
            bytes: OVERHEAD,
            most,
        }
    }

    pub(super) fn add(&mut self, page: &Page) {
        let Some(pages) = &mut self.pages else { return };
        self.bytes += size(page);
        if self.bytes > self.most {
            self.pages = None;
        } else {
            pages.push(page.clone());
        }
    }

    /// The whole, if all of it is there.
    pub(super) fn end(self, count: u32, conclusion: &Conclusion) -> Option<Whole> {
        let rest = size(&(&conclusion.codes, &conclusion.issues));
        Some(Whole {
            count,
            pages: self.pages?,
            conclusion: conclusion.clone(),
            bytes: self.bytes + rest,
        })
    }
}

/// Bytes of its JSON.
pub(in crate::http) fn size(value: &impl Serialize) -> u64 {
    let mut counter = Counter(0);
    // Counting can't fail, and what can't be JSON could not be answered.
    let _ = serde_json::to_writer(&mut counter, value);
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
