//! Which announced sessions are there now: those of which something has come, until they are deleted or nobody
//! announces them any more. Nothing is opened here and no clock is read.

use super::candidates::Key;
use crate::plan::Plan;
use std::net::IpAddr;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// Sessions that are followed at most, and most of one announcer: each has its sockets and a thread, and what comes to a
/// group proves every name that somebody gives it.
const FOLLOWED_MAX: usize = 32;
const OF_ONE_MAX: usize = 8;

/// Most of one announcer if they are in a room, all of which a relay may announce.
const OF_ONE_IN_A_ROOM_MAX: usize = 16;

/// A session that was announced, and has not been for so long, is gone: ours are announced every 5 s, others at least
/// every few minutes (RFC 2974 section 3.1).
const FORGOTTEN: Duration = Duration::from_secs(600);

/// A change of what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Something comes from this session. The number is its own.
    Found(u64, Box<Plan>),
    /// The session of this number has ended.
    Gone(u64),
}

/// A session that is there.
struct Followed {
    key: Key,
    plan: Plan,
    number: u64,
    announced: Monotonic,
}

/// What an announcement is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Announced {
    /// Of a session that is followed already, or that there is no room for.
    Known,
    /// Of a session that may be tried.
    New,
    /// Of one that is received otherwise from now on: it is to be left and tried anew.
    Changed(Change),
}

/// The sessions that are there.
#[derive(Default)]
pub(super) struct Following {
    sessions: Vec<Followed>,
    next: u64,
}

impl Following {
    /// Takes notice of an announcement.
    pub(super) fn announce(&mut self, key: &Key, plan: &Plan, now: Monotonic) -> Announced {
        if let Some(at) = self.sessions.iter().position(|it| it.key == *key) {
            let followed = &mut self.sessions[at];
            if is_received_alike(&followed.plan, plan) {
                followed.announced = now;
                return Announced::Known;
            }
            return Announced::Changed(Change::Gone(self.sessions.remove(at).number));
        }
        let of_one = self.sessions.iter().filter(|it| it.key.announcer == key.announcer);
        let of_one_max = if plan.room.is_some() { OF_ONE_IN_A_ROOM_MAX } else { OF_ONE_MAX };
        let has_room = self.sessions.len() < FOLLOWED_MAX && of_one.count() < of_one_max;
        if has_room && !self.is_sound_of_another(key, plan) {
            Announced::New
        } else {
            Announced::Known
        }
    }

    /// Whether it is the sound of a session that is followed, announced once more for players that take nothing else.
    fn is_sound_of_another(&self, key: &Key, plan: &Plan) -> bool {
        let mut own = self.sessions.iter().filter(|it| it.key.announcer == key.announcer);
        plan.video.is_none()
            && own.any(|it| it.plan.audio.as_ref().map(|audio| audio.rtp) == plan.address())
    }

    /// Something has come of a session. What it takes the place of is gone.
    pub(super) fn find(&mut self, key: Key, plan: Plan, now: Monotonic) -> Vec<Change> {
        let mut changes = Vec::new();
        match self.announce(&key, &plan, now) {
            Announced::Known => return changes,
            Announced::Changed(change) => changes.push(change),
            Announced::New => {}
        }
        // Its sound alone may have been heard of first.
        let sound = plan.audio.as_ref().filter(|_| plan.video.is_some()).map(|audio| audio.rtp);
        let is_its_sound = |it: &Followed| {
            it.key.announcer == key.announcer
                && it.plan.video.is_none()
                && it.plan.address() == sound
        };
        if let Some(at) = self.sessions.iter().position(|it| sound.is_some() && is_its_sound(it)) {
            changes.push(Change::Gone(self.sessions.remove(at).number));
        }
        let number = self.next;
        self.next += 1;
        self.sessions.push(Followed { key, plan: plan.clone(), number, announced: now });
        changes.push(Change::Found(number, Box::new(plan)));
        changes
    }

    /// The session of this name was deleted by its announcer.
    pub(super) fn delete(&mut self, name: &str, announcer: IpAddr) -> Option<Change> {
        let is_meant = |it: &Followed| it.key.name == name && it.key.announcer == announcer;
        let at = self.sessions.iter().position(is_meant)?;
        Some(Change::Gone(self.sessions.remove(at).number))
    }

    /// A session that is announced, and not wanted any more.
    pub(super) fn leave(&mut self, key: &Key) -> Option<Change> {
        let at = self.sessions.iter().position(|it| it.key == *key)?;
        Some(Change::Gone(self.sessions.remove(at).number))
    }

    /// A session that nobody has announced for too long.
    pub(super) fn forget(&mut self, now: Monotonic) -> Option<Change> {
        let over = |it: &Followed| now.since(it.announced) >= FORGOTTEN;
        let at = self.sessions.iter().position(over)?;
        Some(Change::Gone(self.sessions.remove(at).number))
    }

    /// A session could not be joined: it is tried again.
    pub(super) fn give_up(&mut self, number: u64) {
        self.sessions.retain(|it| it.number != number);
    }
}

