//! Rooms: what was captured at one instant is presented at one, of all sessions of a room.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use streamsocket_subscribe::in_step::{InStep, Member};

/// A room's name, and its sessions.
type Room = (String, Weak<InStep>);

/// The rooms whose sessions are received.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rooms(Arc<Mutex<Vec<Room>>>);

impl Rooms {
    /// A session more, or a tier of one, that is in the room of this name.
    pub(crate) fn member(&self, name: &str) -> Member {
        let mut rooms = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        rooms.retain(|(_, room)| room.strong_count() > 0);
        let known = rooms.iter().find(|(it, _)| it == name).and_then(|(_, room)| room.upgrade());
        let room = known.unwrap_or_else(|| {
            let room = Arc::<InStep>::default();
            rooms.push((name.to_owned(), Arc::downgrade(&room)));
            room
        });
        room.member()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_there_for_as_long_as_somebody_is_in_it() {
        let rooms = Rooms::default();
        let count = || rooms.0.lock().unwrap().len();
        let [one, two] = ["lesson", "lesson"].map(|name| rooms.member(name));
        assert_eq!(count(), 1);
        drop(one);
        let other = rooms.member("hall");
        assert_eq!(count(), 2);
        drop((two, other));
        let _another = rooms.member("yard");
        assert_eq!(count(), 1);
    }
}
