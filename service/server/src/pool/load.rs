//! Load of the pool: the pages to read, the cost of a page, and the wait that follows from them.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Estimate for a page before any was read.
const FIRST_GUESS: Duration = Duration::from_secs(1);
/// Weight of a page in the moving average.
const WEIGHT: f64 = 1.0 / 16.0;
/// Time over which the rate is measured, in seconds.
const WINDOW: u64 = 60;

#[derive(Debug)]
pub struct Load {
    started: Instant,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Seconds of a worker's time per page. `None` before the first page.
    page: Option<f64>,
    /// Pages that requests in the service still have to get.
    left: u64,
    workers: u32,
    /// Pages read in each of the last seconds: the second, counted from the start, and the number of pages.
    read: [(u64, u32); WINDOW as usize],
}

impl Default for Load {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            state: Mutex::new(State {
                page: None,
                left: 0,
                workers: 1,
                read: [(0, 0); WINDOW as usize],
            }),
        }
    }
}

impl Load {
    /// Records the time that a worker spent on a page, whatever its result.
    pub(super) fn page_took(&self, time: Duration) {
        self.page_took_at(time, Instant::now());
    }

    fn page_took_at(&self, time: Duration, now: Instant) {
        let second = now.saturating_duration_since(self.started).as_secs();
        let mut state = self.state();
        let seconds = time.as_secs_f64();
        state.page = Some(match state.page {
            Some(mean) => mean + (seconds - mean) * WEIGHT,
            None => seconds,
        });
        let place = &mut state.read[(second % WINDOW) as usize];
        if place.0 != second {
            *place = (second, 0);
        }
        place.1 = place.1.saturating_add(1);
    }

    /// Sets the number of ready workers.
    pub(super) fn has_workers(&self, ready: u32) {
        self.state().workers = ready.max(1);
    }

    /// Adds pages that a request has to get.
    pub fn expect(&self, pages: u64) {
        self.state().left += pages;
    }

    /// Removes pages that the request has got, or that it no longer needs.
    pub fn settle(&self, pages: u64) {
        let mut state = self.state();
        state.left = state.left.saturating_sub(pages);
    }

    /// Pages that requests in the service still have to get.
    pub fn left(&self) -> u64 {
        self.state().left
    }

    /// Cost of a page in worker time, as a moving average.
    pub fn page_cost(&self) -> Duration {
        let page = self.state().page;
        page.map_or(FIRST_GUESS, Duration::from_secs_f64)
    }

    /// Pages read per second, over the last minute or since the start.
    pub fn pages_per_second(&self) -> f64 {
        self.pages_per_second_at(Instant::now())
    }

    fn pages_per_second_at(&self, now: Instant) -> f64 {
        let now = now.saturating_duration_since(self.started);
        let recent = |second: u64| second + WINDOW > now.as_secs();
        let read: u32 = self
            .state()
            .read
            .iter()
            .filter(|(second, _)| recent(*second))
            .map(|(_, pages)| pages)
            .sum();
        f64::from(read) / now.as_secs_f64().clamp(1.0, WINDOW as f64)
    }

    /// Estimated time until all pages in the service are read.
    pub fn wait(&self) -> Duration {
        let state = self.state();
        estimate(state.page, state.left, state.workers)
    }

    /// Estimated time for `pages` if at most `most` of them are read at a time.
    pub fn wait_for(&self, pages: u64, most: u32) -> Duration {
        let state = self.state();
        estimate(state.page, pages, state.workers.min(most.max(1)))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change is a single assignment, so a panic elsewhere leaves the state whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn estimate(page: Option<f64>, pages: u64, workers: u32) -> Duration {
    let page = page.unwrap_or(FIRST_GUESS.as_secs_f64());
    let seconds = page * pages as f64 / f64::from(workers);
    // No client waits this long, and it fits into a duration.
    Duration::from_secs_f64(seconds.min(1e9))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimates_the_wait_from_cost_pages_and_workers() {
        let load = Load::default();
        load.has_workers(4);
        load.expect(20);
        assert_eq!(load.wait(), Duration::from_secs(5), "a guess at first");
        load.page_took(Duration::from_millis(400));
        assert_eq!(
            load.wait(),
            Duration::from_secs(2),
            "then what was measured"
        );
        load.settle(10);
        assert_eq!(load.wait(), Duration::from_secs(1));
        assert_eq!(load.wait_for(10, 1), Duration::from_secs(4));
        for _ in 0..200 {
            load.page_took(Duration::from_secs(2));
        }
        assert_eq!(load.page_cost().as_secs_f64().round(), 2.0, "it follows");
        load.settle(1000);
        assert_eq!((load.left(), load.wait()), (0, Duration::ZERO));
    }

    #[test]
    fn measures_the_rate_over_the_last_minute() {
        let load = Load::default();
        let at = |ms| load.started + Duration::from_millis(ms);
        for half in 0..240 {
            load.page_took_at(Duration::from_millis(500), at(500 * half));
        }
        assert_eq!(load.pages_per_second_at(at(120_000)).round(), 2.0);
        assert_eq!(load.pages_per_second_at(at(181_000)), 0.0);
    }
}
