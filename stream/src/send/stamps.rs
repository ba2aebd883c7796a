//! Whether a driver's stamps are capture times. Drivers stamp with the wrong clock, with none, or now
//! and then with rubbish (Linux media documentation, "Buffers": `v4l2_buffer.timestamp`); a wrong
//! stamp that is believed moves the picture against its sound. One that cannot be true gives way to the time
//! of arrival.

use core::fmt;
use streamsocket_media::clock::Monotonic;

/// Stamps are believed if they are older than the arrival by this at most, in nanoseconds...
const AGE_MAX: i64 = 500_000_000;

/// ... or by a frame interval, which a slow camera exposes for, and as long as this to transfer it, in nanoseconds.
const TRANSFER_MAX: i64 = 200_000_000;

/// A stamp may be so much ahead of its arrival, in nanoseconds: the loop has read its clock a moment
/// before the buffer was filled.
const AHEAD_MAX: i64 = 5_000_000;

/// Over so long, in nanoseconds, the least age counts: pictures that waited because we were held up are
/// old, but not all of them for so long.
const WINDOW_NANOS: i64 = 2_000_000_000;

/// The least age of an honest camera moves by less than this from window to window, in nanoseconds: half
/// a per cent of a wrong rate. Exposure that changes moves it once.
const DRIFT_MAX: i64 = 10_000_000;

/// Windows in a row that have to drift the same way until the rate is wrong...
const DRIFTS_MAX: i8 = 3;

/// ... and by how much in all, in nanoseconds: exposure that grows at dusk makes less.
const DRIFTED_MAX: i64 = 200_000_000;

/// A refused stamp counts as much as so many that were believed...
const REFUSED_WEIGHT: u8 = 4;

/// ... and when so many more have gathered than were paid off, the driver is not asked any more: one
/// stamp in five is wrong, eight times at the least.
const DISTRUST_MAX: u8 = 32;

/// What is wrong with a stamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It is that of the picture before.
    Repeats,
    /// It lies before that of the picture before.
    GoesBack,
    /// It lies so many nanoseconds after its arrival.
    Ahead(i64),
    /// It lies so many nanoseconds before its arrival.
    Old(i64),
    /// Stamps run faster or slower than the clock that they should be of.
    Rate,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |nanos: i64| nanos / 1_000_000_000;
        let millis = |nanos: i64| nanos / 1_000_000 % 1000;
        match *self {
            Self::Repeats => f.write_str("is the one of the picture before"),
            Self::GoesBack => f.write_str("is earlier than the one before"),
            Self::Ahead(by) => {
                write!(f, "is {}.{:03} s later than its arrival", seconds(by), millis(by))
            }
            Self::Old(by) => {
                write!(f, "is {}.{:03} s earlier than its arrival", seconds(by), millis(by))
            }
            Self::Rate => f.write_str("belongs to a clock that runs at another rate"),
        }
    }
}

/// What a picture's capture time is taken to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The stamp, or what takes its place.
    pub capture: Monotonic,
    /// Why the stamp is not believed.
    pub doubt: Option<Doubt>,
}

/// The stamps of one camera since it was opened.
#[derive(Clone, Copy, Debug)]
pub struct Stamps {
    /// How old they may be, in nanoseconds.
    age_max: i64,
    /// The last one that was believed.
    last: Option<Monotonic>,
    /// Since when all have been too old.
    old_since: Option<Monotonic>,
    /// When the window began, the least age in it, and that of the window before.
    window: Option<(Monotonic, i64)>,
    before: Option<i64>,
    /// Windows in a row in which the least age grew, below 0: shrank; and by how much in all.
    drifts: i8,
    drifted: i64,
    distrust: u8,
    /// Why they are not believed any more, whatever they say.
    condemned: Option<Doubt>,
}

impl Stamps {
    /// Those of a camera with a frame every `interval` nanoseconds.
    #[must_use]
    pub fn new(interval: i64) -> Self {
        Self {
            age_max: AGE_MAX.max(interval.saturating_add(TRANSFER_MAX)),
            last: None,
            old_since: None,
            window: None,
            before: None,
            drifts: 0,
            drifted: 0,
            distrust: 0,
            condemned: None,
        }
    }

    /// Why no stamp of this camera is believed any more, if so.
    #[must_use]
    pub const fn condemned(&self) -> Option<Doubt> {
        self.condemned
    }

