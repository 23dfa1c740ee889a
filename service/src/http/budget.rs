//! How much the service holds at a time: documents, and their bytes. When either is used up, a request is turned
//! away at once, rather than let everybody wait.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Limits;
use super::error::Rejection;

/// Semaphores count to 2^61 on this platform but take 2^32 at a time; kibibytes fit both.
const GRAIN: u64 = 1024;
/// Seconds. A page takes about one.
const RETRY_AFTER: u32 = 2;

#[derive(Debug)]
pub(super) struct Budget {
    documents: Arc<Semaphore>,
    grains: Arc<Semaphore>,
}

/// One request's share, given back when it is dropped.
#[derive(Debug)]
pub(super) struct Share {
    _document: OwnedSemaphorePermit,
    grains: Arc<Semaphore>,
    held: Option<OwnedSemaphorePermit>,
    /// Bytes taken so far.
    bytes: u64,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        let grains = usize::try_from(limits.max_memory / GRAIN).unwrap_or(usize::MAX);
        Self {
            documents: Arc::new(Semaphore::new(limits.max_documents)),
            grains: Arc::new(Semaphore::new(grains.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Room for one more document, if there is any.
    pub(super) fn enter(&self) -> Result<Share, Rejection> {
        let document = Arc::clone(&self.documents)
            .try_acquire_owned()
            .map_err(|_| Rejection::busy(RETRY_AFTER))?;
        Ok(Share {
            _document: document,
            grains: Arc::clone(&self.grains),
            held: None,
            bytes: 0,
        })
    }
}

impl Share {
    /// Room for some more bytes of the document, if there is any.
    pub(super) fn grow(&mut self, bytes: u64) -> Result<(), Rejection> {
        let before = self.bytes.div_ceil(GRAIN);
        self.bytes = self.bytes.saturating_add(bytes);
        let more = u32::try_from(self.bytes.div_ceil(GRAIN) - before).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.grains)
            .try_acquire_many_owned(more)
            .map_err(|_| Rejection::busy(RETRY_AFTER))?;
        match &mut self.held {
            Some(held) => held.merge(permit),
            none => *none = Some(permit),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocr_api::problem::ProblemKind;
    use std::time::Duration;

    #[test]
    fn documents_and_bytes_are_given_back() {
        let budget = Budget::new(&Limits {
            max_upload: 0,
            deadline: Duration::ZERO,
            max_documents: 2,
            max_memory: 10 * GRAIN,
        });
        let mut one = budget.enter().unwrap();
        let mut two = budget.enter().unwrap();
        assert_eq!(budget.enter().unwrap_err().kind(), ProblemKind::Busy);

        one.grow(4 * GRAIN).unwrap();
        one.grow(1).unwrap();
        one.grow(1).unwrap();
        two.grow(5 * GRAIN).unwrap();
        assert_eq!(two.grow(1).unwrap_err().kind(), ProblemKind::Busy);
        drop(one);
        assert!(budget.enter().is_ok());
        two.grow(4 * GRAIN).unwrap();
    }
}
