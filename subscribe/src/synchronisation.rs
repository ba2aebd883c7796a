//! What keeps the streams of a session together: the steps of the sender's clock, the timeline, and how long
//! presentation has to wait.

use crate::clock::unix_offset;
use crate::counters::Counters;
use crate::latency::TargetLatency;
use std::time::Duration;
use streamsocket_net::machine;
use streamsocket_stream::clock::{Monotonic, WallClock};
use streamsocket_stream::receive::jitter::{Jitter, Work};
use streamsocket_stream::receive::sync::{Steps, StreamClock};
use streamsocket_stream::receive::timeline::Timeline;

/// What `auto` begins with: pacing spreads a frame over 17 ms, decoding takes 10, a sound card as long,
/// and Wi-Fi delays by some tens. What is needed is known two seconds later.
const LATENCY_FIRST: Duration = Duration::from_millis(100);

/// More latency than this beyond what a minute has needed, in nanoseconds, is given up at once: slowly
/// it would take minutes, and once is heard once.
const EXCESS_NANOS: i64 = 40_000_000;

/// Wall clocks that both are kept right are not this far apart, in nanoseconds, whatever they say.
const APART_NANOS: i64 = 500_000_000;

/// Our clock is looked at once in so long.
const LOOK_NANOS: i64 = 1_000_000_000;

/// What is known of the sender's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SenderClock {
    /// Somebody keeps it right.
    pub(crate) synchronised: bool,
    /// It is ours.
    pub(crate) same_machine: bool,
    /// By how much it was set since it was first heard, in nanoseconds.
    pub(crate) stepped: i64,
}

/// What keeps the streams of a session together.
pub(crate) struct Synchronisation {
    pub(crate) steps: Steps,
    pub(crate) timeline: Timeline,
    pub(crate) jitter: Jitter,
    latency: TargetLatency,
    wall: WallClock,
    looked: Monotonic,
    /// When this turn of the loop began.
    now: Monotonic,
    /// Both clocks are kept right: the same latency is the same instant at every viewer.
    disciplined: bool,
    /// The latency is still looked for.
    settling: bool,
}

impl Synchronisation {
    pub(crate) fn new(latency: TargetLatency, now: Monotonic) -> Self {
        let first = match latency {
            TargetLatency::Auto => LATENCY_FIRST,
            TargetLatency::Fixed(millis) => Duration::from_millis(millis.into()),
        };
        Self {
            steps: Steps::default(),
            timeline: Timeline::new(i64::try_from(first.as_nanos()).unwrap_or(i64::MAX)),
            jitter: Jitter::default(),
            latency,
            wall: WallClock::new(now, now.0.saturating_add(unix_offset())),
            looked: Monotonic(0),
            now,
            disciplined: false,
            settling: true,
        }
    }

    /// When what has the RTP time `time` has to be complete, if it takes `work` nanoseconds from then.
    pub(crate) fn latest(&self, clock: &StreamClock, time: i64, work: i64) -> Option<Monotonic> {
        Some(self.timeline.due(clock.unix_nanos(time)?)?.offset(-work))
    }

    /// The loop has begun a turn.
    pub(crate) const fn begin_turn(&mut self, now: Monotonic) {
        self.now = now;
    }

    /// A packet arrived that was captured then.
    pub(crate) fn heard(&mut self, capture: i64, arrival: Monotonic) {
        if self.timeline.observe(capture, arrival) {
            log::info!("the sender's time has jumped: picture and sound begin anew");
            self.jitter.reset();
        }
        let delay = self.timeline.delay(capture, arrival).unwrap_or(0);
        self.heard_late(delay, arrival);
    }

    /// A packet arrived, `delay` nanoseconds after it would have come undelayed.
    pub(crate) fn heard_late(&mut self, delay: i64, arrival: Monotonic) {
        self.jitter.heard(delay, arrival, self.now);
    }

    /// Thinks over when things are presented.
    pub(crate) fn turn(&mut self, now: Monotonic, sender: SenderClock, counters: &Counters) {
        if now.nanos_since(self.looked) >= LOOK_NANOS {
            self.looked = now;
            let synchronised = sender.synchronised && machine::is_synchronised();
            self.look(now, synchronised, sender.stepped);
            counters.synchronised.set(u64::from(synchronised));
            counters.same_machine.set(u64::from(sender.same_machine));
        }
        let (video, audio) = (&counters.video.presentation, &counters.audio.presentation);
        self.jitter.set_work(Work { video: video.needed(), audio: audio.needed() });
        if let (TargetLatency::Auto, Some(target)) = (self.latency, self.jitter.decide(now)) {
            let excess = self.timeline.latency() - target.latency;
            let at_once = self.timeline.is_settling(now)
                || target.at_once && excess < 0
                || excess > EXCESS_NANOS;
            self.timeline.set_target(target.latency, at_once);
        }
        if std::mem::replace(&mut self.settling, self.timeline.is_settling(now))
            && !self.timeline.is_settling(now)
        {
            video.latency.reset();
            audio.latency.reset();
        }
        if let Some(stopped) = self.jitter.stopped() {
            counters.stopped.set(stopped.0);
        }
        counters.latency.set(self.timeline.latency());
        counters.target.set(self.timeline.target());
        if let Some(drift) = self.timeline.drift_ppb() {
            counters.drift.set(drift);
        }
    }

    /// Looks at our own clock.
    fn look(&mut self, now: Monotonic, synchronised: bool, stepped: i64) {
        self.wall.observe(now, now.0.saturating_add(unix_offset()));
        let fixed = matches!(self.latency, TargetLatency::Fixed(_));
        let offset = stepped.saturating_sub(self.wall.unix_nanos(Monotonic(0)));
        let agree = self
            .timeline
            .offset(now)
            .is_some_and(|heard| heard.saturating_sub(offset).saturating_abs() < APART_NANOS);
        let disciplined = fixed && synchronised && agree;
        if disciplined != self.disciplined {
            self.disciplined = disciplined;
            log::info!("{}", if disciplined { TOGETHER } else { APART });
        }
        self.timeline.discipline(disciplined.then_some(offset));
    }
}

const TOGETHER: &str = "both clocks are synchronised: every viewer with this --latency presents the same at \
                        the same instant";
const APART: &str =
    "the clocks are not synchronised any more: each viewer goes by its fastest packets";
