//! One request's share of the service: its document and bytes, its pages in the queue, and in its key's day.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::budget::{Budget, Place};
use super::days::{Days, Taken};
use super::error::Rejection;
use crate::document::Owner;
use crate::keyring::Known;
use crate::memory::{Account, Charge, Full};

/// Held until the answer is made. What is charged to its account may live longer.
#[derive(Debug)]
pub(super) struct Share {
    owner: Owner,
    budget: Arc<Budget>,
    account: Arc<Account>,
    pages_per_day: Option<u32>,
    days: Arc<Days>,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    place: Place,
    /// For the document as it comes, and from then on for what is kept of its pages.
    charge: Charge,
    /// For the answer that is going to be made of them.
    reserve: Charge,
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
        let account = budget.memory().account(&owner.key);
        let held = Held {
            place,
            charge: account.charge(),
            reserve: account.charge(),
            taken: None,
        };
        Ok(Self {
            owner,
            budget: Arc::clone(budget),
            account,
            pages_per_day: quota.pages_per_day,
            days: Arc::clone(days),
            held: Mutex::new(held),
        })
    }

    pub(super) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Pays for all that is held for the request.
    pub(super) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Room for some more bytes until the answer is made, if there is any.
    pub(super) fn grow(&self, bytes: u64) -> Result<(), Rejection> {
        self.held()
            .charge
            .grow(bytes)
            .map_err(|full| self.busy(full))
    }

    /// Takes a charge over until the answer is made.
    pub(super) fn keep(&self, charge: Charge) {
        self.held().charge.join(charge);
    }

    /// Room for so many more bytes of the answer, if there is any, so that pages are not read in vain.
    pub(super) fn reserve(&self, bytes: u64) -> Result<(), Full> {
        self.held().reserve.grow(bytes)
    }

    /// What was reserved for the answer, which is being made.
    pub(super) fn take_reserve(&self) -> Charge {
        std::mem::replace(&mut self.held().reserve, self.account.charge())
    }

    /// The charge for the document, which has come whole.
    pub(super) fn of_document(&self) -> Charge {
        std::mem::replace(&mut self.held().charge, self.account.charge())
    }

    /// There is no room.
    pub(super) fn busy(&self, _: Full) -> Rejection {
        self.budget.busy()
    }

    /// So many pages are going to be read, if the key may have them today.
    pub(super) fn begin(&self, pages: usize) -> Result<(), Rejection> {
        let pages = u32::try_from(pages).unwrap_or(u32::MAX);
        let taken = self.days.take(&self.owner.key, self.pages_per_day, pages)?;
        let mut held = self.held();
        held.place.set_pages(u64::from(pages));
        held.taken = Some(taken);
        Ok(())
    }

    /// A worker is done with one of them, whatever came of it.
    pub(super) fn page_done(&self) {
        let mut held = self.held();
        let left = held.place.pages().saturating_sub(1);
        held.place.set_pages(left);
        if let Some(taken) = &mut held.taken {
            taken.one_read();
        }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
