//! Requests per minute of each key. The running process counts them, so a new release starts from zero.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const MINUTE: Duration = Duration::from_secs(60);

/// By key id: the time at which all requests so far would be paid for at the key's even rate. Only valid keys are in
/// it, so it is no larger than the key file.
#[derive(Debug, Default)]
pub(crate) struct Quotas {
    paid: Mutex<HashMap<String, Instant>>,
}

impl Quotas {
    /// Counts one more request of a key that may make this many in a minute, all at once or spread.
    ///
    /// # Errors
    /// Returns the seconds to wait if the key has none left.
    pub(crate) fn enter(&self, id: &str, requests_per_minute: u32) -> Result<(), u32> {
        self.enter_at(id, requests_per_minute, Instant::now())
    }

    /// Requests that the key may make right now.
    pub(crate) fn left(&self, id: &str, requests_per_minute: u32) -> u32 {
        self.left_at(id, requests_per_minute, Instant::now())
    }

    fn left_at(&self, id: &str, requests_per_minute: u32, now: Instant) -> u32 {
        let Some(each) = MINUTE.checked_div(requests_per_minute) else {
            return 0;
        };
        let paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        let owed = paid
            .get(id)
            .map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        // The same tolerance as in `enter_at`.
        let room = (MINUTE + Duration::from_micros(1)).saturating_sub(owed);
        let left = room.as_nanos() / each.as_nanos().max(1);
        u32::try_from(left).map_or(requests_per_minute, |left| left.min(requests_per_minute))
    }

    fn enter_at(&self, id: &str, requests_per_minute: u32, now: Instant) -> Result<(), u32> {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        // The key may make no requests at all. It would wait for ever; an hour stands for that.
        let each = MINUTE.checked_div(requests_per_minute).ok_or(3600_u32)?;
        let before = paid.get(id).copied().unwrap_or(now).max(now);
        let after = before + each;
        let over = after.saturating_duration_since(now + MINUTE);
        // Tolerates the fractions of a nanosecond that the division leaves.
        if over > Duration::from_micros(1) {
            return Err(u32::try_from(over.as_secs() + 1).unwrap_or(u32::MAX));
        }
        paid.insert(id.to_owned(), after);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allows_a_burst_then_requests_at_the_even_rate() {
        let quotas = Quotas::default();
        let start = Instant::now();
        let at = |seconds| quotas.enter_at("k1", 6, start + Duration::from_secs(seconds));
        let left = |seconds| quotas.left_at("k1", 6, start + Duration::from_secs(seconds));
        for made in 0..6 {
            assert_eq!(left(0), 6 - made);
            assert_eq!(at(0), Ok(()));
        }
        assert_eq!((left(0), left(9), left(10), left(3600)), (0, 0, 1, 6));
        assert_eq!(at(0), Err(11));
        assert_eq!(quotas.enter_at("k2", 6, start), Ok(()), "another key");
        assert_eq!(at(9), Err(2));
        assert_eq!(at(10), Ok(()));
        assert!(at(10).is_err());
        assert_eq!(quotas.enter_at("k3", 0, start), Err(3600));
    }
}
