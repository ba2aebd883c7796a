//! What waits to be mixed, and how it is: sample by sample, as loud as it is, and no louder than a card can play. No clock is
//! read here and no card is asked.

use std::collections::VecDeque;

/// Channels of the mix.
pub(super) const CHANNELS: usize = 2;

/// Sample frames a second of the mix: what nearly all cards play as it is.
pub(super) const RATE: u32 = 48_000;

/// Sample frames that are mixed at a time: 5 ms, as long as a packet.
pub(super) const PERIOD: usize = 240;

/// Sample frames that wait at most: 200 ms, as in the buffer of a card that has one sender to itself.
pub(super) const HELD_MAX: usize = 40 * PERIOD;

/// Playing starts with one period and the next one queued, as on a card.
const START: usize = 2 * PERIOD;

/// What waits of one sender.
struct Place {
    samples: VecDeque<i16>,
    playing: bool,
    underruns: u64,
}

/// What waits of all.
#[derive(Default)]
pub(super) struct Table {
    places: Vec<Option<Place>>,
    sums: Vec<i32>,
}

impl Table {
    /// A place for a sender.
    pub(super) fn add(&mut self) -> usize {
        let place = Place {
            samples: VecDeque::with_capacity(HELD_MAX * CHANNELS),
            playing: false,
            underruns: 0,
        };
        if let Some(free) = self.places.iter().position(Option::is_none) {
            self.places[free] = Some(place);
            return free;
        }
        self.places.push(Some(place));
        self.places.len() - 1
    }

    /// The sender is gone.
    pub(super) fn remove(&mut self, at: usize) {
        if let Some(place) = self.places.get_mut(at) {
            *place = None;
        }
    }

    fn place(&self, at: usize) -> Option<&Place> {
        self.places.get(at)?.as_ref()
    }

    /// Sample frames that wait.
    pub(super) fn held(&self, at: usize) -> usize {
        self.place(at).map_or(0, |place| place.samples.len() / CHANNELS)
    }

    /// Whether it is mixed.
    pub(super) fn is_playing(&self, at: usize) -> bool {
        self.place(at).is_some_and(|place| place.playing)
    }

    /// How often too little of it was there.
    pub(super) fn underruns(&self, at: usize) -> u64 {
        self.place(at).map_or(0, |place| place.underruns)
    }

    /// Takes samples, as many as there is room for.
    pub(super) fn push(&mut self, at: usize, samples: &[i16]) {
        let Some(Some(place)) = self.places.get_mut(at) else { return };
        let room = HELD_MAX * CHANNELS - place.samples.len();
        place.samples.extend(samples.iter().take(room));
        place.playing |= place.samples.len() >= START * CHANNELS;
    }

    /// Forgets what waits.
    pub(super) fn clear(&mut self, at: usize) {
        if let Some(Some(place)) = self.places.get_mut(at) {
            place.samples.clear();
            place.playing = false;
        }
    }

    /// Fills `out` with the next samples of all that play. One of which too little is there stops playing.
    pub(super) fn mix(&mut self, out: &mut [i16]) {
        self.sums.clear();
        self.sums.resize(out.len(), 0);
        for place in self.places.iter_mut().flatten().filter(|place| place.playing) {
            let there = place.samples.len().min(out.len());
            for (sum, sample) in self.sums.iter_mut().zip(place.samples.drain(..there)) {
                *sum += i32::from(sample);
            }
            if there < out.len() {
                place.playing = false;
                place.underruns += 1;
            }
        }
        for (out, sum) in out.iter_mut().zip(&self.sums) {
            let loudest = if *sum < 0 { i16::MIN } else { i16::MAX };
            *out = i16::try_from(*sum).unwrap_or(loudest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(sample: i16) -> Vec<i16> {
        vec![sample; PERIOD * CHANNELS]
    }

    fn mixed(table: &mut Table) -> [i16; 2] {
        let mut out = period(1);
        table.mix(&mut out);
        [out[0], out[PERIOD * CHANNELS - 1]]
    }

    #[test]
    fn all_are_heard_and_none_is_louder_than_a_card_can_play() {
        let mut table = Table::default();
        let [one, two] = [(); 2].map(|()| table.add());
        assert_eq!(mixed(&mut table), [0, 0], "silence");
        for (at, sample) in [(one, 20_000), (two, -3_000)] {
            table.push(at, &period(sample));
            assert!(!table.is_playing(at), "the second period is missing");
            table.push(at, &period(sample));
        }
        assert_eq!(mixed(&mut table), [17_000, 17_000]);
        table.clear(two);
        table.push(two, &[period(30_000), period(-30_000)].concat());
        assert_eq!(mixed(&mut table), [i16::MAX; 2]);
        table.push(one, &period(-20_000));
        assert_eq!(mixed(&mut table), [i16::MIN; 2]);
    }

    #[test]
    fn one_of_which_nothing_comes_stops_and_the_others_go_on() {
        let mut table = Table::default();
        let [one, two] = [(); 2].map(|()| table.add());
        table.push(one, &[period(5), period(5), vec![5; 2]].concat());
        table.push(two, &period(7).repeat(4));
        assert_eq!([mixed(&mut table), mixed(&mut table)], [[12; 2]; 2]);
        assert_eq!(mixed(&mut table), [12, 7], "its last sample frame");
        assert_eq!((table.is_playing(one), table.underruns(one)), (false, 1));
        assert_eq!((mixed(&mut table), table.underruns(two)), ([7; 2], 0));
        table.remove(two);
        assert_eq!(table.add(), two, "its place is taken");
        assert_eq!((table.held(two), table.underruns(two)), (0, 0));
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut table = Table::default();
        let at = table.add();
        (0..100).for_each(|_| table.push(at, &period(1)));
        assert_eq!(table.held(at), HELD_MAX);
        table.push(99, &period(1));
        assert_eq!((table.held(99), table.is_playing(99)), (0, false), "nobody's");
    }
}
