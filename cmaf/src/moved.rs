//! Fragments at another time: a file that plays by itself begins at 0, since players take the time at which it ends for its
//! length, and in a playlist it is where it was captured.

use crate::grid::Grid;
use crate::segmenter::tick;
use crate::track::Track;
use streamsocket_media::clock::Wall;

/// Boxes around the one that says when a fragment begins (ISO/IEC 14496-12 section 8.8.12).
const AROUND: [[u8; 4]; 2] = [*b"moof", *b"traf"];

/// The ticks of a track since 1970 with which a segment begins.
#[must_use]
pub fn begin(track: &Track, grid: Grid, number: u64) -> u64 {
    tick(grid.begin(number), track.timescale())
}

/// Puts fragments to where they were captured: the first of them at `at`, to the nearest tick.
pub fn place(media: &mut [u8], track: &Track, at: Wall) {
    let mut first = None;
    times(media, &mut |time| {
        first.get_or_insert(time);
        time
    });
    let Some(first) = first else { return };
    let ticks = i128::from(tick(at, track.timescale())) - i128::from(first);
    shift(media, i64::try_from(ticks).unwrap_or(0));
}

/// Makes all fragments in `media` (each a `moof` and its `mdat`) so many ticks later; as many as are left behind the begin of
/// time earlier, if they are negative. What is damaged stays as it is.
pub fn shift(media: &mut [u8], ticks: i64) {
    times(media, &mut |time| time.saturating_add_signed(ticks));
}

/// Gives each fragment another time of decoding.
fn times(media: &mut [u8], other: &mut dyn FnMut(u64) -> u64) {
    each(media, AROUND[0], &mut |moof| {
        each(moof, AROUND[1], &mut |traf| {
            each(traf, *b"tfdt", &mut |tfdt| {
                // Version 1: 64 bits, behind version and flags.
                if let (Some(1), Some(time)) = (tfdt.first().copied(), tfdt.get_mut(4..12)) {
                    let mut before = [0; 8];
                    before.copy_from_slice(time);
                    time.copy_from_slice(&other(u64::from_be_bytes(before)).to_be_bytes());
                }
            });
        });
    });
}

/// What is in each box of a kind.
fn each(mut bytes: &mut [u8], kind: [u8; 4], found: &mut dyn FnMut(&mut [u8])) {
    loop {
        let Some(Ok(size)) = bytes.get(..4).map(<[u8; 4]>::try_from) else { return };
        let size = u32::from_be_bytes(size) as usize;
        if size < 8 || size > bytes.len() {
            return;
        }
        let (this, rest) = bytes.split_at_mut(size);
        if this.get(4..8) == Some(&kind) {
            found(&mut this[8..]);
        }
        bytes = rest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fragment::{Entry, fragment};

    #[test]
    fn fragments_are_moved_and_back() {
        let track = Track::Aac { rate: 48_000, channels: 2 };
        let base = begin(&track, Grid::default(), 900_000_000);
        assert_eq!(base, 1_800_000_000 * 48_000);
        let entry = |byte| Entry { data: vec![byte; 40].into(), duration: 1024, key: true };
        let at = |time: u64| {
            let parts = [(1, time + 7), (2, time + 1031)];
            parts.map(|(number, time)| fragment(&track, number, time, &[entry(3)])).concat()
        };
        let mut media = at(base);
        let ticks = i64::try_from(base).unwrap();
        shift(&mut media, -ticks);
        assert_eq!(media, at(0));
        place(&mut media, &track, Wall(1_800_000_000_000_000_000 + 7 * 1_000_000_000 / 48_000));
        assert_eq!(media, at(base));
        for len in 0..media.len() {
            let mut torn = media[..len].to_vec();
            shift(&mut torn, 1);
        }
    }
}
