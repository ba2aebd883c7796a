//! The viewer: the real stages from packets to what is due, with a screen and a sound card that is off.

use crate::figures::Figures;
use crate::scenario::Scenario;
use crate::sender::{RATE, Truth};
use crate::world::{Clock, MS, Of, Packet, SECOND, Time, by_clock, until_clock};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_stream::receive::jitter::{Jitter, Work};
use streamsocket_stream::receive::jpeg::JpegDepayloader;
use streamsocket_stream::receive::l16::L16Depayloader;
use streamsocket_stream::receive::output_delay::OutputDelay;
use streamsocket_stream::receive::playout::{Playout, Step};
use streamsocket_stream::receive::sound::Chunk;
use streamsocket_stream::receive::source::{Admission, Source};
use streamsocket_stream::receive::source_packet;
use streamsocket_stream::receive::sync::{Steps, StreamClock};
use streamsocket_stream::receive::timeline::Timeline;
use streamsocket_wire::rtp::{self, ExtendedTime};
use streamsocket_wire::sdp::Medium;

/// What decoding takes, and what the card has to have ahead.
const WORK: Work =
    Work { video: Delay::from_nanos(3 * MS), audio: Delay::from_nanos(AHEAD + 3 * MS) };

/// A card whose next sound is not there so much before it has to be played is given silence, a
/// millisecond of it at a time.
const AHEAD: i64 = 5 * MS;
const BRIDGE: i64 = MS;

/// Silence that starts a card.
const START: i64 = 12 * MS;

/// A card tells its position in steps of so many nanoseconds.
const POSITION: i64 = MS;

/// More latency than this beyond what is needed is given up at once, as by the receiver.
const EXCESS: Delay = Delay::from_millis(40);

/// The latency to begin with.
const LATENCY_FIRST: i64 = 100 * MS;

/// A viewer.
pub(crate) struct Viewer {
    clock: Clock,
    fixed: bool,
    steps: Steps,
    timeline: Timeline,
    jitter: Jitter,
    video: Stream<JpegDepayloader>,
    audio: Stream<L16Depayloader>,
    card: Card,
    pub(crate) figures: Figures,
    buffer: Vec<u8>,
    samples: Vec<i16>,
}

struct Stream<R> {
    source: Source,
    clock: StreamClock,
    depayloader: R,
}

/// A sound card.
struct Card {
    ppm: i64,
    playout: Playout,
    output_delay: OutputDelay,
    /// What lies behind its buffer.
    behind: Time,
    /// When it will have played all it has.
    dry: Time,
    running: bool,
}

