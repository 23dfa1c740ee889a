//! Limit on open connections. When all places are taken, a new connection replaces one that is idle or whose client is
//! unknown.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Peer;

/// Places for connections.
#[derive(Debug)]
pub(super) struct Places {
    most: usize,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    /// Number of entries and changes so far. It orders connections by the time since which they have waited.
    next: u64,
    taken: HashMap<u64, Taken>,
}

#[derive(Debug)]
struct Taken {
    peer: Option<Peer>,
    /// Number since which the connection does nothing for a known client. `None` while a known client's request is
    /// being answered.
    waits_since: Option<u64>,
    closed: Arc<Notify>,
}

/// A connection's place. Dropping it frees the place.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    number: u64,
    closed: Arc<Notify>,
}

/// Handle with which a request's connection is marked as that of a known client. Requests have it as an extension.
#[derive(Debug, Clone)]
pub struct Standing(Arc<Place>);

/// Guard that exists while a known client's request is being answered.
#[derive(Debug)]
pub(super) struct Answering(Arc<Place>);

impl Places {
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            most,
            open: Mutex::default(),
        })
    }

    /// Takes a place for a connection. When none is free, an idle connection or one of an unknown client is closed. It
    /// is chosen from the address that has most of these, so that no address takes another's places, and is the one
    /// that has waited longest. Returns `None` when all connections are at work for known clients.
    pub(super) fn enter(self: &Arc<Self>, peer: Option<Peer>) -> Option<Arc<Place>> {
        let mut open = self.open();
        if open.taken.len() >= self.most {
            let number = open.dispensable()?;
            if let Some(taken) = open.taken.remove(&number) {
                taken.closed.notify_one();
            }
        }
        let number = open.count();
        let closed = Arc::new(Notify::new());
        let taken = Taken {
            peer: peer.map(network),
            waits_since: Some(number),
            closed: Arc::clone(&closed),
        };
        open.taken.insert(number, taken);
        Some(Arc::new(Place {
            places: Arc::clone(self),
            number,
            closed,
        }))
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        // The data is whole between any two operations on it.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn count(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn dispensable(&self) -> Option<u64> {
        let mut of_peer: HashMap<Option<Peer>, (usize, (u64, u64))> = HashMap::new();
        for (number, taken) in &self.taken {
            if let Some(since) = taken.waits_since {
                let (count, oldest) = of_peer.entry(taken.peer).or_insert((0, (u64::MAX, 0)));
                *count += 1;
                *oldest = (*oldest).min((since, *number));
            }
        }
        // Among equal addresses, the connection that has waited longer is closed.
        let (_, (_, number)) = of_peer
            .into_values()
            .max_by_key(|(count, (since, _))| (*count, u64::MAX - since))?;
        Some(number)
    }
}

impl Place {
    /// Waits until the place is given to another connection.
    pub(super) async fn closed(&self) {
        self.closed.notified().await;
    }

    /// If the client is known, returns a guard that keeps its place.
    pub(super) fn answering(self: &Arc<Self>) -> Option<Answering> {
        let open = self.places.open();
        let taken = open.taken.get(&self.number)?;
        taken
            .waits_since
            .is_none()
            .then(|| Answering(Arc::clone(self)))
    }

    fn set(&self, at_work: bool) {
        let mut open = self.places.open();
        let now = open.count();
        if let Some(taken) = open.taken.get_mut(&self.number) {
            taken.waits_since = (!at_work).then_some(now);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.open().taken.remove(&self.number);
    }
}

impl Standing {
    pub(super) fn new(place: &Arc<Place>) -> Self {
        Self(Arc::clone(place))
    }

    /// Marks the client of the current request as known. Its connection is not closed for another one until the request
    /// is answered.
    pub fn known(&self) {
        self.0.set(true);
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.set(false);
    }
}

/// Reduces an IPv6 address to its /64 network, which a client has as a whole.
fn network(peer: Peer) -> Peer {
    match peer {
        Peer::Client(IpAddr::V6(address)) => {
            let network = u128::from(address) >> 64 << 64;
            Peer::Client(Ipv6Addr::from(network).into())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn client(last: u8) -> Option<Peer> {
        Some(Peer::Client([192, 0, 2, last].into()))
    }

    fn is_closed(place: &Place) -> bool {
        place.closed().now_or_never().is_some()
    }

    #[test]
    fn closes_the_oldest_connection_of_the_address_with_most() {
        let places = Places::new(4);
        let other = places.enter(client(1)).unwrap();
        let many: Vec<_> = (0..3).map(|_| places.enter(client(2)).unwrap()).collect();
        let more: Vec<_> = (0..2).map(|_| places.enter(client(2)).unwrap()).collect();
        assert!(!is_closed(&other));
        let closed: Vec<bool> = many.iter().map(|place| is_closed(place)).collect();
        assert_eq!(closed, [true, true, false]);
        assert!(more.iter().all(|place| !is_closed(place)));
        // A place that was taken away is not freed twice.
        drop(many);
        assert_eq!(places.open().taken.len(), 3);
    }

    #[test]
    fn keeps_connections_of_known_clients_until_answered() {
        let places = Places::new(2);
        let one = places.enter(client(1)).unwrap();
        assert!(one.answering().is_none());
        Standing::new(&one).known();
        let answering = one.answering().unwrap();
        let _stranger = places.enter(client(1)).unwrap();
        let two = places.enter(client(1)).unwrap();
        assert!(!is_closed(&one));
        Standing::new(&two).known();
        assert!(places.enter(client(3)).is_none(), "both are at work");
        drop(answering);
        assert!(places.enter(client(3)).is_some());
        assert!(is_closed(&one) && !is_closed(&two));
    }

    #[test]
    fn counts_an_ipv6_network_as_one_client() {
        let of = |text: &str| Some(Peer::Client(text.parse().unwrap()));
        let places = Places::new(3);
        let other = places.enter(of("2001:db8:0:2::1")).unwrap();
        let first = places.enter(of("2001:db8:0:1::1")).unwrap();
        let _second = places.enter(of("2001:db8:0:1:5::2")).unwrap();
        let _third = places.enter(of("2001:db8:0:1:9::3")).unwrap();
        assert!(is_closed(&first) && !is_closed(&other));
    }
}
