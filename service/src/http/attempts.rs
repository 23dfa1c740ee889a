//! Requests without a good key, counted by address. After some, the address waits for each further refusal, and when it
//! asks on all the same, it is told to come back later. A good key is let in before any of this is looked at: others
//! behind its address can't make it wait, and so the secret's 256 bits, not this, are what makes guessing hopeless. This
//! keeps it, and a client that repeats a wrong key without pause, from costing much.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Refused at once.
const FREE: u32 = 10;
/// Beyond these: one refusal in this time.
const EVERY: Duration = Duration::from_secs(1);
/// How long a refusal may have to wait; a service that stops has to wait for it.
const LONGEST: Duration = Duration::from_secs(5);
/// Addresses that are remembered; others share one more place when these are taken.
const ADDRESSES: usize = 10_000;

/// When each address has served its refusals.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    clear: Mutex<HashMap<Option<IpAddr>, Instant>>,
}

/// What a refused request gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The refusal, at this time.
    At(Instant),
    /// Nothing but the advice to come back after these seconds.
    TooMany { retry_after: u32 },
}

impl Attempts {
    /// One more, just now.
    pub(super) fn failed(&self, from: Option<IpAddr>) -> Verdict {
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

/// A customer of a provider has 2^64 addresses of version 6: they count as one.
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
    fn some_at_once_then_slower_then_no_more_and_again_after_a_while() {
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
    fn a_network_of_version_6_is_one_address() {
        let same = network("2001:db8:1:2::1".parse().unwrap());
        assert_eq!(same, network("2001:db8:1:2:ffff::9".parse().unwrap()));
        assert_ne!(same, network("2001:db8:1:3::1".parse().unwrap()));
        let mapped = network("::ffff:192.0.2.1".parse().unwrap());
        assert_eq!(mapped, network("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn the_table_is_bounded() {
        let attempts = Attempts::default();
        let now = Instant::now();
        for at in 0..u32::try_from(ADDRESSES).unwrap() + 100 {
            attempts.failed_at(Some(std::net::Ipv4Addr::from_bits(at).into()), now);
        }
        let size = |attempts: &Attempts| attempts.clear.lock().unwrap().len();
        assert!(size(&attempts) <= ADDRESSES + 1);
        // Those who have stopped are forgotten when there is no more room.
        attempts.failed_at(address("192.0.2.1"), now + Duration::from_secs(60));
        assert_eq!(size(&attempts), 1);
    }
}
