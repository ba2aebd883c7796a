//! RTP of the network: headers and extensions, the sources that streams are locked on to, their clocks,
//! sound put back in order, and when it is due.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rtp_types::RtpPacket;
use streamsocket_fuzz::lies_in;
use streamsocket_media::clock::{Delay, Monotonic, Wall};
use streamsocket_seeds::{Step, Steps};
use streamsocket_stream::receive::fate::Fates;
use streamsocket_stream::receive::jitter::Jitter;
use streamsocket_stream::receive::l16::L16Depayloader;
use streamsocket_stream::receive::playout::{Playout, Step as Placed};
use streamsocket_stream::receive::sound::Chunk;
use streamsocket_stream::receive::source::{Admission, Source};
use streamsocket_stream::receive::source_packet::SourcePacket as Taken;
use streamsocket_stream::receive::sync::{Steps as ClockSteps, StreamClock};
use streamsocket_stream::receive::timeline::Timeline;
use streamsocket_stream::session::COMPOUND_MAX;
use streamsocket_stream::session::feedback::{About, Feedback};
use streamsocket_wire::extension::emit_ntp64;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtcp::{Packet as Report, packets};
use streamsocket_wire::rtp::{ExtendedTime, HEADER_LEN, Packet, RtpTime, Ssrc};
use streamsocket_wire::sdp::Medium;

/// Which of both streams a packet is of.
const SOUND: u8 = 0x01;
/// Its pause is in tenths of a second.
const SLOW: u8 = 0x02;
/// The receiver reports after it.
const REPORT: u8 = 0x04;
/// Its source says goodbye after it.
const BYE: u8 = 0x08;

const RATES: [u32; 2] = [90_000, 48_000];
const CHANNELS: usize = 2;
const NTP64_ID: u8 = 1;

/// A stream as the receiver has it.
struct Stream {
    source: Source,
    clock: StreamClock,
    fates: Fates,
    sound: L16Depayloader,
    playout: Playout,
    /// The RTP time that sound has come to, if the next thing has to go on there.
    end: Option<ExtendedTime>,
}

impl Stream {
    fn new(medium: Medium) -> Self {
        let rate = RATES[medium as usize];
        Self {
            source: Source::new(rate),
            clock: StreamClock::new(medium, rate),
            fates: Fates::default(),
            sound: L16Depayloader::new(CHANNELS as u8),
            playout: Playout::default(),
            end: None,
        }
    }
}

struct Receiver {
    now: Monotonic,
    streams: [Stream; 2],
    steps: ClockSteps,
    timeline: Timeline,
    jitter: Jitter,
}

impl Receiver {
    fn take(&mut self, step: &Step<'_>) {
        let millis = i64::from(step.pause) * if step.kind & SLOW == 0 { 1 } else { 100 };
        self.now = self.now.offset(millis * 1_000_000);
        let Ok(packet) = Packet::parse(step.bytes) else {
            assert!(RtpPacket::parse(step.bytes).is_err(), "others take it");
            return;
        };
        check(&packet, step.bytes);
        let now = self.now;
        let stream = &mut self.streams[usize::from(step.kind & SOUND)];
        let header = packet.header();
        let (sequence, time) = match stream.source.admit(&header, now) {
            Admission::Admitted { sequence, time } => (sequence, time),
            Admission::NewSource { sequence, time } => {
                self.begin(step.kind & SOUND);
                (sequence, time)
            }
            Admission::Refused => return,
        };
        assert_eq!((sequence as u16, time.0 as u32), (header.sequence.0, header.time.0));
        let ntp = packet.extension().and_then(|extension| extension.ntp64(NTP64_ID));
        self.place(step.kind & SOUND, time, ntp);
        let stream = &mut self.streams[usize::from(step.kind & SOUND)];
        stream.fates.came(sequence);
        let payload = packet.payload();
        stream.sound.push(&Taken { sequence, time, marker: false, ntp, payload, arrival: now });
        stream.drain(now, &self.timeline);
        if step.kind & REPORT != 0 {
            stream.report(now, ntp);
        }
        if step.kind & BYE != 0 {
            stream.source.bye(header.ssrc, now);
            assert!(stream.source.leaving().is_some() && !stream.source.lives(now));
            stream.source.left(now);
            assert!(stream.source.ssrc().is_none());
        }
    }

    /// A new source.
    fn begin(&mut self, index: u8) {
        let stream = &mut self.streams[usize::from(index)];
        if stream.clock.stepped() != Delay::ZERO {
            self.timeline.reset();
        }
        stream.clock.reset(&mut self.steps);
        stream.fates.reset();
        stream.sound.reset();
        stream.end = None;
    }

    /// When what is captured now is due.
    fn place(&mut self, index: u8, time: ExtendedTime, ntp: Option<NtpTime>) {
        let (now, clock) = (self.now, &mut self.streams[usize::from(index)].clock);
        if let Some(ntp) = ntp {
            clock.observe(time, ntp, now, &mut self.steps);
            assert_eq!(clock.wall(time), Some(Wall::from(ntp)));
        }
        let Some(capture) = clock.capture(time) else { return };
        self.timeline.observe(capture, now);
        if let (Some(due), Some(delay)) =
            (self.timeline.due(capture), self.timeline.delay(capture, now))
        {
            assert!(self.timeline.due(capture + Delay::from_nanos(1)) >= Some(due));
            let latency = self.timeline.latency();
            if index == SOUND {
                self.jitter.audio(delay, latency, now);
            } else {
                self.jitter.video(delay, latency, now);
            }
        }
        if let Some(target) = self.jitter.decide(now) {
            assert!((Delay::from_millis(10)..=Delay::from_secs(1)).contains(&target.latency));
            self.timeline.set_target(target.latency, target.at_once);
        }
    }
}

