//! All who publish, each in its slot until it leaves: a bounded number of them.

use crate::places::Key;
use crate::publisher::Publisher;
use std::net::IpAddr;

/// Publishers at most: of 30 Mbit/s each they fill a network of 1 Gbit/s.
pub(crate) const PUBLISHERS_MAX: usize = 32;

/// Those of one address: a classroom behind one has as many cameras.
const OF_ADDRESS_MAX: usize = 16;

/// All who publish.
#[derive(Default)]
pub(crate) struct Publishers {
    slots: Vec<Option<Publisher>>,
}

impl Publishers {
    /// Whether one more from there may publish.
    pub(crate) fn has_room(&self, peer: IpAddr) -> bool {
        let own = self.iter().filter(|(_, it)| it.peer.ip() == peer).count();
        self.iter().count() < PUBLISHERS_MAX && own < OF_ADDRESS_MAX
    }

    /// Adds one; returns its slot.
    pub(crate) fn add(&mut self, publisher: Publisher) -> usize {
        let free = self.slots.iter().position(Option::is_none);
        let slot = free.unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        });
        self.slots[slot] = Some(publisher);
        slot
    }

    pub(crate) fn remove(&mut self, slot: usize) -> Option<Publisher> {
        self.slots.get_mut(slot)?.take()
    }

    pub(crate) fn get_mut(&mut self, slot: usize) -> Option<&mut Publisher> {
        self.slots.get_mut(slot)?.as_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Publisher)> {
        self.slots.iter().enumerate().filter_map(|(slot, it)| Some((slot, it.as_ref()?)))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Publisher)> {
        self.slots.iter_mut().enumerate().filter_map(|(slot, it)| Some((slot, it.as_mut()?)))
    }

    /// Who has that name.
    pub(crate) fn named(&self, key: &Key) -> Option<&Publisher> {
        self.iter().find(|(_, it)| it.key == *key).map(|(_, it)| it)
    }

    /// Who has come by that connection.
    pub(crate) fn by(&self, connection: usize) -> Option<usize> {
        self.iter().find(|(_, it)| it.connection == connection).map(|(slot, _)| slot)
    }
}