/// Whether who receives by one description receives the other, too.
#[must_use]
pub fn is_received_alike(one: &Plan, other: &Plan) -> bool {
    let of = |plan: &Plan| {
        [&plan.video, &plan.audio].map(|stream| {
            stream.as_ref().map(|it| {
                let where_from = (it.rtp, it.rtcp, it.repair);
                (where_from, it.encoding, it.payload_type, it.clock_rate, it.channels)
            })
        })
    };
    of(one) == of(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str, announcer: u8) -> Key {
        let address = "239.1.1.1:5004".parse().unwrap();
        Key { name: name.into(), address, announcer: [10, 0, 0, announcer].into() }
    }

    fn at(seconds: i64) -> Monotonic {
        Monotonic(seconds * 1_000_000_000)
    }

    fn plan(sound: Option<(u32, u8)>) -> Plan {
        Plan::at("239.1.1.1:5004".parse().unwrap(), sound)
    }

    fn found(following: &mut Following, key: Key, now: Monotonic) -> Vec<Change> {
        let mut changes = following.find(key, plan(None), now);
        for change in &mut changes {
            if let Change::Found(number, _) = change {
                *change = Change::Found(*number, Box::new(plan(None)));
            }
        }
        changes
    }

    fn only(number: u64) -> Vec<Change> {
        vec![Change::Found(number, Box::new(plan(None)))]
    }

    #[test]
    fn a_session_is_found_once_and_ends_when_its_announcer_says_so() {
        let mut following = Following::default();
        assert_eq!(following.announce(&key("door", 1), &plan(None), at(0)), Announced::New);
        assert_eq!(found(&mut following, key("door", 1), at(0)), only(0));
        assert_eq!(found(&mut following, key("door", 1), at(1)), []);
        assert_eq!(found(&mut following, key("door", 2), at(1)), only(1), "another of the name");
        assert_eq!(following.delete("door", [10, 0, 0, 3].into()), None, "a stranger's");
        assert_eq!(following.delete("door", [10, 0, 0, 1].into()), Some(Change::Gone(0)));
        assert_eq!(found(&mut following, key("door", 1), at(2)), only(2), "it is back");
        following.give_up(2);
        assert_eq!(found(&mut following, key("door", 1), at(3)), only(3), "it is tried again");
    }

    #[test]
    fn what_nobody_announces_is_forgotten_and_nobody_has_all_places() {
        let mut following = Following::default();
        for number in 0..40 {
            found(&mut following, key(&number.to_string(), 1), at(0));
        }
        assert_eq!(following.sessions.len(), OF_ONE_MAX);
        for announcer in 2..=10 {
            for number in 0..4 {
                found(&mut following, key(&number.to_string(), announcer), at(0));
            }
        }
        assert_eq!(following.sessions.len(), FOLLOWED_MAX);
        let announced = |following: &mut Following, name, announcer, now| {
            following.announce(&key(name, announcer), &plan(None), now)
        };
        assert_eq!(announced(&mut following, "new", 11, at(1)), Announced::Known, "no room");
        assert_eq!(announced(&mut following, "7", 1, at(300)), Announced::Known);
        assert_eq!(following.forget(at(599)), None);
        let gone = std::iter::from_fn(|| following.forget(at(600))).count();
        assert_eq!(gone, FOLLOWED_MAX - 1, "all but the one that was announced again");
    }

    #[test]
    fn a_room_has_more_of_one_announcer_and_a_session_may_leave_it() {
        let mut following = Following::default();
        let member = Plan { room: Some("lesson".to_owned()), ..plan(None) };
        for number in 0..40 {
            following.find(key(&number.to_string(), 1), member.clone(), at(0));
        }
        assert_eq!(following.sessions.len(), OF_ONE_IN_A_ROOM_MAX);
        assert_eq!(following.leave(&key("3", 2)), None, "another one's");
        assert_eq!(following.leave(&key("3", 1)), Some(Change::Gone(3)));
        assert_eq!(following.leave(&key("3", 1)), None);
        assert_eq!(following.announce(&key("3", 1), &member, at(1)), Announced::New);
        assert_eq!(following.announce(&key("3", 1), &plan(None), at(1)), Announced::Known);
    }

    #[test]
    fn another_description_is_another_session() {
        let mut following = Following::default();
        found(&mut following, key("door", 1), at(0));
        let (same, other) = (plan(Some((48_000, 2))), plan(Some((16_000, 1))));
        assert_eq!(following.announce(&key("door", 1), &same, at(1)), Announced::Known);
        let changed = Announced::Changed(Change::Gone(0));
        assert_eq!(following.announce(&key("door", 1), &other, at(1)), changed);
        assert_eq!(following.announce(&key("door", 1), &other, at(1)), Announced::New);
    }

    #[test]
    fn sound_that_is_announced_by_itself_is_no_other_session() {
        let alone = Plan { video: None, ..plan(None) };
        let sound_key = Key { address: alone.address().unwrap(), ..key("door", 1) };
        let mut following = Following::default();
        found(&mut following, key("door", 1), at(0));
        assert_eq!(following.announce(&sound_key, &alone, at(0)), Announced::Known);
        let mut following = Following::default();
        assert_eq!(following.find(sound_key, alone, at(0)).len(), 1, "heard of first");
        let changes = following.find(key("door", 1), plan(None), at(1));
        assert_eq!(changes, [Change::Gone(0), Change::Found(1, Box::new(plan(None)))]);
    }
}