    /// Judges the stamp of a picture that arrived at `arrival`. Pictures come in order.
    pub fn judge(&mut self, stamp: Monotonic, arrival: Monotonic) -> Judgement {
        let doubt = self.condemned.or_else(|| self.doubt(stamp, arrival));
        let Some(doubt) = doubt else {
            self.distrust = self.distrust.saturating_sub(1);
            self.last = Some(stamp);
            self.measure(arrival.nanos_since(stamp), arrival);
            return Judgement { capture: stamp, doubt: None };
        };
        let capture = match self.condemned {
            Some(_) => arrival,
            None => self.stand_in(arrival),
        };
        Judgement { capture, doubt: Some(doubt) }
    }

    /// What is wrong with a stamp, if something is.
    fn doubt(&mut self, stamp: Monotonic, arrival: Monotonic) -> Option<Doubt> {
        let age = arrival.nanos_since(stamp);
        if age <= self.age_max {
            self.old_since = None;
        }
        let doubt = if age < -AHEAD_MAX {
            Doubt::Ahead(age.saturating_neg())
        } else if self.last == Some(stamp) {
            Doubt::Repeats
        } else if self.last.is_some_and(|last| stamp < last) {
            Doubt::GoesBack
        } else if self.drifts.abs() >= DRIFTS_MAX && self.drifted.abs() >= DRIFTED_MAX {
            return Some(self.condemn(Doubt::Rate));
        } else if age > self.age_max {
            let since = *self.old_since.get_or_insert(arrival);
            if arrival.nanos_since(since) >= WINDOW_NANOS {
                return Some(self.condemn(Doubt::Old(age)));
            }
            // Who was honest before is believed: we may have been held up ourselves.
            return self.last.is_none().then_some(Doubt::Old(age));
        } else {
            return None;
        };
        self.distrust = self.distrust.saturating_add(REFUSED_WEIGHT);
        if self.distrust >= DISTRUST_MAX {
            self.condemned = Some(doubt);
        }
        Some(doubt)
    }

    const fn condemn(&mut self, doubt: Doubt) -> Doubt {
        self.condemned = Some(doubt);
        doubt
    }

    /// Arrival less the age that pictures of this camera have at the least.
    fn stand_in(&self, arrival: Monotonic) -> Monotonic {
        let ages = [self.before, self.window.map(|(_, least)| least)];
        let age = ages.into_iter().flatten().min().unwrap_or(0);
        arrival.offset(-age.clamp(0, self.age_max))
    }

    fn measure(&mut self, age: i64, arrival: Monotonic) {
        match &mut self.window {
            Some((began, least)) if arrival.nanos_since(*began) < WINDOW_NANOS => {
                *least = age.min(*least);
            }
            window => {
                let done = window.replace((arrival, age)).map(|(_, least)| least);
                self.compare(done);
            }
        }
    }

