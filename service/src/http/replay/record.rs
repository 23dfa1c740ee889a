//! A reading as it is made, so that it can be told again.

use ocr_api::answer::Page;

use super::Conclusion;
use crate::memory::{Charge, weight};
use crate::protocol::Counted;

/// What an entry takes besides.
const OVERHEAD: u64 = 1024;

/// All that a reading gave.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    /// What is known of the whole document.
    pub(super) counted: Counted,
    /// In the order in which they were done.
    pub(super) pages: Vec<Page>,
    pub(super) conclusion: Conclusion,
    /// About what it takes of memory.
    pub(super) bytes: u64,
    /// A deadline cut pages off.
    pub(super) cut_off: bool,
}

/// The pages so far, unless they have become too many to be kept.
#[derive(Debug)]
pub(super) struct Record {
    pages: Option<Vec<Page>>,
    /// For copies of them. What is kept in the end is the cache's to count.
    charges: Vec<Charge>,
    bytes: u64,
    most: u64,
}

impl Record {
    /// Of no more than `most` bytes.
    pub(super) fn new(most: u64) -> Self {
        Self {
            pages: (most > OVERHEAD).then(Vec::new),
            charges: Vec::new(),
            bytes: OVERHEAD,
            most,
        }
    }

    /// Whether it has not given up.
    pub(super) fn keeps(&self) -> bool {
        self.pages.is_some()
    }

    pub(super) fn give_up(&mut self) {
        self.pages = None;
        self.charges.clear();
    }

    /// Adds a copy of a page, of so many bytes.
    pub(super) fn add(&mut self, page: &Page, bytes: u64, charge: Option<Charge>) {
        let Some(pages) = &mut self.pages else { return };
        self.bytes += bytes;
        if self.bytes > self.most {
            self.give_up();
        } else {
            pages.push(page.clone());
            self.charges.extend(charge);
        }
    }

    /// A copy of what there is so far, which is not charged.
    pub(super) fn so_far(&self) -> Self {
        Self {
            pages: self.pages.clone(),
            charges: Vec::new(),
            bytes: self.bytes,
            most: self.most,
        }
    }

    /// The whole, if all of it is there.
    pub(super) fn end(
        self,
        counted: Counted,
        conclusion: &Conclusion,
        cut_off: bool,
    ) -> Option<Whole> {
        let rest = weight(&(&conclusion.codes, &conclusion.issues, &counted.attachments));
        Some(Whole {
            counted,
            pages: self.pages?,
            conclusion: conclusion.clone(),
            bytes: self.bytes + rest,
            cut_off,
        })
    }
}
