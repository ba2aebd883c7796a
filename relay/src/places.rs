//! What is kept for each name in a room, so that a publisher that returns goes on in the same place: its group, and the
//! number of its session.

use crate::configuration::nth;
use std::net::IpAddr;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// Places at most: twice as many as there are publishers.
const PLACES_MAX: usize = 64;

/// How long a place is kept for who has left it: to restart a machine takes less.
const KEPT: Duration = Duration::from_secs(600);

/// Whose place it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) room: String,
    pub(crate) name: String,
}

/// Whose name it is: nobody else gets it while it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A user, wherever it is.
    User(String),
    /// Whoever has that address, where there are no users.
    Address(IpAddr),
    /// A camera that the configuration names.
    Camera,
}

/// A place.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    key: Key,
    owner: Owner,
    /// Something was handed on under that name.
    begun: bool,
    pub(crate) group: IpAddr,
    pub(crate) session_id: u64,
    /// Descriptions of the session so far.
    pub(crate) changes: u64,
    /// When it was left; none while somebody has it.
    left: Option<Monotonic>,
}

/// All places.
#[derive(Clone, Debug, Default)]
pub(crate) struct Places {
    all: Vec<Place>,
    last_id: u64,
}

impl Places {
    /// The place of that name, if there is one.
    pub(crate) fn of(&self, key: &Key) -> Option<&Place> {
        self.all.iter().find(|it| it.key == *key)
    }

    /// For how many minutes, begun ones too, the name is kept for somebody else.
    pub(crate) fn kept(&self, key: &Key, owner: &Owner, now: Monotonic) -> Option<u64> {
        let place = self.of(key).filter(|it| it.owner != *owner)?;
        let left = KEPT.checked_sub(now.since(place.left?)).filter(|it| !it.is_zero())?;
        Some(left.as_secs().div_ceil(60).max(1))
    }

    /// Whether nobody's session goes to a group, or to the next one, which repair packets would have.
    pub(crate) fn is_free(&self, group: IpAddr) -> bool {
        let near = |a, b| nth(a, 1) == Some(b);
        self.all
            .iter()
            .all(|it| it.group != group && !near(it.group, group) && !near(group, it.group))
    }

    /// Gives the place of that name to who publishes now, a new one in `group` if there is none. `clock` is what a new
    /// session's number is at least: later ones have greater numbers, after a restart, too.
    pub(crate) fn take(&mut self, key: &Key, owner: &Owner, group: IpAddr, clock: u64) -> &Place {
        let known = self.all.iter().position(|it| it.key == *key);
        let index = known.unwrap_or_else(|| {
            if self.all.len() == PLACES_MAX {
                self.forget_one();
            }
            self.last_id = clock.max(self.last_id + 1);
            let (key, owner, session_id) = (key.clone(), owner.clone(), self.last_id);
            let (begun, changes, left) = (false, 0, None);
            self.all.push(Place { key, owner, begun, group, session_id, changes, left });
            self.all.len() - 1
        });
        let place = &mut self.all[index];
        place.changes += u64::from(known.is_some());
        place.left = None;
        place.owner = owner.clone();
        place
    }

    /// The session of that name is described anew.
    pub(crate) fn describe_anew(&mut self, key: &Key) {
        if let Some(place) = self.all.iter_mut().find(|it| it.key == *key) {
            place.changes += 1;
        }
    }

    /// Of those of a room that were left, the one that was left longest ago gives way. False if there is none.
    pub(crate) fn give_way(&mut self, room: &str) -> bool {
        let own = self.all.iter().enumerate().filter(|(_, it)| it.key.room == room);
        let left = own.filter_map(|(index, it)| Some((it.left?, index))).min();
        left.map(|(_, index)| self.all.remove(index)).is_some()
    }

    /// Of those that were left, the one that was left longest ago gives way.
    fn forget_one(&mut self) {
        let left = self.all.iter().enumerate().filter_map(|(index, it)| Some((it.left?, index)));
        if let Some((_, index)) = left.min() {
            self.all.remove(index);
        }
    }

    /// Who has published there does so no more. The name of one of whom nothing was handed on is not kept: nobody can
    /// keep others from names that it does not use.
    pub(crate) fn leave(&mut self, key: &Key, has_begun: bool, now: Monotonic) {
        if let Some(place) = self.all.iter_mut().find(|it| it.key == *key) {
            place.left = Some(now);
            place.begun |= has_begun;
        }
        self.all.retain(|it| it.key != *key || it.begun);
    }

