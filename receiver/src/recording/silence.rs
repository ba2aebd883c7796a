//! Where the sound of a recording has got to, and how much of it is missing: silence stands for that, so that
//! whatever is made of the sound alone keeps the pace of the pictures.

use crate::recorder::AudioTrack;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_wire::rtp::ExtendedTime;

/// RTP time tells to the sample how much is missing. Where it and the recording's time differ by more than this,
/// the sender's time has jumped, and the recording's tells; what one packet's time is off by
/// is less.
const AGREE: Delay = Delay::from_millis(500);

/// Pictures and sound never begin at once. Sound that begins later than the recording by less than this
/// is left as it came: nobody hears that it is not with the pictures.
const BEGIN: Delay = Delay::from_millis(100);

const SECOND_NANOS: i128 = 1_000_000_000;

/// Sound on its way through the recording.
#[derive(Clone, Copy, Debug)]
pub(super) struct SoundLine {
    track: AudioTrack,
    /// Where what was written last begins, and how many sample frames there are from there on.
    from: Monotonic,
    frames: i64,
    /// What follows it, if it is of that source.
    next: Option<(u32, ExtendedTime)>,
    /// Sample frames by which RTP time has said more than the recording's time.
    excess: i64,
}

impl SoundLine {
    /// Sound that is to begin at `start`.
    pub(super) const fn new(track: AudioTrack, start: Monotonic) -> Self {
        Self { track, from: start, frames: 0, next: None, excess: 0 }
    }

    /// How far there is sound.
    pub(super) fn end(&self) -> Monotonic {
        let nanos = i128::from(self.frames) * SECOND_NANOS / i128::from(self.track.rate.max(1));
        self.from + Delay::from_nanos(i64::try_from(nanos).unwrap_or(i64::MAX))
    }

    /// Sample frames that are missing until `at`.
    pub(super) fn missing_until(&self, at: Monotonic) -> i64 {
        let nanos = i128::from((at - self.end()).nanos());
        let frames = nanos * i128::from(self.track.rate) / SECOND_NANOS;
        i64::try_from(frames).unwrap_or(0).max(0)
    }

    /// Sample frames that are missing before what begins at `at` and has that RTP time of that source. RTP time
    /// is believed as long as it does not say more, packet after packet, than has passed.
    pub(super) fn missing_before(&mut self, at: Monotonic, source: u32, time: ExtendedTime) -> i64 {
        let by_time = self.missing_until(at);
        if self.frames == 0 && at - self.from < BEGIN {
            return 0;
        }
        let Some((_, next)) = self.next.filter(|(last, _)| *last == source) else { return by_time };
        let by_samples = time.ticks_since(next).max(0);
        let agree = i128::from(AGREE.nanos()) * i128::from(self.track.rate) / SECOND_NANOS;
        let more = by_samples.saturating_sub(by_time);
        let excess = self.excess.saturating_add(more).max(0);
        if i128::from(more).abs() > agree || i128::from(excess) > agree {
            return by_time;
        }
        self.excess = excess;
        by_samples
    }

    /// So many sample frames of silence were written.
    pub(super) fn silence(&mut self, frames: i64) {
        self.frames = self.frames.saturating_add(frames);
        self.next = self.next.map(|(source, next)| (source, next.offset(frames)));
    }

    /// So many sample frames were written that begin at `at` and have that RTP time of that source.
    pub(super) fn sound(&mut self, at: Monotonic, source: u32, time: ExtendedTime, frames: i64) {
        (self.from, self.frames) = (at, frames);
        self.next = Some((source, time.offset(frames)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Coding;

    const MS: i64 = 1_000_000;
    const TRACK: AudioTrack = AudioTrack { rate: 48_000, channels: 2, coding: Coding::Pcm };

    fn line() -> SoundLine {
        let mut line = SoundLine::new(TRACK, Monotonic(0));
        line.sound(Monotonic(1000 * MS), 1, ExtendedTime(7000), 240);
        line
    }

    #[test]
    fn a_hole_is_known_to_the_sample_however_its_end_is_stamped() {
        for off in [-300 * MS, -1, 0, 1, 300 * MS] {
            let at = Monotonic(15_005 * MS + off);
            assert_eq!(
                line().missing_before(at, 1, ExtendedTime(7240 + 672_000)),
                672_000,
                "{off}"
            );
            assert_eq!(
                line().missing_before(Monotonic(1005 * MS + off), 1, ExtendedTime(7240)),
                0,
                "{off}"
            );
        }
    }

    #[test]
    fn another_source_and_another_time_line_are_placed_by_time() {
        let at = Monotonic(3005 * MS);
        assert_eq!(line().missing_before(at, 2, ExtendedTime(7240)), 96_000);
        assert_eq!(line().missing_before(at, 1, ExtendedTime(1 << 31)), 96_000);
        assert_eq!(line().missing_before(at, 1, ExtendedTime(7240)), 96_000);
        assert_eq!(line().missing_before(Monotonic(0), 2, ExtendedTime(0)), 0);
    }

    #[test]
    fn sound_that_begins_with_the_pictures_is_left_as_it_came() {
        let mut line = SoundLine::new(TRACK, Monotonic(0));
        assert_eq!(line.missing_before(Monotonic(99 * MS), 1, ExtendedTime(0)), 0);
        assert_eq!(line.missing_before(Monotonic(100 * MS), 1, ExtendedTime(0)), 4800);
    }

    #[test]
    fn rtp_time_that_runs_ahead_makes_no_more_silence_than_time_that_has_passed() {
        let (mut line, mut time, mut written) = (line(), ExtendedTime(7240), 0);
        for packet in 1..=10_000 {
            // A packet of one sample a millisecond, and nearly half a second of RTP time between them.
            let at = Monotonic((1005 + packet) * MS);
            time = time.offset(23_000);
            let missing = line.missing_before(at, 1, time);
            line.silence(missing);
            line.sound(at, 1, time, 1);
            written += missing;
        }
        assert!(written <= 48 * 10_000 + 24_000, "{written}");
    }

    #[test]
    fn silence_ahead_of_sound_is_not_written_twice() {
        let mut line = line();
        assert_eq!(line.missing_until(Monotonic(11_005 * MS)), 480_000);
        line.silence(480_000);
        assert_eq!(line.end(), Monotonic(11_005 * MS));
        assert_eq!(
            line.missing_before(Monotonic(15_005 * MS), 1, ExtendedTime(7240 + 672_000)),
            192_000
        );
        assert_eq!(line.missing_before(Monotonic(9000 * MS), 1, ExtendedTime(7240 + 384_000)), 0);
    }

    #[test]
    fn no_time_overflows() {
        let mut line = SoundLine::new(
            AudioTrack { rate: u32::MAX, channels: 8, ..TRACK },
            Monotonic(i64::MIN),
        );
        assert_eq!(line.missing_until(Monotonic(i64::MIN)), 0);
        line.silence(i64::MAX);
        line.sound(Monotonic(i64::MAX), 1, ExtendedTime(i64::MAX), i64::MAX);
        assert_eq!(line.missing_before(Monotonic(i64::MAX), 1, ExtendedTime(i64::MIN)), 0);
    }
}
