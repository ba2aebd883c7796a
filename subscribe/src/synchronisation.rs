//! What the streams of a multimedia session share so that they stay together: the steps of the sender's clock, the
//! timeline, and the latency.

use crate::clock::unix_offset;
use crate::counters::Counters;
use crate::in_step::{Member, Said};
use crate::latency::TargetLatency;
use crate::shared_time::SharedTime;
use streamsocket_media::clock::{Delay, Monotonic, Wall, WallClock};
use streamsocket_net::machine;
use streamsocket_stream::receive::jitter::{Jitter, Target, Work};
use streamsocket_stream::receive::sync::{Steps, StreamClock};
use streamsocket_stream::receive::timeline::Timeline;
use streamsocket_wire::rtp::ExtendedTime;
use streamsocket_wire::sdp::Medium;
use streamsocket_wire::shared_clock::SharedClock;

/// The latency that `auto` begins with: pacing spreads a frame over 17 ms, decoding takes 10, a sound card as long, and
/// Wi-Fi delays by some tens. What is needed is known two seconds later.
const LATENCY_FIRST: Delay = Delay::from_millis(100);

/// If the latency exceeds what the last minute has needed by more than this, it is lowered at once:
/// slowly, that would take minutes.
const EXCESS: Delay = Delay::from_millis(40);

/// What is to be in step with others, and is off by more than this, gets there at once: slowly, that would take a minute.
const OUT_OF_STEP: Delay = Delay::from_millis(5);

/// Wall clocks that differ by this are not both synchronised, whatever they claim.
const CLOCKS_APART: Delay = Delay::from_millis(500);

/// Interval between two looks at this machine's wall clock.
const LOOK: Delay = Delay::from_secs(1);

/// What is known of the sender's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct SenderClock {
    /// It is synchronised to a reference.
    pub(crate) synchronised: bool,
    /// It is this machine's.
    pub(crate) same_machine: bool,
    /// The sum of its steps since it was first heard of.
    pub(crate) stepped: Delay,
    /// How it stands against that of a relay which hands the session on.
    pub(crate) shared: Option<SharedClock>,
}

/// The state that the streams of a session share.
pub(crate) struct Synchronisation {
    /// Steps of the sender's wall clock.
    pub(crate) steps: Steps,
    /// Maps the sender's wall clock to this machine's monotonic clock.
    pub(crate) timeline: Timeline,
    /// Delays, and the latency that they call for.
    pub(crate) jitter: Jitter,
    latency: TargetLatency,
    /// This machine's wall clock.
    wall: WallClock,
    /// When it was last looked at.
    looked: Monotonic,
    /// When the current turn of the loop began.
    now: Monotonic,
    /// This machine's wall clock minus its monotonic clock in that turn.
    unix_offset: Delay,
    /// Both wall clocks are synchronised: with one latency, all viewers present at the same instant.
    disciplined: bool,
    /// The latency is still being found.
    settling: bool,
    /// The sessions that this one is kept in step with.
    in_step: Option<Member>,
    /// This machine's monotonic clock minus the sender's wall clock without its steps, if both wall clocks agree.
    agreed: Option<Delay>,
    /// A relay's clock against the sender's.
    shared: SharedTime,
    /// When the last packet came.
    heard: Monotonic,
    /// What this session needs by itself, as it was last decided.
    decided: Option<Target>,
}

impl Synchronisation {
    /// For a session that is joined `now`.
    pub(crate) fn new(latency: TargetLatency, now: Monotonic) -> Self {
        let first = match latency {
            TargetLatency::Auto => LATENCY_FIRST,
            TargetLatency::Fixed(millis) => Delay::from_millis(millis.into()),
        };
        let unix_offset = unix_offset();
        Self {
            steps: Steps::default(),
            timeline: Timeline::new(first),
            jitter: Jitter::default(),
            latency,
            wall: WallClock::new(now, (Wall(now.0) + unix_offset).0),
            looked: Monotonic(0),
            now,
            unix_offset,
            disciplined: false,
            settling: true,
            in_step: None,
            agreed: None,
            shared: SharedTime::default(),
            heard: now,
            decided: None,
        }
    }

    /// When what was sampled at the extended RTP time `time` must be complete to be presented in time, if preparing it
    /// takes `work`. `None` as long as the clock is not known.
    pub(crate) fn latest(
        &self,
        clock: &StreamClock,
        time: ExtendedTime,
        work: Delay,
    ) -> Option<Monotonic> {
        Some(self.timeline.due(clock.capture(time)?)? - work)
    }

    /// Time that is needed to present something after it is complete.
    pub(crate) const fn work(&self, medium: Medium) -> Delay {
        let work = self.jitter.work();
        match medium {
            Medium::Video => work.video,
            Medium::Audio => work.audio,
        }
    }

