//! The network thread and its event loop: packets in, frames and samples out, each with the time it
//! is due. The only place of the receiver that knows both the engine and the sockets.

use crate::clock::{monotonic, unix_offset};
use crate::intake::{Admitted, Heard, Intake};
use crate::picture::Coded;
use crate::plan::Plan;
use crate::recording::Recording;
use crate::sound::Sound;
use crate::statistics::{Counters, Gauge, Note};
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver as Queue, SyncSender};
use std::time::Duration;
use streamsocket_net::{Interface, machine};
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::receive::sync::Timeline;
use streamsocket_stream::receive::{audio, video};

/// Events taken from the kernel at a time; more wait for the next turn.
const EVENTS_MAX: usize = 16;

const WAKER: Token = Token(0);
const PACKETS: Token = Token(1);

/// Where what is complete goes to. A queue that is full loses what is newest, counted.
pub struct Outlets {
    /// Frames to be decoded.
    pub coded: SyncSender<Coded>,
    /// Their buffers, back.
    pub coded_spare: Queue<Vec<u8>>,
    /// Samples to be played.
    pub sound: SyncSender<Sound>,
    /// Their buffers, back.
    pub sound_spare: Queue<Vec<i16>>,
    /// What is to be recorded.
    pub recording: Recording,
}

/// What the threads share.
pub struct Shared {
    /// What they count.
    pub counters: Counters,
    /// The program ends.
    pub quit: AtomicBool,
}

/// The network thread.
pub struct Receiver {
    poll: Poll,
    video: Option<Video>,
    audio: Option<Audio>,
    timeline: Timeline,
    outlets: Outlets,
    shared: Arc<Shared>,
    cname: String,
}

struct Video {
    intake: Intake,
    reassembler: video::Reassembler,
    buffer: Vec<u8>,
}

struct Audio {
    intake: Intake,
    reassembler: audio::Reassembler,
    channels: usize,
    rate: u32,
    buffer: Vec<i16>,
}

impl Receiver {
    /// Opens the sockets of a session. The waker ends the loop after `quit` has been set.
    ///
    /// # Errors
    /// One line: which socket, and why not.
    pub fn open(
        plan: &Plan,
        interface: Option<&Interface>,
        latency: Duration,
        outlets: Outlets,
        shared: Arc<Shared>,
    ) -> Result<(Self, Arc<Waker>), String> {
        let intake = |stream| Intake::open(stream, interface, plan.source);
        let failed = |error: io::Error| format!("the event loop cannot be set up: {error}");
        let mut receiver = Self {
            poll: Poll::new().map_err(failed)?,
            video: None,
            audio: None,
            timeline: Timeline::new(i64::try_from(latency.as_nanos()).unwrap_or(i64::MAX)),
            outlets,
            shared,
            cname: format!("receiver@{}", machine::host_name()),
        };
        if let Some(stream) = &plan.video {
            let intake = intake(stream).map_err(|error| error.to_string())?;
            let reassembler = video::Reassembler::new(stream.size);
            receiver.video = Some(Video { intake, reassembler, buffer: Vec::new() });
        }
        if let Some(stream) = &plan.audio {
            receiver.audio = Some(Audio {
                intake: intake(stream).map_err(|error| error.to_string())?,
                reassembler: audio::Reassembler::new(stream.clock_rate, stream.channels),
                channels: usize::from(stream.channels),
                rate: stream.clock_rate,
                buffer: Vec::new(),
            });
        }
        receiver.watch().map_err(failed)?;
        let waker = Waker::new(receiver.poll.registry(), WAKER).map_err(failed)?;
        Ok((receiver, Arc::new(waker)))
    }