impl Viewer {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let latency = scenario.latency.unwrap_or(LATENCY_FIRST);
        let mut jitter = Jitter::default();
        jitter.set_work(WORK);
        Self {
            clock: Clock { began: 77 * SECOND, ppm: scenario.viewer_ppm },
            fixed: scenario.latency.is_some(),
            steps: Steps::default(),
            timeline: Timeline::new(Delay::from_nanos(latency)),
            jitter,
            video: Stream {
                source: Source::new(90_000),
                clock: StreamClock::new(Medium::Video, 90_000),
                depayloader: JpegDepayloader::new(None),
            },
            audio: Stream {
                source: Source::new(RATE),
                clock: StreamClock::new(Medium::Audio, RATE),
                depayloader: L16Depayloader::new(1),
            },
            card: Card {
                ppm: scenario.speaker_ppm,
                playout: Playout::default(),
                output_delay: OutputDelay::default(),
                behind: scenario.behind,
                dry: 0,
                running: false,
            },
            figures: Figures::default(),
            buffer: Vec::new(),
            samples: Vec::new(),
        }
    }

    /// Time has come to `now`: what has waited long enough is handed on, and the card kept running.
    pub(crate) fn turn(&mut self, now: Time, truth: &mut [Truth; 2]) {
        self.card.bridge(now, &mut self.figures);
        self.hand_on(self.clock.at(now), now, truth);
    }

    /// When it has something to do without a packet.
    pub(crate) fn next(&self) -> Time {
        let timeline = &self.timeline;
        let latest = |clock: StreamClock, work: Delay| {
            move |time| Some(timeline.due(clock.capture(time)?)? - work)
        };
        let video = self.video.depayloader.deadline(&latest(self.video.clock, WORK.video));
        let work = self.jitter.work().audio;
        let audio = self.audio.depayloader.deadline(&latest(self.audio.clock, work));
        let due = [video, audio].into_iter().flatten().min();
        let card = if self.card.running { self.card.dry - AHEAD + 1 } else { Time::MAX };
        due.map_or(Time::MAX, |due| self.clock.when(due) + 1).min(card)
    }

    /// Takes a packet at `now`; it may have waited in the socket since it arrived.
    pub(crate) fn receive(&mut self, packet: &Packet, now: Time, truth: &mut [Truth; 2]) {
        let arrival = self.clock.at(packet.arrival);
        let parsed = rtp::Packet::parse(&packet.bytes).unwrap();
        let ntp = parsed.extension().and_then(|extension| extension.ntp64(1));
        let header = parsed.header();
        let (source, clock) = match packet.of {
            Of::Video => (&mut self.video.source, &mut self.video.clock),
            Of::Audio => (&mut self.audio.source, &mut self.audio.clock),
        };
        let (new, sequence, time) = match source.admit(&header, arrival) {
            Admission::Admitted { sequence, time } => (false, sequence, time),
            Admission::NewSource { sequence, time } => (true, sequence, time),
            Admission::Refused => return,
        };
        if new {
            if clock.stepped() != Delay::ZERO {
                self.timeline.reset();
            }
            clock.reset(&mut self.steps);
        }
        if let Some(ntp) = ntp {
            clock.observe(time, ntp, arrival, &mut self.steps);
        }
        if let Some(unix) = clock.capture(time) {
            if self.timeline.observe(unix, arrival) {
                self.figures.jumped += 1;
                self.jitter.reset();
            }
            let delay = self.timeline.delay(unix, arrival).unwrap();
            self.jitter.heard(delay, arrival, self.clock.at(now));
        }
        let (marker, payload) = (header.marker, parsed.payload());
        let taken = source_packet::SourcePacket { sequence, time, marker, ntp, payload, arrival };
        match packet.of {
            Of::Video => {
                if new {
                    self.video.depayloader.reset();
                }
                self.video.depayloader.push(&taken);
            }
            Of::Audio => {
                if new {
                    self.audio.depayloader.reset();
                }
                self.audio.depayloader.push(&taken);
            }
        }
        // What has waited in the socket is judged by when it arrived.
        self.hand_on(arrival, now, truth);
        self.decide(arrival);
    }

    fn decide(&mut self, now: Monotonic) {
        let audio = WORK.audio + self.card.output_delay.lead();
        self.jitter.set_work(Work { audio, ..WORK });
        if let (false, Some(target)) = (self.fixed, self.jitter.decide(now)) {
            let excess = self.timeline.latency() - target.latency;
            let at_once = self.timeline.is_settling(now)
                || target.at_once && excess < Delay::ZERO
                || excess > EXCESS;
            self.timeline.set_target(target.latency, at_once);
        }
    }

    fn hand_on(&mut self, by: Monotonic, now: Time, truth: &mut [Truth; 2]) {
        let mono = self.clock.at(now);
        loop {
            let (clock, timeline) = (self.video.clock, &self.timeline);
            let latest = |time| Some(timeline.due(clock.capture(time)?)? - WORK.video);
            let Some(frame) = self.video.depayloader.poll(by, &latest, &mut self.buffer) else {
                break;
            };
            let Some((due, delay)) = self.due(self.video.clock, frame.time, frame.completed) else {
                continue;
            };
            self.jitter.video(delay, self.timeline.latency(), frame.completed);
            let ready = mono + WORK.video;
            let at = self.clock.when(due.max(ready));
            // Rounding is not late.
            self.figures.late(ready.nanos_since(due) > MS / 10);
            if let Some(captured) = captured(&mut truth[0], frame.time) {
                self.figures.shown(at, at - captured, self.timeline.latency().nanos());
            }
        }
        loop {
            let (clock, timeline) = (self.audio.clock, &self.timeline);
            let work = self.jitter.work().audio;
            let latest = |time| Some(timeline.due(clock.capture(time)?)? - work);
            let Some(chunk) = self.audio.depayloader.poll(by, &latest, &mut self.samples) else {
                break;
            };
            match chunk {
                Chunk::Samples { time, arrival, .. } => {
                    let Some((due, delay)) = self.due(self.audio.clock, time, arrival) else {
                        continue;
                    };
                    self.jitter.audio(delay, self.timeline.latency(), arrival);
                    self.play(due, time, now, &mut truth[1]);
                }
                Chunk::Hole { time, frames } => {
                    let Some((due, _)) = self.due(self.audio.clock, time, mono) else { continue };
                    self.card.playout.follow(due, Delay::from_nanos(span(frames)));
                    let early = self.early(due, now).nanos();
                    let left = span(frames) + early.min(0);
                    self.card.write(now, left.max(0), &mut self.figures);
                }
            }
        }
    }

    fn due(
        &self,
        clock: StreamClock,
        time: ExtendedTime,
        complete: Monotonic,
    ) -> Option<(Monotonic, Delay)> {
        let unix = clock.capture(time)?;
        Some((self.timeline.due(unix)?, self.timeline.delay(unix, complete)?))
    }

    /// How much too early it would be heard, were it played now.
    fn early(&mut self, due: Monotonic, now: Time) -> Delay {
        let held = (self.card.dry - now).max(0);
        let told = (held + self.card.behind + POSITION / 2) / POSITION * POSITION;
        if self.card.running {
            self.card.output_delay.observe(Delay::from_nanos(held), Delay::from_nanos(told));
        }
        due - self.clock.at(now) - Delay::from_nanos(by_clock(told, self.clock.ppm))
    }

    fn play(&mut self, due: Monotonic, time: ExtendedTime, now: Time, truth: &mut Truth) {
        let span = span(self.samples.len());
        let captured = captured(truth, time);
        if !self.card.running {
            self.card.write(now, START, &mut self.figures);
        }
        let packet = Delay::from_nanos(span);
        self.card.playout.follow(due, packet);
        for _ in 0..3 {
            let early = self.early(due, now);
            match self.card.playout.steer(early, packet) {
                Step::Skip => {
                    self.figures.skipped += 1;
                    return;
                }
                Step::Wait { silence } => self.card.write(now, silence.nanos(), &mut self.figures),
                Step::Play { stretch } => {
                    let heard = self.card.dry.max(now) + self.card.behind;
                    let (latency, needed) = (self.timeline.latency(), self.jitter.work().audio);
                    self.card.output_delay.learn(self.card.playout.behind(), latency, needed);
                    if let Some(captured) = captured {
                        self.figures.heard(heard, heard - captured);
                    }
                    let stretched =
                        i128::from(span) * i128::from(1_000_000_000 + stretch) / 1_000_000_000;
                    self.card.write(now, i64::try_from(stretched).unwrap(), &mut self.figures);
                    return;
                }
            }
        }
    }

    /// Of both streams together, in parts per million: what the viewer has found out.
    pub(crate) fn drift_ppm(&self) -> i64 {
        self.timeline.drift_ppb().unwrap_or(0) / 1000
    }

    /// The latency and its target.
    pub(crate) const fn latency(&self) -> (i64, i64) {
        (self.timeline.latency().nanos(), self.timeline.target().nanos())
    }
}

impl Card {
    /// Goes on with silence when nothing has come in time.
    fn bridge(&mut self, now: Time, figures: &mut Figures) {
        while self.running && self.dry < now + AHEAD {
            figures.bridged += 1;
            self.playout.restart();
            self.dry += BRIDGE;
        }
    }

    /// Hands over sound of so many nanoseconds by the card's clock.
    fn write(&mut self, now: Time, nanos: i64, figures: &mut Figures) {
        if self.dry < now {
            if self.running {
                figures.dry(now);
                self.playout.restart();
            }
            self.dry = now;
        }
        self.running = true;
        self.dry += until_clock(nanos, self.ppm);
    }
}

/// Nanoseconds of so many sample frames.
fn span(frames: usize) -> i64 {
    i64::try_from(frames).unwrap() * SECOND / i64::from(RATE)
}

/// When what has this RTP time was captured. What was sent before it has been lost.
fn captured(truth: &mut Truth, time: ExtendedTime) -> Option<Time> {
    let low = u32::try_from(time.0.rem_euclid(1 << 32)).unwrap();
    while let Some((sent, captured)) = truth.pop_front() {
        if sent == low {
            return Some(captured);
        }
    }
    None
}
