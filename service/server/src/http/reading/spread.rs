//! Distributes a document's pages over the workers. Returns each result as soon as it is there, until all are there or
//! the deadline passes.

use std::collections::BTreeSet;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use crate::http::limits::deadline::Deadline;
use crate::pool::Failure;

type Work<T> = BoxFuture<'static, (u32, Result<T, Failure>)>;

/// Pages under way. Dropping it frees their workers.
pub(crate) struct Spread<T> {
    /// Work for one page.
    work: Box<dyn Fn(u32) -> Work<T> + Send>,
    at_once: usize,
    deadline: Deadline,
    waiting: std::vec::IntoIter<u32>,
    under_way: FuturesUnordered<Work<T>>,
    /// Pages without a result.
    open: BTreeSet<u32>,
}

impl<T: 'static> Spread<T> {
    /// Starts the work. At most `at_once` pages are under way at a time, so a long document does not fill the queue.
    pub(crate) fn new<W>(
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

    /// The next page that is finished, and its result. The result is `None` for a page that the deadline cut off. The
    /// future may be dropped at any time without losing a page.
    pub(crate) async fn next(&mut self) -> Option<(u32, Option<Result<T, Failure>>)> {
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
    async fn returns_each_page_once_and_quick_ones_first() {
        let deadline = Instant::now() + Duration::from_secs(60);
        let mut spread = Spread::new(vec![1, 2, 3], 2, deadline, |number| async move {
            // The first page finishes long after the second.
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
    async fn reports_each_page_that_the_deadline_cuts_off() {
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