    /// Receives until the program ends, then says goodbye.
    ///
    /// # Errors
    /// If the event loop fails.
    pub fn run(mut self) -> Result<(), String> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut left = false;
        while !self.shared.quit.load(Ordering::Relaxed) {
            let now = monotonic();
            let timeout = match self.deadline() {
                _ if left => Some(Duration::ZERO),
                deadline => deadline.map(|deadline| deadline.since(now)),
            };
            match self.poll.poll(&mut events, timeout) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                    return Err(format!("the event loop failed: {error}"));
                }
                _ => {}
            }
            left = self.turn(monotonic());
        }
        for intake in self.intakes() {
            intake.bye(&self.cname);
        }
        Ok(())
    }

    fn watch(&self) -> io::Result<()> {
        for socket in self.intakes().flat_map(Intake::sockets) {
            let descriptor = socket.as_raw_fd();
            let mut source = SourceFd(&descriptor);
            self.poll.registry().register(&mut source, PACKETS, Interest::READABLE)?;
        }
        Ok(())
    }

    fn intakes(&self) -> impl Iterator<Item = &Intake> {
        let video = self.video.as_ref().map(|video| &video.intake);
        video.into_iter().chain(self.audio.as_ref().map(|audio| &audio.intake))
    }

    fn deadline(&self) -> Option<Monotonic> {
        let video = self.video.as_ref().and_then(|video| video.reassembler.deadline());
        let audio = self.audio.as_ref().and_then(|audio| audio.reassembler.deadline());
        let reports = self.intakes().filter_map(Intake::deadline).min();
        [video, audio, reports].into_iter().flatten().min()
    }

    /// Takes what has come and hands on what is complete. True if packets were left for the next
    /// turn.
    fn turn(&mut self, now: Monotonic) -> bool {
        let mut left = false;
        let (timeline, outlets) = (&mut self.timeline, &mut self.outlets);
        let counters = &self.shared.counters;
        if let Some(audio) = &mut self.audio {
            left |= audio.receive(timeline, counters);
            audio.hand_on(monotonic(), timeline, outlets, counters);
            let heard = audio.intake.receive_rtcp(now);
            take_news(heard, now, &audio.intake, &counters.reported, &counters.audio.note);
            if heard.bye {
                audio.reassembler.reset();
            }
            audio.intake.report(now, &self.cname);
        }
        if let Some(video) = &mut self.video {
            left |= video.receive(timeline, counters);
            video.hand_on(monotonic(), timeline, outlets, counters);
            let heard = video.intake.receive_rtcp(now);
            take_news(heard, now, &video.intake, &counters.reported, &counters.video.note);
            if heard.bye {
                log::info!("the source has said goodbye; waiting for it to return");
            }
            video.intake.report(now, &self.cname);
        }
        left
    }
}

/// Passes on what a sender's report said beside numbers.
fn take_news(heard: Heard, now: Monotonic, intake: &Intake, reported: &Gauge, note: &Note) {
    if heard.reported {
        reported.set(now.0);
    }
    if heard.bye {
        reported.clear();
    }
    if heard.noted {
        note.set(intake.note());
    }
}

impl Video {
    fn receive(&mut self, timeline: &mut Timeline, counters: &Counters) -> bool {
        let reassembler = &mut self.reassembler;
        let left = self.intake.receive(timeline, &mut |packet: Admitted<'_>| {
            if packet.is_new_source {
                reassembler.reset();
                counters.sources.add(1);
                counters.video.note.set(None);
            }
            counters.video.arrived.set(packet.arrival.0);
            reassembler.push(&video::Fragment {
                time: packet.time,
                marker: packet.marker,
                ntp: packet.ntp,
                payload: packet.payload,
                arrival: packet.arrival,
            });
        });
        self.count(counters);
        left
    }

    fn count(&self, counters: &Counters) {
        let (received, lost) = self.intake.source().totals();
        let counts = self.reassembler.counts();
        counters.video.packets.set(received);
        counters.video.packets_lost.set(u64::try_from(lost).unwrap_or(0));
        counters.video.bytes.set(self.intake.bytes());
        counters.video.packets_refused.set(self.intake.refused() + counts.malformed);
        counters.video.frames_received.set(counts.frames);
        counters.video.frames_incomplete.set(counts.incomplete);
        counters.video.jitter.set(self.intake.source().jitter_nanos());
        counters.kernel_drops.set(self.intake.kernel_drops());
    }

    fn hand_on(
        &mut self,
        now: Monotonic,
        timeline: &Timeline,
        outlets: &mut Outlets,
        counters: &Counters,
    ) {
        while let Some(frame) = self.reassembler.poll(now, &mut self.buffer) {
            let moment = Moment::of(&self.intake, timeline, frame.time, frame.completed);
            counters.video.size.set(u64::from(frame.width) << 16 | u64::from(frame.height));
            let file = self.buffer.get(frame.start..).unwrap_or_default();
            outlets.recording.video(moment.unix, file, (frame.width, frame.height));
            let spare = outlets.coded_spare.try_recv().unwrap_or_default();
            let jpeg = std::mem::replace(&mut self.buffer, spare);
            let coded = Coded { jpeg, start: frame.start, due: moment.due, unix: moment.known };
            if let Err(refused) = outlets.coded.try_send(coded) {
                counters.video.frames_late.add(1);
                self.buffer = refused_coded(refused);
            }
        }
        self.count(counters);
    }
}

