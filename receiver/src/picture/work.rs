//! How long decoding takes from when a frame is there, which the latency has to allow for. Nothing is decoded
//! here and no clock is read.

use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_stream::receive::spread::Spread;

/// Of the time that decoding takes, what only so many in 10,000 exceed.
const BEYOND: u64 = 10;

/// The first frames take longer: memory is fetched, and the program is still being read from the disk.
const FIRST_FRAMES: u64 = 10;

/// Who took longer was stopped or suspended, which no latency makes up for.
const TAKEN_MAX: Delay = Delay::from_millis(250);

/// What decoding has taken lately.
#[derive(Debug, Default)]
pub(super) struct Work {
    spread: Spread,
    frames: u64,
    /// What piled up while a machine stood still waits for its like, and says nothing of decoding.
    piled: bool,
}

impl Work {
    /// The next frame would have come at `undelayed`; a machine that stood still went on at `stopped`. If
    /// nothing waited before this frame, what had piled up is done.
    pub(super) fn next(&mut self, undelayed: Monotonic, stopped: Option<Monotonic>, idle: bool) {
        let held_up = stopped.is_some_and(|stopped| undelayed < stopped);
        self.piled = held_up || self.piled && !idle;
    }

    /// It took so long. Returns what nearly all take, if there is news of it.
    pub(super) fn took(&mut self, taken: Delay, now: Monotonic) -> Option<Delay> {
        self.frames += 1;
        if taken >= TAKEN_MAX || self.frames <= FIRST_FRAMES || self.piled {
            return None;
        }
        self.spread.add(taken, now);
        self.spread.quantile(BEYOND)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;

    /// Frames of 30 a second, each decoded in 10 ms, one after the other; those captured in 15 s are handed over
    /// at their end, as far as there was room for them. What decoding is said to take a moment later.
    fn after_a_stop(stopped: Option<Monotonic>) -> i64 {
        let (stop, resumed) = (5000, 20_000);
        let (mut work, mut free, mut needed) = (Work::default(), Monotonic(0), Delay::ZERO);
        for captured in (0..22_000).step_by(33).filter(|at| !(stop + 800..resumed).contains(at)) {
            let stood_still = (stop..resumed).contains(&captured);
            let handed = Monotonic(if stood_still { resumed } else { captured } * MS);
            work.next(
                Monotonic(captured * MS),
                stopped.filter(|_| captured >= stop),
                free <= handed,
            );
            free = handed.max(free) + Delay::from_millis(10);
            needed = work.took(free - handed, free).unwrap_or(needed);
        }
        needed.millis()
    }

    #[test]
    fn what_piled_up_while_we_stood_still_says_nothing_of_decoding() {
        assert_eq!(after_a_stop(Some(Monotonic(20_000 * MS))), 10);
        assert!(after_a_stop(None) > 200, "{}", after_a_stop(None));
    }
}