    /// Compares the least age of a window that is over with that of the one before.
    fn compare(&mut self, done: Option<i64>) {
        let change = done.zip(self.before).map_or(0, |(done, before)| done - before);
        let goes_on = change.abs() >= DRIFT_MAX && change.signum() * i64::from(self.drifts) > 0;
        if !goes_on {
            (self.drifts, self.drifted) = (0, 0);
        }
        if change.abs() >= DRIFT_MAX {
            self.drifts = self.drifts.saturating_add(if change > 0 { 1 } else { -1 });
            self.drifted = self.drifted.saturating_add(change);
        }
        self.before = done;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: i64 = 1_000_000;
    const FRAME: i64 = 33 * MS;
    /// What a picture takes from its stamp to its arrival.
    const AGE: i64 = 20 * MS;
    /// When the camera began to stream: machines have been up for a while.
    const BEGAN: i64 = 2_440_000 * MS;

    /// Lets so many pictures arrive, 33 ms apart, with stamps of `stamp(index, honest stamp)`; returns
    /// how far each capture time is from the honest one, in milliseconds, and how many were refused.
    fn judge(frames: i64, stamp: impl Fn(i64, i64) -> i64) -> (Vec<i64>, usize, Option<Doubt>) {
        let mut stamps = Stamps::new(FRAME);
        let mut refused = 0;
        let off = (0..frames).map(|index| {
            let honest = BEGAN + index * FRAME;
            let judged = stamps.judge(Monotonic(stamp(index, honest)), Monotonic(honest + AGE));
            refused += usize::from(judged.doubt.is_some());
            (judged.capture.0 - honest) / MS
        });
        let off = off.collect();
        (off, refused, stamps.condemned())
    }

    #[test]
    fn an_honest_camera_is_believed() {
        let (off, refused, condemned) = judge(1000, |index, honest| honest + index % 7 * MS);
        assert!(off.iter().all(|off| *off < 7), "{off:?}");
        assert_eq!((refused, condemned), (0, None));
    }

    #[test]
    fn stamps_of_no_clock_and_of_other_clocks_are_never_believed() {
        type Lie = fn(i64, i64) -> i64;
        let lies: [(&str, Lie); 7] = [
            ("none", |_, _| 0),
            ("always the same", |_, _| BEGAN - 5 * MS),
            ("from the stream's start", |_, honest| honest - BEGAN),
            ("wall clock", |_, honest| honest + 1_700_000_000_000 * MS),
            ("900 ms old", |_, honest| honest - 900 * MS),
            ("900 ms ahead", |_, honest| honest + 900 * MS),
            ("in pairs", |index, honest| honest - index % 2 * FRAME),
        ];
        for (lie, stamp) in lies {
            let (off, refused, condemned) = judge(1000, stamp);
            assert!(off.iter().all(|off| (-5..=20).contains(off)), "{lie}: {off:?}");
            assert!(refused > 900 && condemned.is_some(), "{lie}: {refused} refused");
        }
    }

    #[test]
    fn one_bad_stamp_costs_one_picture() {
        for lie in [60_000 * MS, 5_000 * MS, -5_000 * MS] {
            let (off, refused, condemned) =
                judge(1000, |index, honest| honest + if index % 100 == 45 { lie } else { 0 });
            assert!(off.iter().all(|off| *off == 0), "{lie}: {off:?}");
            assert_eq!((refused, condemned), (10, None), "{lie}");
        }
    }

    #[test]
    fn a_late_read_is_no_lie() {
        let mut stamps = Stamps::new(FRAME);
        let mut honest = BEGAN;
        for round in 0..20 {
            for _ in 0..60 {
                honest += FRAME;
                let judged = stamps.judge(Monotonic(honest), Monotonic(honest + AGE));
                assert_eq!(judged, Judgement { capture: Monotonic(honest), doubt: None });
            }
            // Held up for three seconds, in which the driver fills the seven buffers that it has.
            let late = honest + 3_000 * MS;
            for _ in 0..7 {
                honest += FRAME;
                let judged = stamps.judge(Monotonic(honest), Monotonic(late));
                assert_eq!(judged.doubt, None, "round {round}");
            }
            honest = late;
        }
    }

    #[test]
    fn a_late_begin_is_no_lie_either() {
        let (off, refused, condemned) = {
            let mut stamps = Stamps::new(FRAME);
            let mut off = Vec::new();
            for index in 0..7 {
                let judged =
                    stamps.judge(Monotonic(BEGAN + index * FRAME), Monotonic(BEGAN + 3_000 * MS));
                off.push(judged.doubt.is_some());
            }
            let honest = BEGAN + 3_000 * MS;
            let judged = stamps.judge(Monotonic(honest), Monotonic(honest + AGE));
            (judged.capture.0 - honest, off.iter().filter(|off| **off).count(), stamps.condemned())
        };
        assert_eq!((off, refused, condemned), (0, 7, None));
    }

    #[test]
    fn a_clock_that_runs_at_another_rate_is_found_out() {
        for per_mille in [990, 1010, 500, 2000, 900] {
            let (off, _, condemned) =
                judge(2000, |_, honest| BEGAN + (honest - BEGAN) * per_mille / 1000);
            let worst = off.iter().map(|off| off.abs()).max();
            assert!(condemned.is_some() && worst < Some(1500), "{per_mille}: {worst:?}");
            assert_eq!(off.last(), Some(&20), "{per_mille}: {condemned:?}");
        }
    }

    #[test]
    fn slow_cameras_and_exposure_that_grows_are_honest() {
        // A second to expose, 0.1 to transfer.
        let mut stamps = Stamps::new(1_000 * MS);
        for picture in 0..100 {
            let honest = BEGAN + picture * 1_000 * MS;
            let jitter = picture * 7_919 % 40 * MS;
            let judged = stamps.judge(Monotonic(honest), Monotonic(honest + 1_100 * MS + jitter));
            assert_eq!(judged.doubt, None, "{picture}");
        }
        // From 1/30 to 1/6 of a second within eight seconds.
        let (_, refused, _) =
            judge(1000, |index, honest| honest - (index - 300).clamp(0, 240) * 133 * MS / 240);
        assert_eq!(refused, 0);
    }

    #[test]
    fn exposure_that_changes_is_no_rate() {
        let (off, refused, condemned) =
            judge(2000, |index, honest| honest - 30 * MS * i64::from(index / 300 % 2 == 1));
        assert!(off.iter().all(|off| [0, -30].contains(off)));
        // A picture whose exposure is longer by more than a frame would lie before the last one.
        assert_eq!((refused, condemned), (0, None));
    }
}
