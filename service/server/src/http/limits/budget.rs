//! Limits on the documents and the bytes of memory that the service holds at a time. When either limit is reached, a
//! request is rejected at once instead of slowing down all others. No key may use up a limit: there is always room for
//! the first document of another key.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Limits;
use crate::document::Owner;
use crate::http::outcome::error::Rejection;
use crate::memory::{Memory, TIMES_FREE};
use crate::pool::Load;

#[derive(Debug)]
pub(crate) struct Budget {
    max_documents: u64,
    memory: Arc<Memory>,
    /// Deadline of every request. No document stays longer, so no client waits longer for its place.
    deadline: Duration,
    load: Arc<Load>,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    all: Amount,
    of: HashMap<Arc<str>, Amount>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Amount {
    pub(crate) documents: u64,
    /// Pages that the requests for these documents still have to get.
    pub(crate) pages: u64,
}

/// One document's place in the budget. Dropping it frees the place.
#[derive(Debug)]
pub(crate) struct Place {
    budget: Arc<Budget>,
    key: Arc<str>,
    pages: u64,
}

impl Budget {
    pub(crate) fn new(limits: &Limits, load: Arc<Load>) -> Arc<Self> {
        Arc::new(Self {
            max_documents: limits.max_documents as u64,
            memory: Memory::new(limits.max_memory),
            deadline: limits.deadline,
            load,
            held: Mutex::default(),
        })
    }

    /// Reserves a place for one more document, of one page until its pages are counted. Fails when there is no room. A
    /// `retry` waits for pages that its key has under way already, so it does not count against the key's concurrent
    /// pages.
    pub(crate) fn enter(self: &Arc<Self>, owner: &Owner, retry: bool) -> Result<Place, Rejection> {
        let mut held = self.held();
        let mine = held.of(&owner.key);
        if let Some(most) = owner.concurrent_pages
            && !retry
            && mine.documents >= u64::from(most)
        {
            let wait = self.load.wait_for(mine.pages, most);
            return Err(Rejection::concurrent_pages(most, self.seconds(wait)));
        }
        let free = self.max_documents.saturating_sub(held.all.documents);
        if free == 0 || mine.documents >= free.saturating_mul(TIMES_FREE) {
            return Err(self.busy());
        }
        held.change(&owner.key, |amount| {
            amount.documents += 1;
            amount.pages += 1;
        });
        drop(held);
        self.load.expect(1);
        Ok(Place {
            budget: Arc::clone(self),
            key: Arc::clone(&owner.key),
            pages: 1,
        })
    }

    /// Amount that one key uses.
    pub(crate) fn of(&self, key: &str) -> Amount {
        self.held().of(key)
    }

    /// Amount that all keys use together.
    pub(crate) fn all(&self) -> Amount {
        self.held().all
    }

    /// Memory that all requests share.
    pub(crate) fn memory(&self) -> &Arc<Memory> {
        &self.memory
    }

    pub(crate) fn busy(&self) -> Rejection {
        Rejection::busy(self.seconds(self.load.wait()))
    }

    /// Rounds a wait to seconds for `Retry-After`.
    fn seconds(&self, wait: Duration) -> u32 {
        let most = self.deadline.as_secs().max(1);
        let seconds = wait.as_secs_f64().ceil() as u64;
        u32::try_from(seconds.clamp(1, most)).unwrap_or(u32::MAX)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // The fields are sums, so a panic elsewhere leaves them whole.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn of(&self, key: &str) -> Amount {
        self.of.get(key).copied().unwrap_or_default()
    }

    /// Applies a change to the total and to one key's amount. A key without any is dropped from the table.
    fn change(&mut self, key: &Arc<str>, change: impl Fn(&mut Amount)) {
        change(&mut self.all);
        let mine = self.of.entry(Arc::clone(key)).or_default();
        change(mine);
        if *mine == Amount::default() {
            self.of.remove(key);
        }
    }
}

impl Place {
    /// Sets the number of pages that the request still has to get.
    pub(crate) fn set_pages(&mut self, pages: u64) {
        let before = std::mem::replace(&mut self.pages, pages);
        self.budget.held().change(&self.key, |amount| {
            amount.pages = (amount.pages + pages).saturating_sub(before);
        });
        self.budget.load.expect(pages);
        self.budget.load.settle(before);
    }

    pub(crate) fn pages(&self) -> u64 {
        self.pages
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.set_pages(0);
        self.budget.held().change(&self.key, |amount| {
            amount.documents = amount.documents.saturating_sub(1);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::limits::ReplayLimits;
    use ocr_api::problem::ProblemKind;

    fn budget(max_documents: usize, max_memory: u64) -> Arc<Budget> {
        let limits = Limits {
            max_upload: 0,
            max_pages: 1,
            deadline: Duration::from_secs(60),
            max_documents,
            max_memory,
            replay: ReplayLimits {
                bytes: 0,
                age: Duration::ZERO,
            },
        };
        Budget::new(&limits, Arc::default())
    }

    fn owner(key: &str, concurrent_pages: Option<u32>) -> Owner {
        Owner {
            key: key.into(),
            concurrent_pages,
        }
    }

    #[test]
    fn dropping_a_place_frees_it() {
        let budget = budget(2, 10_000);
        let owner = owner("a", None);
        let one = budget.enter(&owner, false).unwrap();
        let two = budget.enter(&owner, false).unwrap();
        assert_eq!(
            budget.enter(&owner, false).unwrap_err().kind(),
            ProblemKind::Busy
        );
        drop(one);
        assert!(budget.enter(&owner, false).is_ok());
        drop(two);
        assert_eq!(budget.all(), Amount::default());
        assert!(
            budget.held().of.is_empty(),
            "a key without documents is dropped"
        );
    }

    #[test]
    fn one_key_leaves_room_for_the_first_document_of_another() {
        let budget = budget(50, 1_000_000);
        let mut of_a = Vec::new();
        while let Ok(place) = budget.enter(&owner("a", None), false) {
            of_a.push(place);
        }
        assert_eq!(of_a.len(), 40, "four fifths of the documents");
        assert!(budget.enter(&owner("b", None), false).is_ok());
    }

    #[test]
    fn retry_after_follows_the_pages_that_are_left_up_to_the_deadline() {
        let budget = budget(1, 1000);
        let retry_after = || {
            let rejection = budget.enter(&owner("b", None), false).unwrap_err();
            rejection.retry_after().unwrap()
        };
        let mut place = budget.enter(&owner("a", None), false).unwrap();
        place.set_pages(20);
        assert_eq!(retry_after(), 20);
        place.set_pages(3);
        assert_eq!(retry_after(), 3);
        place.set_pages(500);
        assert_eq!(retry_after(), 60);
    }

    #[test]
    fn limits_a_key_to_as_many_requests_as_concurrent_pages() {
        let budget = budget(9, 1000);
        let two = owner("a", Some(2));
        let _one = budget.enter(&two, false).unwrap();
        let mut other = budget.enter(&two, false).unwrap();
        other.set_pages(7);
        let rejection = budget.enter(&two, false).unwrap_err();
        assert_eq!(rejection.kind(), ProblemKind::Quota);
        assert_eq!(rejection.retry_after(), Some(8), "8 pages, one worker");
        assert!(budget.enter(&owner("b", Some(1)), false).is_ok());
        assert!(
            budget.enter(&two, true).is_ok(),
            "a retry of a request under way"
        );
        drop(other);
        assert!(budget.enter(&two, false).is_ok());
    }
}
