//! Who speaks, by how loud all are. No clock is read here.

use std::time::Duration;
use streamsocket_media::clock::Monotonic;

/// The root mean square of speech at some distance: -46 dB. What is softer is a room without anybody who speaks.
const SPEECH: f32 = 0.005;

/// Who speaks does so until this is left of that.
const PAUSE: f32 = SPEECH / 2.0;

/// Another one is taken for the one who speaks if twice as loud (6 dB) ...
const LOUDER: f32 = 2.0;

/// ... for so long: a cough is over then.
const CERTAIN: Duration = Duration::from_millis(300);

/// After so long in silence nobody speaks: pauses between sentences are shorter.
const SILENCE: Duration = Duration::from_millis(1500);

/// Who speaks.
#[derive(Debug, Default)]
pub(super) struct Speaking {
    /// Who does, and when that one was last heard.
    now: Option<(u64, Monotonic)>,
    /// Who is about to, and since when.
    next: Option<(u64, Monotonic)>,
}

impl Speaking {
    /// Who speaks, if these are as loud as that at `at`.
    pub(super) fn turn(
        &mut self,
        levels: impl Iterator<Item = (u64, f32)> + Clone,
        at: Monotonic,
    ) -> Option<u64> {
        let level = |who| levels.clone().find(|(it, _)| *it == who).map(|(_, level)| level);
        self.now = self.now.and_then(|(who, heard)| {
            let own = level(who)?;
            let heard = if own >= PAUSE { at } else { heard };
            (at.since(heard) < SILENCE).then_some((who, heard))
        });
        let loudest = levels.clone().max_by(|one, other| one.1.total_cmp(&other.1));
        let loudest = loudest.filter(|(_, level)| *level >= SPEECH);
        let Some((now, _)) = self.now else {
            self.now = loudest.map(|(who, _)| (who, at));
            self.next = None;
            return self.who();
        };
        let louder = |(who, loud): &(u64, f32)| {
            *who != now && *loud >= LOUDER * level(now).unwrap_or_default()
        };
        self.next = loudest.filter(louder).map(|(who, _)| match self.next {
            Some((next, since)) if next == who => (who, since),
            _ => (who, at),
        });
        if let Some((who, _)) = self.next.filter(|(_, since)| at.since(*since) >= CERTAIN) {
            (self.now, self.next) = (Some((who, at)), None);
        }
        self.who()
    }

    fn who(&self) -> Option<u64> {
        self.now.map(|(who, _)| who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who is marked after each tenth of a second, of two who are as loud as that.
    fn marked(levels: impl Iterator<Item = [f32; 2]>) -> Vec<Option<u64>> {
        let mut speaking = Speaking::default();
        let at = |tenth: i64| Monotonic(tenth * 100_000_000);
        let turn = |(tenth, [one, two]): (i64, [f32; 2])| {
            speaking.turn([(1, one), (2, two)].into_iter(), at(tenth))
        };
        (0..).zip(levels).map(turn).collect()
    }

    fn changes(marked: &[Option<u64>]) -> usize {
        marked.windows(2).filter(|two| two[0] != two[1]).count()
    }

    #[test]
    fn who_speaks_is_marked_at_once_and_until_silence() {
        let mut levels = vec![[0.001, 0.001]; 10];
        levels.extend(vec![[0.001, 0.05]; 10]);
        levels.extend(vec![[0.001, 0.001]; 20]);
        let marked = marked(levels.into_iter());
        assert_eq!(marked[9..11], [None, Some(2)]);
        assert_eq!((marked[30], marked[36], changes(&marked)), (Some(2), None, 2));
    }

    #[test]
    fn the_mark_does_not_flicker() {
        // Two who speak equally loud, word by word.
        let words = (0..600).map(|tenth| {
            let loud = if tenth / 2 % 2 == 0 { 0.06 } else { 0.04 };
            [loud, 0.1 - loud]
        });
        assert_eq!(changes(&marked(words)), 0);
        // A cough of the other.
        let cough = (0..100).map(|tenth| [0.03, if (50..52).contains(&tenth) { 0.5 } else { 0.0 }]);
        assert_eq!(changes(&marked(cough)), 0);
        // Around what is taken for speech.
        let soft = (0..100).map(|tenth| [if tenth % 3 == 0 { 0.0052 } else { 0.0045 }, 0.0]);
        assert_eq!(changes(&marked(soft)), 0);
    }

    #[test]
    fn the_next_one_to_speak_is_marked_soon_and_one_who_leaves_never() {
        let turns = (0..40).map(|tenth| if tenth < 20 { [0.1, 0.0] } else { [0.02, 0.1] });
        let marked = marked(turns);
        let first = marked.iter().position(|who| *who == Some(2)).unwrap();
        assert!((22..=24).contains(&first), "{first}");
        let mut speaking = Speaking::default();
        assert_eq!(speaking.turn([(1, 0.1)].into_iter(), Monotonic(0)), Some(1));
        assert_eq!(speaking.turn([(2, 0.0)].into_iter(), Monotonic(1)), None);
        assert_eq!(speaking.turn(std::iter::empty(), Monotonic(2)), None);
    }
}
