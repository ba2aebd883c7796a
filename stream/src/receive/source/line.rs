//! The line of a source's RTP time: whether a packet's time goes on with those before it. A damaged packet, or
//! one that somebody made up, must not move the clock; a source whose time really goes on elsewhere (a
//! relay, a film that begins again) is followed as soon as what comes next says the same.

use crate::receive::ticks;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_wire::rtp::{ExtendedTime, RtpTime};

/// Nothing is ahead of what came undelayed by more than this: capture is stamped as it
/// happens, and pictures are held back by less.
const AHEAD_MAX: Delay = Delay::from_millis(500);

/// Time that goes back by less has caught up before it is worth to begin anew.
const BACK_MAX: Delay = Delay::from_millis(400);

/// Reordered packets are older than this by no network.
const REORDERED_MAX: Delay = Delay::from_secs(2);

/// What was ahead once counts for less as time passes, in parts per million: clocks drift, and a sender's
/// may be slewed by 500. A pause of hours makes them differ by no more than half of [`AHEAD_MAX`].
const FORGET_PPM: i64 = 1000;

/// What became of a packet's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// It is believed: RTP time, extended.
    GoesOn(ExtendedTime),
    /// It contradicts those before it, and changes nothing.
    Contradicts,
    /// It contradicts them, too, but goes on with the last one that did: the source goes on there.
    Confirmed,
}

/// The RTP time of a source.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    rate: u32,
    /// Of the newest packet, extended.
    time: ExtendedTime,
    /// By how much the least delayed packets are ahead of their arrival, as of then.
    lead: (Delay, Monotonic),
    /// The last time that did not fit, and when it came.
    elsewhere: Option<(ExtendedTime, Monotonic)>,
}

impl Line {
    /// A line that begins with a packet.
    pub(super) fn new(rate: u32, time: RtpTime, arrival: Monotonic) -> Self {
        let mut line = Self {
            rate: rate.max(1),
            time: time.into(),
            lead: (Delay::ZERO, arrival),
            elsewhere: None,
        };
        line.lead.0 = line.ahead(line.time, arrival);
        line
    }

    /// The newest packet's time, extended.
    pub(super) const fn time(&self) -> ExtendedTime {
        self.time
    }

    /// The point nearest to the newest packet that is called so.
    pub(super) fn extend(&self, time: RtpTime) -> ExtendedTime {
        self.time.nearest(time)
    }

    /// The same, if a packet of it could come now.
    pub(super) fn extend_near(&self, time: RtpTime, now: Monotonic) -> Option<ExtendedTime> {
        let time = self.extend(time);
        let older = self.span(self.time.ticks_since(time));
        let near = older <= REORDERED_MAX && !self.is_ahead(time, now);
        near.then_some(time)
    }

    /// Looks at the time of a packet that arrived at `arrival` and is `newer` in sequence than all before,
    /// or came out of order.
    pub(super) fn place(&mut self, time: RtpTime, newer: bool, arrival: Monotonic) -> Fit {
        let extended = self.extend(time);
        // Of many packets with one time and one arrival, as a batch of a frame has them, the first says it all.
        if newer && (extended, arrival) == (self.time, self.lead.1) {
            self.elsewhere = None;
            return Fit::GoesOn(extended);
        }
        let older = self.span(self.time.ticks_since(extended));
        let back = older > if newer { BACK_MAX } else { REORDERED_MAX };
        if back || self.is_ahead(extended, arrival) {
            return self.contradict(extended, newer, arrival);
        }
        if newer {
            self.elsewhere = None;
            self.time = extended;
            let lead = self.lead_at(arrival).max(self.ahead(extended, arrival));
            self.lead = (lead, self.lead.1.max(arrival));
        }
        Fit::GoesOn(extended)
    }

    fn contradict(&mut self, time: ExtendedTime, newer: bool, arrival: Monotonic) -> Fit {
        if !newer {
            return Fit::Contradicts;
        }
        let follows = self.elsewhere.is_some_and(|(before, then)| {
            let step = self.span(time.ticks_since(before));
            step > Delay::ZERO && step <= (arrival - then).max(Delay::ZERO) + AHEAD_MAX
        });
        if follows {
            return Fit::Confirmed;
        }
        // The packets of one frame have the same time, and do not confirm each other.
        if self.elsewhere.is_none_or(|(before, _)| before != time) {
            self.elsewhere = Some((time, arrival));
        }
        Fit::Contradicts
    }

    fn is_ahead(&self, time: ExtendedTime, arrival: Monotonic) -> bool {
        self.ahead(time, arrival) - self.lead_at(arrival) > AHEAD_MAX
    }

    fn lead_at(&self, arrival: Monotonic) -> Delay {
        let (lead, then) = self.lead;
        let forgotten = (arrival - then).max(Delay::ZERO) / 1_000_000 * FORGET_PPM;
        lead - forgotten.min(AHEAD_MAX / 2)
    }

    /// How far a time is ahead of its arrival, to be held against another of the same source: both clocks began
    /// somewhere.
    fn ahead(&self, time: ExtendedTime, arrival: Monotonic) -> Delay {
        self.span(time.0) - (arrival - Monotonic(0))
    }

    /// How long so many ticks are.
    fn span(&self, ticks: i64) -> Delay {
        let most = if ticks < 0 { i64::MIN } else { i64::MAX };
        Delay::from_nanos(ticks::nanos(ticks, self.rate).unwrap_or(most))
    }
}
