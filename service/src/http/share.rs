//! One request's share of the service: its document and bytes, its pages in the queue, and in its key's day.

use std::sync::{Arc, Mutex, PoisonError};

use super::budget::{Budget, Place};
use super::days::{Days, Taken};
use super::error::Rejection;
use crate::document::Owner;
use crate::keyring::Known;

/// Held until the answer is made.
#[derive(Debug)]
pub(super) struct Share {
    owner: Owner,
    pages_per_day: Option<u32>,
    days: Arc<Days>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    place: Place,
    /// Of the day: what has not been read of it is given back.
    taken: Option<Taken>,
}

impl Share {
    /// Lets a request in, if there is room in the service and in its key's quota. A `retry` waits for pages that its key has
    /// under way already.
    pub(super) fn enter(
        budget: &Arc<Budget>,
        days: &Arc<Days>,
        known: &Known,
        retry: bool,
    ) -> Result<Self, Rejection> {
        let quota = known.quota.unwrap_or_default();
        let owner = Owner {
            key: known.id.as_str().into(),
            concurrent_pages: quota.concurrent_pages,
        };
        let place = budget.enter(&owner, retry)?;
        Ok(Self {
            owner,
            pages_per_day: quota.pages_per_day,
            days: Arc::clone(days),
            held: Mutex::new(Held { place, taken: None }),
        })
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Room for some more bytes of the document, if there is any.
    pub(super) fn grow(&self, bytes: u64) -> Result<(), Rejection> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.place.grow(bytes)
    }

    /// So many pages are going to be read, if the key may have them today.
    pub(super) fn begin(&self, pages: usize) -> Result<(), Rejection> {
        let pages = u32::try_from(pages).unwrap_or(u32::MAX);
        let taken = self.days.take(&self.owner.key, self.pages_per_day, pages)?;
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.place.set_pages(u64::from(pages));
        held.taken = Some(taken);
        Ok(())
    }

    /// A worker is done with one of them, whatever came of it.
    pub(super) fn page_done(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let left = held.place.pages().saturating_sub(1);
        held.place.set_pages(left);
        if let Some(taken) = &mut held.taken {
            taken.one_read();
        }
    }
}
