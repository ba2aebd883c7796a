//! What the loop watches, and what an event of each means.

use crate::offer::TRACKS_MAX;
use mio::Token;

/// Kinds of events.
const KINDS: usize = 10;

/// What a descriptor tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The timer has fired.
    Timer,
    /// A signal has come.
    Signal,
    /// A publisher connects.
    Connecting,
    /// A group was found.
    Found,
    /// The connection at that place has something, or takes something.
    Connection(usize),
    /// Viewers ask for the announcement of the publisher in that slot.
    Asked(usize),
    /// Packets have come to the own socket of a track, which is named by its place among the media.
    Packets { slot: usize, track: usize },
    /// Reports have come to it.
    Reports { slot: usize, track: usize },
    /// The camera of that number has something, or takes something.
    Camera(usize),
    /// Somebody asks for the announcement of the room of that number.
    Room(usize),
}

impl Event {
    /// The token that stands for it.
    pub(crate) const fn token(self) -> Token {
        let (kind, index) = match self {
            Self::Timer => (0, 0),
            Self::Signal => (1, 0),
            Self::Connecting => (2, 0),
            Self::Found => (3, 0),
            Self::Connection(place) => (4, place),
            Self::Asked(slot) => (5, slot),
            Self::Packets { slot, track } => (6, slot * TRACKS_MAX + track),
            Self::Reports { slot, track } => (7, slot * TRACKS_MAX + track),
            Self::Camera(number) => (8, number),
            Self::Room(number) => (9, number),
        };
        Token(index * KINDS + kind)
    }

    /// What a token stands for.
    pub(crate) const fn of(Token(token): Token) -> Self {
        let index = token / KINDS;
        let (slot, track) = (index / TRACKS_MAX, index % TRACKS_MAX);
        match token % KINDS {
            0 => Self::Timer,
            1 => Self::Signal,
            2 => Self::Connecting,
            3 => Self::Found,
            4 => Self::Connection(index),
            5 => Self::Asked(index),
            6 => Self::Packets { slot, track },
            7 => Self::Reports { slot, track },
            8 => Self::Camera(index),
            _ => Self::Room(index),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_comes_back_as_what_it_means() {
        let mut all = vec![Event::Timer, Event::Signal, Event::Connecting, Event::Found];
        for slot in 0..40 {
            all.extend([Event::Connection(slot), Event::Asked(slot)]);
            all.extend([Event::Camera(slot), Event::Room(slot)]);
            for track in 0..TRACKS_MAX {
                all.extend([Event::Packets { slot, track }, Event::Reports { slot, track }]);
            }
        }
        let mut tokens: Vec<_> = all.iter().map(|it| it.token()).collect();
        assert_eq!(tokens.iter().map(|it| Event::of(*it)).collect::<Vec<_>>(), all);
        tokens.sort_unstable();
        tokens.dedup();
        assert_eq!(tokens.len(), all.len());
    }
}
