//! A document's pages across the workers: each result the moment it is there, until all are or the time is up.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::deadline::Deadline;
use crate::pool::Failure;

type Work<T> = BoxFuture<'static, (u32, Result<T, Failure>)>;

/// Pages under way. Dropping it frees their workers.
pub(super) struct Spread<T> {
    /// What a page needs done.
    work: Box<dyn Fn(u32) -> Work<T> + Send>,
    at_once: usize,
    deadline: Deadline,
    waiting: std::vec::IntoIter<u32>,
    under_way: FuturesUnordered<Work<T>>,
    /// Those without a result.
    open: BTreeSet<u32>,
}

impl<T: 'static> Spread<T> {
    /// No more than `at_once` pages are under way at a time, so that a long document does not fill the queue.
    pub(super) fn new<W>(
        numbers: Vec<u32>,
        at_once: usize,
        deadline: impl Into<Deadline>,
        work: impl Fn(u32) -> W + Send + 'static,
    ) -> Self
    where
        W: Future<Output = Result<T, Failure>> + Send + 'static,
    {
        let work = move |number| -> Work<T> {
            let result = work(number);
            Box::pin(async move { (number, result.await) })
        };
        Self {
            work: Box::new(work),
            at_once,
            deadline: deadline.into(),
            open: numbers.iter().copied().collect(),
            waiting: numbers.into_iter(),
            under_way: FuturesUnordered::new(),
        }
    }

    /// A page's number and its result, in the order in which they are done; `None` for a page that the deadline cut off. May be dropped
    /// at any time without losing one.
    pub(super) async fn next(&mut self) -> Option<(u32, Option<Result<T, Failure>>)> {
        while self.under_way.len() < self.at_once {
            let Some(number) = self.waiting.next() else {
                break;
            };
            self.under_way.push((self.work)(number));
        }
        let done = self.deadline.within(self.under_way.next()).await;
        if let Some(Some((number, result))) = done {
            self.open.remove(&number);
            return Some((number, Some(result)));
        }
        self.under_way.clear();
        self.waiting = Vec::new().into_iter();
        self.open.pop_first().map(|number| (number, None))
    }
}

impl<T> std::fmt::Debug for Spread<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spread")
            .field("open", &self.open.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::{Instant, sleep};

    #[tokio::test]
    async fn each_page_has_one_result_and_the_quick_one_comes_first() {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut spread = Spread::new(vec![1, 2, 3], 2, deadline, |number| async move {
            // The first waits until the second is long done.
            sleep(Duration::from_millis(if number == 1 { 300 } else { 0 })).await;
            Ok(number * 10)
        });
        let mut seen = Vec::new();
        while let Some((number, result)) = spread.next().await {
            assert_eq!(result, Some(Ok(number * 10)));
            seen.push(number);
        }
        assert_eq!(seen, [2, 3, 1]);
    }

    #[tokio::test]
    async fn what_the_deadline_cuts_off_is_told_page_by_page() {
        let deadline = Instant::now() + Duration::from_millis(50);
        let mut spread = Spread::new(vec![1, 2, 3, 4], 2, deadline, |number| async move {
            if number != 2 {
                std::future::pending::<()>().await;
            }
            Ok(())
        });
        let mut seen = Vec::new();
        while let Some((number, result)) = spread.next().await {
            seen.push((number, result.is_some()));
        }
        assert_eq!(seen, [(2, true), (1, false), (3, false), (4, false)]);
    }
}
