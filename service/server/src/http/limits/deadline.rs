//! The time at which work has to end. If several requests wait for the same work, it is the latest of their deadlines,
//! and a request that joins may extend it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// A deadline that can be extended. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Deadline(Arc<watch::Sender<Instant>>);

impl From<Instant> for Deadline {
    fn from(at: Instant) -> Self {
        Self(Arc::new(watch::Sender::new(at)))
    }
}

impl Deadline {
    /// Moves the deadline, unless it is later already.
    pub(crate) fn extend(&self, to: Instant) {
        self.0.send_if_modified(|at| {
            let later = to > *at;
            *at = to.max(*at);
            later
        });
    }

    /// Awaits some work. Returns `None` if the deadline passes first.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            result = work => Some(result),
            () = self.passed() => None,
        }
    }

    async fn passed(&self) {
        let mut moves = self.0.subscribe();
        loop {
            let at = *moves.borrow_and_update();
            tokio::select! {
                () = sleep_until(at) => {
                    // The deadline may have been extended at this very moment.
                    if *moves.borrow() == at {
                        return;
                    }
                }
                // `self` holds the sender, so the channel is never closed.
                _ = moves.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::time::Duration;

    #[tokio::test]
    async fn can_be_extended_while_awaited_but_not_shortened() {
        let now = Instant::now();
        let deadline = Deadline::from(now + Duration::from_millis(50));
        let other = deadline.clone();
        let waiting = tokio::spawn(async move { other.within(pending::<()>()).await });
        deadline.extend(now + Duration::from_millis(400));
        deadline.extend(now);
        assert_eq!(waiting.await.unwrap(), None);
        assert!(now.elapsed() >= Duration::from_millis(400));
        // Work that is done already is returned even after the deadline.
        assert_eq!(deadline.within(async { 1 }).await, Some(1));
    }
}
