//! Rate limit for requests without a valid key, by client address. After a few refusals, each further one is delayed.
//! If the address keeps asking, it gets 429 with Retry-After.
//!
//! Valid keys are accepted before this limit is consulted, so other clients behind the same address can't delay them.
//! The 256 bits of the secret, and not this limit, make guessing hopeless. This limit keeps guessing, and clients that
//! repeat a wrong key without pause, from costing much.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Refusals that are sent at once.
const FREE: u32 = 10;
/// Interval between refusals beyond the free ones.
const EVERY: Duration = Duration::from_secs(1);
/// Longest delay of a refusal. A shutdown waits for delayed refusals, so this bounds it.
const LONGEST: Duration = Duration::from_secs(5);
/// Addresses that are remembered. When the table is full, all further addresses share one more entry.
const ADDRESSES: usize = 10_000;

/// The time at which each address has served its refusals.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    clear: Mutex<HashMap<Option<IpAddr>, Instant>>,
}

/// Answer to a request that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Sends the refusal at this time.
    At(Instant),
    /// Rejects the request and asks the client to come back after this many seconds.
    TooMany { retry_after: u32 },
}

impl Attempts {
    /// Counts one refused request, now.
    pub(crate) fn failed(&self, from: Option<IpAddr>) -> Verdict {
        self.failed_at(from, Instant::now())
    }

    fn failed_at(&self, from: Option<IpAddr>, now: Instant) -> Verdict {
        let mut clear = self.clear.lock().unwrap_or_else(PoisonError::into_inner);
        let mut network = from.map(network);
        if !clear.contains_key(&network) && clear.len() >= ADDRESSES {
            clear.retain(|_, at| *at > now);
            if clear.len() >= ADDRESSES {
                network = None;
            }
        }
        let at = clear.entry(network).or_insert(now);
        let next = (*at).max(now) + EVERY;
        let wait = next.saturating_duration_since(now + EVERY * FREE);
        if wait > LONGEST {
            let seconds = (wait - LONGEST).as_secs() + 1;
            return Verdict::TooMany {
                retry_after: u32::try_from(seconds).unwrap_or(u32::MAX),
            };
        }
        *at = next;
        Verdict::At(now + wait)
    }
}

/// Reduces an IPv6 address to its /64 network. A provider's customer has 2^64 addresses, and they count as one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V6(v6) if v6.to_ipv4_mapped().is_none() => {
            let prefix = v6.to_bits() >> 64 << 64;
            Ipv6Addr::from_bits(prefix).into()
        }
        other => other.to_canonical(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn delays_then_rejects_repeated_failures_and_recovers() {
        let attempts = Attempts::default();
        let start = Instant::now();
        let fail = |after: u64| {
            attempts.failed_at(address("192.0.2.1"), start + Duration::from_secs(after))
        };
        for _ in 0..FREE {
            assert_eq!(fail(0), Verdict::At(start));
        }
        for second in 1..=5 {
            assert_eq!(fail(0), Verdict::At(start + Duration::from_secs(second)));
        }
        assert_eq!(fail(0), Verdict::TooMany { retry_after: 2 });
        let other = attempts.failed_at(address("192.0.2.2"), start);
        assert_eq!(other, Verdict::At(start), "another address");
        assert_eq!(fail(60), Verdict::At(start + Duration::from_secs(60)));
    }

    #[test]
    fn counts_an_ipv6_network_as_one_address() {
        let same = network("2001:db8:1:2::1".parse().unwrap());
        assert_eq!(same, network("2001:db8:1:2:ffff::9".parse().unwrap()));
        assert_ne!(same, network("2001:db8:1:3::1".parse().unwrap()));
        let mapped = network("::ffff:192.0.2.1".parse().unwrap());
        assert_eq!(mapped, network("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn bounds_the_number_of_addresses() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for at in 0..u32::try_from(ADDRESSES).unwrap() + 100 {
            attempts.failed_at(Some(std::net::Ipv4Addr::from_bits(at).into()), now);
        }
        let size = |attempts: &Attempts| attempts.clear.lock().unwrap().len();
        assert!(size(&attempts) <= ADDRESSES + 1);
        // Addresses that have stopped are dropped when the table is full.
        attempts.failed_at(address("192.0.2.1"), now + Duration::from_secs(60));
        assert_eq!(size(&attempts), 1);
    }
}