impl Audio {
    fn receive(&mut self, timeline: &mut Timeline, counters: &Counters) -> bool {
        let reassembler = &mut self.reassembler;
        let left = self.intake.receive(timeline, &mut |packet: Admitted<'_>| {
            if packet.is_new_source {
                reassembler.reset();
                counters.audio.note.set(None);
            }
            counters.audio.arrived.set(packet.arrival.0);
            reassembler.push(&audio::Packet {
                sequence: packet.sequence,
                time: packet.time,
                ntp: packet.ntp,
                payload: packet.payload,
                arrival: packet.arrival,
            });
        });
        let (received, lost) = self.intake.source().totals();
        counters.audio.packets.set(received);
        counters.audio.packets_lost.set(u64::try_from(lost).unwrap_or(0));
        left
    }

    fn hand_on(
        &mut self,
        now: Monotonic,
        timeline: &Timeline,
        outlets: &mut Outlets,
        counters: &Counters,
    ) {
        while let Some(chunk) = self.reassembler.poll(now, &mut self.buffer) {
            let sound = match chunk {
                audio::Chunk::Samples { time, arrival, .. } => {
                    let moment = Moment::of(&self.intake, timeline, time, arrival);
                    outlets.recording.audio(moment.unix, &self.buffer);
                    let spare = outlets.sound_spare.try_recv().unwrap_or_default();
                    let samples = std::mem::replace(&mut self.buffer, spare);
                    Sound::Samples { samples, due: moment.due, unix: moment.known }
                }
                audio::Chunk::Hole { time, frames } => {
                    let moment = Moment::of(&self.intake, timeline, time, now);
                    outlets.recording.hole(moment.unix, frames * self.channels);
                    Sound::Hole { frames, due: moment.due }
                }
            };
            // A card that does not keep up loses sound; the player says so by its counters.
            let _ = outlets.sound.try_send(sound);
        }
        let counts = self.reassembler.counts();
        counters.audio.samples.set(counts.frames);
        counters.audio.samples_lost.set(counts.frames_lost);
        debug_assert!(self.rate > 0, "a plan has a rate");
    }
}

fn refused_coded(refused: std::sync::mpsc::TrySendError<Coded>) -> Vec<u8> {
    match refused {
        std::sync::mpsc::TrySendError::Full(coded)
        | std::sync::mpsc::TrySendError::Disconnected(coded) => coded.jpeg,
    }
}

/// When something was captured, and when it is due here.
struct Moment {
    due: Monotonic,
    /// Capture time by the sender's wall clock, or a stand-in by arrival: nanoseconds since 1970.
    unix: i64,
    /// The capture time, if it is known.
    known: Option<i64>,
}

/// What is due later than this after its arrival, or so much before it, in nanoseconds, has a clock
/// that cannot be believed.
const BELIEF_NANOS: i64 = 10_000_000_000;

impl Moment {
    /// Without a capture time (another sender, before its first report) the arrival stands in.
    fn of(intake: &Intake, timeline: &Timeline, time: i64, arrival: Monotonic) -> Self {
        let fallback = arrival.offset(timeline.latency());
        let known = intake.clock().unix_nanos(time);
        let due = known.and_then(|unix| timeline.due(unix));
        let believable =
            due.filter(|due| due.nanos_since(fallback).saturating_abs() < BELIEF_NANOS);
        Self {
            due: believable.unwrap_or(fallback),
            unix: known.unwrap_or(arrival.0.saturating_add(unix_offset())),
            known,
        }
    }
}