    /// Notes that something was complete at `at`, `delay` after it would have been undelayed.
    pub(crate) fn measure(&mut self, medium: Medium, delay: Delay, at: Monotonic) {
        let latency = self.timeline.latency();
        match medium {
            Medium::Video => self.jitter.video(delay, latency, at),
            Medium::Audio => self.jitter.audio(delay, latency, at),
        }
    }

    /// Notes that a turn of the loop begins, when this machine's wall clock is so far ahead of its monotonic one.
    pub(crate) const fn begin_turn(&mut self, now: Monotonic, unix_offset: Delay) {
        (self.now, self.unix_offset) = (now, unix_offset);
    }

    /// Notes the arrival of a packet that was captured at `capture`, by the sender's clock without its steps.
    pub(crate) fn heard(&mut self, capture: Wall, arrival: Monotonic) {
        if self.timeline.observe(capture, arrival) {
            log::info!("the sender's time has jumped: picture and sound begin anew");
            self.jitter.reset();
        }
        let delay = self.timeline.delay(capture, arrival).unwrap_or_default();
        self.heard_late(delay, arrival);
    }

    /// Notes the arrival of a packet `delay` after it would have come undelayed.
    pub(crate) fn heard_late(&mut self, delay: Delay, arrival: Monotonic) {
        self.heard = arrival;
        self.jitter.heard(delay, arrival, self.now);
    }

    /// Adjusts the latency, and updates the counters.
    pub(crate) fn turn(&mut self, now: Monotonic, sender: SenderClock, counters: &Counters) {
        if now - self.looked >= LOOK {
            self.looked = now;
            let synchronised = sender.synchronised && machine::is_synchronised();
            self.look(now, synchronised, sender);
            counters.synchronised.set(u64::from(synchronised));
            counters.same_machine.set(u64::from(sender.same_machine));
        }
        let (video, audio) = (&counters.video.presentation, &counters.audio.presentation);
        self.jitter.set_work(Work { video: video.needed(), audio: audio.needed() });
        let news = self.in_step.as_ref().is_some_and(Member::has_news);
        let again = self.decided.filter(|_| news).map(|it| Target { at_once: false, ..it });
        let decided = self.jitter.decide(now);
        self.decided = decided.or(self.decided);
        if let (TargetLatency::Auto, Some(target)) = (self.latency, decided.or(again)) {
            let together = self.agree(target.latency, now);
            let latency = together.unwrap_or(target.latency);
            let excess = self.timeline.latency() - latency;
            let at_once = self.timeline.is_settling(now)
                || target.at_once && excess < Delay::ZERO
                || excess > EXCESS
                || together.is_some() && excess.abs() > OUT_OF_STEP;
            self.timeline.set_target(latency, at_once);
            counters.in_step.set(u64::from(together.is_some()));
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
        counters.latency.set(self.timeline.latency().nanos());
        counters.target.set(self.timeline.target().nanos());
        if let Some(drift) = self.timeline.drift_ppb() {
            counters.drift.set(drift);
        }
    }

    /// Keeps this session in step with others from now on.
    pub(crate) fn keep_in_step(&mut self, member: Member) {
        self.in_step = Some(member);
    }

    /// The latency with which this session, which needs `latency` by itself, is in step with others; `None` if it is kept in
    /// step with none, or if that cannot be known.
    fn agree(&self, latency: Delay, now: Monotonic) -> Option<Delay> {
        let member = self.in_step.as_ref()?;
        let followed = self.timeline.followed()?;
        let said = Said {
            by_wall: self.agreed.map(|agreed| followed - agreed),
            by_relay: self.shared.get().map(|(clock, ahead)| (clock, followed - ahead)),
            latency,
            // What is needed at the beginning says little.
            settling: self.timeline.is_settling(now),
            heard: self.heard,
        };
        member.agree(said, now)
    }

    /// Looks at this machine's wall clock, and decides whether viewers can go by the wall clocks.
    fn look(&mut self, now: Monotonic, synchronised: bool, sender: SenderClock) {
        self.wall.observe(now, (Wall(now.0) + self.unix_offset).0);
        let fixed = matches!(self.latency, TargetLatency::Fixed(_));
        let offset = sender.stepped - Delay::from_nanos(self.wall.unix_nanos(Monotonic(0)));
        let agree =
            self.timeline.offset(now).is_some_and(|heard| (heard - offset).abs() < CLOCKS_APART);
        self.shared.look(sender.shared, sender.stepped, now);
        self.agreed = (agree && (synchronised || sender.same_machine)).then_some(offset);
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

#[cfg(test)]
mod simulation;
