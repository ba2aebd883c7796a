//! How loud a sender is at the moment that is heard. Sound comes earlier than it is heard: what comes is kept by the time
//! that it is due.

use std::sync::{Mutex, PoisonError};
use streamsocket_media::clock::{Delay, Monotonic};

/// Sound is summed up over so long.
const PIECE: Delay = Delay::from_millis(20);

/// How far back loudness goes: a word lasts longer.
const WINDOW: Delay = Delay::from_millis(300);

/// Pieces that are kept: those between arrival and the end of the longest latency, 5 s, and the window.
const PIECES: usize = 272;

/// A piece of sound.
#[derive(Clone, Copy, Debug, Default)]
struct Piece {
    number: i64,
    /// Sum of the squares of its samples.
    squares: u64,
    samples: u64,
}

/// The loudness of one sender.
#[derive(Debug)]
pub struct Level(Mutex<[Piece; PIECES]>);

impl Default for Level {
    fn default() -> Self {
        Self(Mutex::new([Piece::default(); PIECES]))
    }
}

impl Level {
    /// Takes samples of which the first is due at `due`.
    pub fn add(&self, samples: &[i16], due: Monotonic) {
        let number = due.0.div_euclid(PIECE.nanos());
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let piece = &mut pieces[place(number)];
        if piece.number != number {
            *piece = Piece { number, ..Piece::default() };
        }
        let square = |sample: &i16| u64::from(sample.unsigned_abs()).pow(2);
        piece.squares += samples.iter().map(square).sum::<u64>();
        piece.samples += samples.len() as u64;
    }

    /// The root mean square of what was due in the last 300 ms, where 1 is the loudest that there can be. What is missing is
    /// silence.
    #[must_use]
    pub fn at(&self, now: Monotonic) -> f32 {
        let last = now.0.div_euclid(PIECE.nanos()) - 1;
        let count = WINDOW.nanos() / PIECE.nanos();
        let pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let means = (0..count).map(|back| {
            let number = last - back;
            let piece = pieces[place(number)];
            let is_it = piece.number == number && piece.samples > 0;
            if is_it { to_f32(piece.squares) / to_f32(piece.samples) } else { 0.0 }
        });
        (means.sum::<f32>() / to_f32(count.unsigned_abs())).sqrt() / f32::from(i16::MAX)
    }
}

fn place(number: i64) -> usize {
    let pieces = i64::try_from(PIECES).unwrap_or(1);
    usize::try_from(number.rem_euclid(pieces)).unwrap_or(0)
}

#[expect(clippy::cast_precision_loss, reason = "a loudness")]
const fn to_f32(value: u64) -> f32 {
    value as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    #[test]
    fn what_is_heard_now_counts_and_not_what_has_come() {
        let level = Level::default();
        // Half a second, due a second later.
        for packet in 0..100 {
            level.add(&[16_384; 240], Monotonic((1000 + 5 * packet) * MS));
        }
        let at = |millis| level.at(Monotonic(millis * MS));
        assert!(at(500) == 0.0 && at(1000) == 0.0, "not yet");
        assert!((at(1320) - 0.5).abs() < 0.01, "{}", at(1320));
        // Half of the window is silence.
        assert!((at(1650) - 0.5 * 0.5_f32.sqrt()).abs() < 0.03, "{}", at(1650));
        assert!(at(1820) == 0.0, "over");
        // The same place of the ring, much later.
        assert!(at(1320 + 20 * i64::try_from(PIECES).unwrap()) == 0.0);
    }

    #[test]
    fn the_loudest_is_one_and_silence_nothing() {
        let level = Level::default();
        for packet in 0..80 {
            level.add(&[i16::MIN; 480], Monotonic(5 * packet * MS));
        }
        assert!((level.at(Monotonic(390 * MS)) - 1.0).abs() < 0.001);
        level.add(&[0; 480], Monotonic(i64::MIN + 1));
        level.add(&[], Monotonic(0));
    }
}
