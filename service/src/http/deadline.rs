//! When work has to end. Where several requests wait for the same, that is the latest of their deadlines, and one that joins may move it.

use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// A deadline that may move. Clones are the same one.
#[derive(Debug, Clone)]
pub(super) struct Deadline(Arc<watch::Sender<Instant>>);

impl From<Instant> for Deadline {
    fn from(at: Instant) -> Self {
        Self(Arc::new(watch::Sender::new(at)))
    }
}

impl Deadline {
    /// Moves it, if that is later.
    pub(super) fn extend(&self, to: Instant) {
        self.0.send_if_modified(|at| {
            let later = to > *at;
            *at = to.max(*at);
            later
        });
    }

    /// What comes of some work; `None` where the deadline passes first.
    pub(super) async fn within<T>(&self, work: impl Future<Output = T>) -> Option<T> {
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
                    // It may have been moved in this very moment.
                    if *moves.borrow() == at {
                        return;
                    }
                }
                // The sender is `self`.
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
    async fn it_moves_while_it_is_waited_for_and_never_back() {
        let now = Instant::now();
        let deadline = Deadline::from(now + Duration::from_millis(50));
        let other = deadline.clone();
        let waiting = tokio::spawn(async move { other.within(pending::<()>()).await });
        deadline.extend(now + Duration::from_millis(400));
        deadline.extend(now);
        assert_eq!(waiting.await.unwrap(), None);
        assert!(now.elapsed() >= Duration::from_millis(400));
        // What is done already is given all the same.
        assert_eq!(deadline.within(async { 1 }).await, Some(1));
    }
}
