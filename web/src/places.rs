//! Places for those who want something: so many at all, and so many from one address. Of IPv6 that is a network of 64
//! bits, since whoever has one has all of its addresses, but for the networks that this machine is in itself.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streamsocket_net::neighbours::is_near;

/// Places.
#[derive(Clone, Debug)]
pub struct Places {
    all_max: usize,
    of_one_max: usize,
    /// Who has how many.
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// A place, given back when it is dropped.
#[derive(Debug)]
#[must_use = "a place is given back when it is dropped"]
pub struct Place {
    peer: IpAddr,
    places: Places,
}

impl Places {
    /// So many at all, and so many for one address.
    pub fn new(all_max: usize, of_one_max: usize) -> Self {
        Self { all_max, of_one_max, taken: Arc::default() }
    }

    /// A place for a connection from `peer`, if there is one. This machine itself has no bound of its own, since
    /// everybody behind a proxy here has its address, and neither has another proxy: `asks_for_others`.
    pub fn take(&self, peer: IpAddr, asks_for_others: bool) -> Option<Place> {
        let peer = owner(peer);
        let mut taken = self.lock();
        let all: usize = taken.values().sum();
        let own = taken.get(&peer).copied().unwrap_or_default();
        let bounded = !asks_for_others && !peer.is_loopback();
        if all >= self.all_max || bounded && own >= self.of_one_max {
            return None;
        }
        taken.insert(peer, own + 1);
        Some(Place { peer, places: self.clone() })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whose address this is: of IPv6 the network that it is in.
#[must_use]
pub fn owner(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(peer) if !is_near(peer.into()) => {
            Ipv6Addr::from_bits(peer.to_bits() >> 64 << 64).into()
        }
        other => other,
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        let left = taken.get(&self.peer).map_or(0, |own| own - 1);
        if left == 0 {
            taken.remove(&self.peer);
        } else {
            taken.insert(self.peer, left);
        }
    }
}

/// Who makes a request, and the place of his connection, which is kept for as long as this is.
#[derive(Clone, Debug)]
pub struct Asking {
    /// His address; that of the proxy until that has said whom it asks for.
    pub peer: IpAddr,
    /// What he is sent is encrypted.
    pub secure: bool,
    _place: Arc<Place>,
}

impl Asking {
    /// A request of a peer, encrypted or not, whose connection has that place.
    #[must_use]
    pub fn new(peer: IpAddr, secure: bool, place: Place) -> Self {
        Self { peer, secure, _place: Arc::new(place) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_leaves_places_to_others_and_gives_back_its_own() {
        let places = Places::new(100, 10);
        let peer = |last: u8| IpAddr::from([192, 0, 2, last]);
        let mut held: Vec<_> = std::iter::from_fn(|| places.take(peer(1), false)).collect();
        assert_eq!(held.len(), 10);
        let other = places.take(peer(2), false);
        assert!(other.is_some());
        held.pop();
        assert!(places.take(peer(1), false).is_some());
        let proxy: Vec<_> = (0..20).map_while(|_| places.take(peer(3), true)).collect();
        assert_eq!(proxy.len(), 20);
        let local = || places.take([127, 0, 0, 1].into(), false);
        let local: Vec<_> = std::iter::from_fn(local).collect();
        assert_eq!(local.len(), 70, "all that are left");
        drop((local, proxy, held, other));
        let of = |last: &str| places.take(format!("2001:db8:0:1::{last}").parse().unwrap(), false);
        let held: Vec<_> = (0..20).map_while(|last| of(&last.to_string())).collect();
        assert_eq!(held.len(), 10, "a network is one");
        drop(held);
        assert!(places.lock().is_empty());
    }
}
