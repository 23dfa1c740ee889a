//! Records a reading while it is made, so that it can be replayed.

use ocr_api::answer::Page;
use ocr_protocol::Counted;

use super::Conclusion;
use crate::memory::{Charge, weight};

/// Memory of an entry besides its pages, in bytes.
const OVERHEAD: u64 = 1024;

/// A recorded reading.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    /// Properties of the whole document.
    pub(super) counted: Counted,
    /// Pages in the order in which they finished.
    pub(super) pages: Vec<Page>,
    pub(super) conclusion: Conclusion,
    /// Approximate memory of the reading.
    pub(super) bytes: u64,
    /// True if a deadline cut pages off.
    pub(super) cut_off: bool,
}

/// The pages so far, unless they are too large to be kept.
#[derive(Debug)]
pub(super) struct Record {
    pages: Option<Vec<Page>>,
    /// Charges for the copies. The cache counts what it keeps itself.
    charges: Vec<Charge>,
    bytes: u64,
    most: u64,
}

impl Record {
    /// Starts a record of at most `most` bytes.
    pub(super) fn new(most: u64) -> Self {
        Self {
            pages: (most > OVERHEAD).then(Vec::new),
            charges: Vec::new(),
            bytes: OVERHEAD,
            most,
        }
    }

    /// True until the record becomes too large.
    pub(super) fn keeps(&self) -> bool {
        self.pages.is_some()
    }

    pub(super) fn give_up(&mut self) {
        self.pages = None;
        self.charges.clear();
    }

    /// Adds a copy of a page of this many bytes.
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

    /// An uncharged copy of the pages so far.
    pub(super) fn so_far(&self) -> Self {
        Self {
            pages: self.pages.clone(),
            charges: Vec::new(),
            bytes: self.bytes,
            most: self.most,
        }
    }

    /// The recorded reading, if all of its pages were kept.
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