impl Stream {
    /// Sound in order: what follows a hole is where the hole ends.
    fn drain(&mut self, now: Monotonic, timeline: &Timeline) {
        let mut out = Vec::new();
        let latest = |time| timeline.due(self.clock.capture(time)?);
        for _ in 0..256 {
            let Some(chunk) = self.sound.poll(now, &latest, &mut out) else { return };
            match chunk {
                Chunk::Samples { time, arrival, .. } => {
                    assert!(!out.is_empty() && out.len() % CHANNELS == 0 && arrival <= now);
                    assert!(self.end.is_none_or(|end| end == time));
                    self.end = None;
                    let due = self.clock.capture(time).and_then(|unix| timeline.due(unix));
                    if let Some(due) = due {
                        play(&mut self.playout, due, now);
                    }
                }
                Chunk::Hole { time, frames } => {
                    assert!(frames > 0 && self.end.is_none());
                    self.end = Some(time.offset(frames as i64));
                }
            }
        }
        panic!("more comes out than went in");
    }

    /// A report has room, and says what was noted.
    fn report(&mut self, now: Monotonic, ntp: Option<NtpTime>) {
        if let Some(ntp) = ntp {
            // Any count will do: the middle of the time is as good as random.
            self.source.reported(ntp, ntp.middle(), now);
            assert!(
                self.source.unseen().is_none_or(|(at, unseen)| at == now && unseen <= u32::MAX / 2)
            );
        }
        let (block, fates) = (self.source.report(now), self.fates.report());
        assert!(self.source.jitter() >= Delay::ZERO);
        let runs = fates.as_ref().map(|(_, runs)| runs.iter());
        let total = |it: &dyn Fn(bool) -> bool| -> u32 {
            let runs = runs.clone().into_iter().flatten().filter(|run| it(run.received));
            runs.map(|run| u32::from(run.packets)).sum()
        };
        let expected = (total(&|received| !received), total(&|_| true));
        let mut out = [0; COMPOUND_MAX];
        let about = About { cname: &"c".repeat(255), block, fates };
        let mut feedback = Feedback::new(Ssrc(1), None);
        let len = feedback.report(now, &about, 0, &mut out).expect("a report has room");
        for packet in packets(&out[..len]).expect("ours is well formed").flatten() {
            if let Report::PostRepairLoss { chunks, .. } = packet {
                assert_eq!(chunks.lost(), expected);
            }
        }
    }
}

/// As the receiver does it: a clock that is further off is not believed, and the arrival stands in.
fn play(playout: &mut Playout, due: Monotonic, now: Monotonic) {
    const SPAN: Delay = Delay::from_millis(5);
    const BELIEF: Delay = Delay::from_secs(2);
    let believable = (due - now).abs() < BELIEF;
    let due = if believable { due } else { now };
    playout.follow(due, SPAN);
    let early = due - now;
    if let Placed::Play { stretch } = playout.steer(early, SPAN) {
        assert!(stretch.abs() <= 1_000_000, "{stretch} ppb are heard");
    }
    let _ = (playout.behind(), playout.rate_ppb());
}

/// A packet says what its bytes are, and what others read in them.
fn check(packet: &Packet<'_>, bytes: &[u8]) {
    let mut header = [0; HEADER_LEN];
    packet.header().emit(&mut header).expect("a header has 12 bytes");
    // Padding and contributing sources are not ours to write.
    assert_eq!((header[0], &header[1..]), (bytes[0] & 0xD0, &bytes[1..HEADER_LEN]));
    assert!(lies_in(packet.payload(), bytes));
    if let Ok(theirs) = RtpPacket::parse(bytes) {
        assert_eq!(packet.payload(), theirs.payload());
        assert_eq!(packet.header().time, RtpTime(theirs.timestamp()));
        let extension = packet.extension().map(|it| (it.profile, it.data));
        assert_eq!(extension, theirs.extension());
    }
    let Some(extension) = packet.extension() else { return };
    assert!(extension.data.len() % 4 == 0 && lies_in(extension.data, bytes));
    let mut size = 0;
    for (id, data) in extension.elements() {
        assert!(lies_in(data, extension.data));
        size += data.len() + 1;
        if let (1..=14, Some(time)) = (id, extension.ntp64(id)) {
            let mut out = [0; 16];
            emit_ntp64(id, time, &mut out).expect("it has 16 bytes");
            let written =
                streamsocket_wire::extension::Extension { profile: 0xBEDE, data: &out[4..] };
            assert_eq!(written.ntp64(id), Some(time));
        }
    }
    assert!(size <= extension.data.len());
}

fuzz_target!(|steps: Steps<'_>| {
    let mut receiver = Receiver {
        now: Monotonic(1_000_000_000),
        streams: [Stream::new(Medium::Video), Stream::new(Medium::Audio)],
        steps: ClockSteps::default(),
        timeline: Timeline::new(Delay::from_millis(100)),
        jitter: Jitter::default(),
    };
    for step in &steps.0 {
        receiver.take(step);
    }
});
