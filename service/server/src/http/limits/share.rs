//! Resources of one request: its document and memory, its pages in the queue, and its pages of the key's daily quota.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::budget::{Budget, Place};
use super::days::{Days, Taken};
use crate::document::Owner;
use crate::http::outcome::error::Rejection;
use crate::keyring::Known;
use crate::memory::{Account, Charge, Full};

/// Held until the answer is complete. Charges to its account may live longer.
#[derive(Debug)]
pub(crate) struct Share {
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
    /// Memory of the document while it arrives, and later of the pages that are kept.
    charge: Charge,
    /// Memory reserved for the answer.
    reserve: Charge,
    /// Pages of the daily quota. Those that are not read are released.
    taken: Option<Taken>,
}

impl Share {
    /// Accepts a request if there is room in the service and in its key's quota. A `retry` waits for pages that its key
    /// has under way already.
    pub(crate) fn enter(
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

    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Account that pays for all memory of the request.
    pub(crate) fn account(&self) -> &Arc<Account> {
        &self.account
    }

    /// Charges more bytes until the answer is complete, or fails if there is no room.
    pub(crate) fn grow(&self, bytes: u64) -> Result<(), Rejection> {
        self.held()
            .charge
            .grow(bytes)
            .map_err(|full| self.busy(full))
    }

    /// Takes over a charge until the answer is complete.
    pub(crate) fn keep(&self, charge: Charge) {
        self.held().charge.join(charge);
    }

    /// Reserves bytes for the answer, or fails if there is no room. So pages are not read in vain.
    pub(crate) fn reserve(&self, bytes: u64) -> Result<(), Full> {
        self.held().reserve.grow(bytes)
    }

    /// Takes the reservation, to make the answer.
    pub(crate) fn take_reserve(&self) -> Charge {
        std::mem::replace(&mut self.held().reserve, self.account.charge())
    }

    /// Takes the charge for the document, which has arrived completely.
    pub(crate) fn of_document(&self) -> Charge {
        std::mem::replace(&mut self.held().charge, self.account.charge())
    }

    /// Rejection for lack of memory.
    pub(crate) fn busy(&self, _: Full) -> Rejection {
        self.budget.busy()
    }

    /// Reserves the pages in the queue and in the key's daily quota, or rejects the request.
    pub(crate) fn begin(&self, pages: usize) -> Result<(), Rejection> {
        let pages = u32::try_from(pages).unwrap_or(u32::MAX);
        let taken = self.days.take(&self.owner.key, self.pages_per_day, pages)?;
        let mut held = self.held();
        held.place.set_pages(u64::from(pages));
        held.taken = Some(taken);
        Ok(())
    }

    /// Records that a worker is done with one page, whatever its result.
    pub(crate) fn page_done(&self) {
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