    /// Forgets what was left long ago.
    pub(crate) fn forget(&mut self, now: Monotonic) {
        self.all.retain(|it| it.left.is_none_or(|left| now.since(left) < KEPT));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const SECOND: i64 = 1_000_000_000;
    const ANNA: Owner = Owner::Address(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));

    fn key(name: &str) -> Key {
        Key { room: "lesson".into(), name: name.into() }
    }

    fn group(last: u8) -> IpAddr {
        [239, 255, 7, last].into()
    }

    #[test]
    fn who_returns_in_time_has_the_same_place() {
        let mut places = Places::default();
        let first = places.take(&key("anna"), &ANNA, group(2), 1000).clone();
        let other = places.take(&key("berta"), &ANNA, group(4), 1000).clone();
        assert_eq!((first.session_id, other.session_id), (1000, 1001));
        places.leave(&key("anna"), true, Monotonic(SECOND));
        places.forget(Monotonic(600 * SECOND));
        let again = places.take(&key("anna"), &ANNA, group(8), 5000).clone();
        assert_eq!((again.group, again.session_id, again.changes), (group(2), 1000, 1));
        places.leave(&key("anna"), true, Monotonic(SECOND));
        places.forget(Monotonic(601 * SECOND));
        assert!(places.of(&key("anna")).is_none() && places.of(&key("berta")).is_some());
        let anew = places.take(&key("anna"), &ANNA, group(8), 5000);
        assert_eq!((anew.group, anew.session_id, anew.changes), (group(8), 5000, 0));
    }

    #[test]
    fn groups_beside_a_taken_one_are_taken() {
        let mut places = Places::default();
        places.take(&key("anna"), &ANNA, group(4), 1);
        assert_eq!(
            [2, 3, 4, 5, 6].map(|it| places.is_free(group(it))),
            [true, false, false, false, true]
        );
    }

    #[test]
    fn who_has_left_longest_ago_gives_way() {
        let mut places = Places::default();
        for (name, last) in [("anna", 2), ("berta", 4), ("carla", 6)] {
            places.take(&key(name), &ANNA, group(last), 1);
        }
        assert!(!places.give_way("lesson"));
        places.leave(&key("carla"), true, Monotonic(1));
        places.leave(&key("anna"), true, Monotonic(2));
        assert!(!places.give_way("other") && places.give_way("lesson"));
        assert!(places.of(&key("carla")).is_none() && places.of(&key("anna")).is_some());
    }

    #[test]
    fn a_crowd_is_bounded_and_those_who_are_there_stay() {
        let mut places = Places::default();
        places.take(&key("anna"), &ANNA, group(0), 1);
        for index in 0..1000_i64 {
            let key = key(&index.to_string());
            places.take(&key, &ANNA, group(1), 1);
            places.leave(&key, true, Monotonic(index));
        }
        assert_eq!(places.all.len(), PLACES_MAX);
        assert!(places.of(&key("anna")).is_some() && places.of(&key("999")).is_some());
    }

    #[test]
    fn a_name_is_kept_for_its_owner() {
        let mut places = Places::default();
        let name = key("anna");
        let berta = Owner::User("berta".into());
        assert_eq!(places.kept(&name, &berta, Monotonic(0)), None);
        places.take(&name, &ANNA, group(2), 1);
        places.leave(&name, true, Monotonic(SECOND));
        assert_eq!(places.kept(&name, &ANNA, Monotonic(2 * SECOND)), None);
        assert_eq!(places.kept(&name, &berta, Monotonic(2 * SECOND)), Some(10));
        assert_eq!(places.kept(&name, &berta, Monotonic(600 * SECOND)), Some(1));
        assert_eq!(places.kept(&name, &berta, Monotonic(601 * SECOND)), None);
        // Of whom nothing was handed on, nothing is kept.
        places.take(&key("carla"), &ANNA, group(4), 1);
        places.leave(&key("carla"), false, Monotonic(SECOND));
        assert!(places.of(&key("carla")).is_none());
        // Unless something was before.
        places.take(&name, &ANNA, group(2), 1);
        places.leave(&name, false, Monotonic(3 * SECOND));
        assert_eq!(places.kept(&name, &berta, Monotonic(4 * SECOND)), Some(10));
    }
}
