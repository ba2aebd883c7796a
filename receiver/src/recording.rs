//! The recording thread: writes frames and samples to a file as they came, independent of the screen and the sound
//! card. If a disk or a reader is too slow, frames are missing from the recording, which is counted; nothing waits for
//! this thread.

mod media;
mod part;
mod silence;
mod take;
mod timebase;

use self::media::{Data, Format, Media, VideoPlan};
use self::take::{Problem, Take};
use crate::naming::free_name;
use crate::recorder::{AudioTrack, Coding, Destination};
use crate::shared::Shared;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::receive::depayloader::Encoding;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::memory::{Budget, SPARES_MAX, Spares};
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::presentation_time::Stamp;
use streamsocket_wire::rtp::ExtendedTime;

/// What may wait for the disk: two seconds of the largest streams, half a minute of usual ones. An SD card that
/// stalls longer loses what comes then.
const WAITING_BYTES: usize = 64 << 20;

/// Messages that may wait, since each has its own place: eight seconds of pictures and sound.
const WAITING_MAX: usize = 2048;

/// Where nothing comes, silence is written as often as this.
const LOOK: Duration = Duration::from_secs(1);

/// What the thread is told.
enum Message {
    Start(Start),
    Stop,
    Media(Media),
}

/// Where a recording goes.
enum Start {
    At(Destination),
    /// To the first name that is free in the current folder.
    Named,
}

/// The network thread's end.
pub struct Recording {
    messages: SyncSender<Message>,
    waiting: Arc<Budget>,
    jpegs: Spares<u8>,
    samples: Spares<i16>,
    packets: Spares<u8>,
    active: Arc<AtomicBool>,
    /// It was said that this recording loses something.
    said: bool,
    shared: Arc<Shared>,
}

/// The main thread's end.
#[derive(Clone)]
pub struct Control {
    messages: SyncSender<Message>,
    active: Arc<AtomicBool>,
}

/// The thread's own end: [`run`] it.
pub struct Writer {
    messages: Receiver<Message>,
    jpegs: SyncSender<Vec<u8>>,
    samples: SyncSender<Vec<i16>>,
    packets: SyncSender<Vec<u8>>,
    active: Arc<AtomicBool>,
    format: Format,
    shared: Arc<Shared>,
}

/// The three ends of a recording of this session, not yet started.
#[must_use]
pub fn prepare(plan: &Plan, shared: &Arc<Shared>) -> (Recording, Control, Writer) {
    let (messages, to_write) = sync_channel(WAITING_MAX);
    let (jpegs_back, jpegs) = sync_channel(SPARES_MAX);
    let (samples_back, samples) = sync_channel(SPARES_MAX);
    let (packets_back, packets) = sync_channel(SPARES_MAX);
    let active = Arc::new(AtomicBool::new(false));
    let control = Control { messages: messages.clone(), active: Arc::clone(&active) };
    let frame_nanos = |rate: u32| 1_000_000_000_000_u64.checked_div(rate.into());
    let video = plan.video.as_ref().map(|video| VideoPlan {
        frame_nanos: video.framerate.and_then(frame_nanos),
        size: video.size,
    });
    let audio = plan.audio.as_ref();
    let audio = audio.map(|audio| AudioTrack {
        rate: audio.clock_rate,
        channels: audio.channels,
        coding: match audio.encoding {
            Encoding::Opus => Coding::Opus,
            Encoding::L16 | Encoding::Jpeg => Coding::Pcm,
        },
    });
    let writer = Writer {
        messages: to_write,
        jpegs: jpegs_back,
        samples: samples_back,
        packets: packets_back,
        active: Arc::clone(&active),
        format: Format { video, audio },
        shared: Arc::clone(shared),
    };
    let recording = Recording {
        messages,
        waiting: Budget::new(WAITING_BYTES),
        jpegs: Spares::new(jpegs),
        samples: Spares::new(samples),
        packets: Spares::new(packets),
        active,
        said: false,
        shared: Arc::clone(shared),
    };
    (recording, control, writer)
}

impl Recording {
    /// Records a complete frame: a JPEG file of this width and height in pixels.
    pub fn video(&mut self, stamp: Stamp, file: &[u8], size: (u16, u16)) {
        if self.is_active() {
            let mut jpeg = self.jpegs.take(file.len());
            jpeg.extend_from_slice(file);
            let bytes = jpeg.capacity();
            self.send(stamp, Data::Video { jpeg, size }, bytes);
        }
    }

    /// Records samples. Stamp and RTP time are those of the first; they tell what is missing before it.
    pub fn audio(&mut self, stamp: Stamp, time: ExtendedTime, received: &[i16]) {
        if self.is_active() {
            let mut samples = self.samples.take(received.len());
            samples.extend_from_slice(received);
            let bytes = samples.capacity() * size_of::<i16>();
            self.send(stamp, Data::Audio { samples, time }, bytes);
        }
    }

    /// Records a packet of Opus. Stamp and RTP time are those of the first sample that it decodes to.
    pub fn encoded(&mut self, stamp: Stamp, time: ExtendedTime, received: &[u8]) {
        if self.is_active() {
            let mut packet = self.packets.take(received.len());
            packet.extend_from_slice(received);
            let bytes = packet.capacity();
            self.send(stamp, Data::Opus { packet, time }, bytes);
        }
    }

    fn is_active(&mut self) -> bool {
        let active = self.active.load(Ordering::Relaxed);
        self.said &= active;
        active
    }

    fn send(&mut self, stamp: Stamp, data: Data, bytes: usize) {
        let claim = self.waiting.claim(bytes);
        let message = claim.map(|claim| Message::Media(Media { stamp, data, claim: Some(claim) }));
        if message.is_some_and(|message| self.messages.try_send(message).is_ok()) {
            return;
        }
        self.shared.output.recording_left_out.add(1);
        if !std::mem::replace(&mut self.said, true) {
            log::warn!(
                "recording: what is recorded to does not keep up; pictures and sound are left out"
            );
        }
    }
}

impl Control {
    /// Begins a recording there.
    pub fn start(&self, destination: Destination) {
        self.begin(Start::At(destination));
    }

    /// Begins a recording to the first name that is free in the current folder.
    pub fn start_named(&self) {
        self.begin(Start::Named);
    }

    fn begin(&self, start: Start) {
        self.active.store(true, Ordering::Relaxed);
        if self.messages.try_send(Message::Start(start)).is_err() {
            self.active.store(false, Ordering::Relaxed);
            log::warn!("recording: the one before is still being written");
        }
    }

    /// Ends the recording.
    pub fn stop(&self) {
        self.active.store(false, Ordering::Relaxed);
        // One that finds no room ends with the next start, or the program.
        let _ = self.messages.try_send(Message::Stop);
    }

    /// Whether something is being recorded.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }
}

/// Writes until the other ends are gone.
///
/// # Errors
/// What is recorded to cannot take what comes now, and whoever reads it waits for more: the program is to end.
pub fn run(writer: &Writer) -> Result<(), String> {
    let mut take: Option<Take> = None;
    let mut heard = monotonic();
    loop {
        match writer.next(take.is_some()) {
            Ok(Message::Start(start)) => {
                writer.finish(take.take());
                take = writer.begin(start);
            }
            Ok(Message::Stop) => writer.finish(take.take()),
            Ok(Message::Media(media)) => writer.write(&mut take, media)?,
            Err(RecvTimeoutError::Timeout) => {
                writer.idle(&mut take, heard)?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
        heard = monotonic();
    }
    writer.finish(take);
    Ok(())
}

/// Totals of a recording before a step, to count what the step adds.
struct Before {
    jumps: u64,
    silent_nanos: u64,
}

impl Before {
    fn of(take: &Take) -> Self {
        Self { jumps: take.jumps(), silent_nanos: take.silent_nanos() }
    }
}

impl Writer {
    /// The next message; while recording it is not waited for without end.
    fn next(&self, recording: bool) -> Result<Message, RecvTimeoutError> {
        if recording {
            return self.messages.recv_timeout(LOOK);
        }
        self.messages.recv().map_err(|_| RecvTimeoutError::Disconnected)
    }

    fn write(&self, take: &mut Option<Take>, media: Media) -> Result<(), String> {
        let Some(open) = take else { return Ok(()) };
        let before = Before::of(open);
        let (written, done) = open.write(media);
        self.count(open, before);
        if let Some(media) = done {
            self.recycle(media);
        }
        written.or_else(|problem| self.cut(take, &problem))
    }

    /// Nothing has come since `heard`.
    fn idle(&self, take: &mut Option<Take>, heard: Monotonic) -> Result<(), String> {
        let Some(open) = take else { return Ok(()) };
        let before = Before::of(open);
        let written = open.idle(monotonic() - heard);
        self.count(open, before);
        written.or_else(|problem| self.cut(take, &problem))
    }

    fn count(&self, open: &Take, before: Before) {
        let counters = &self.shared.output;
        counters.recorded.set(open.bytes());
        counters.recording_jumps.add(open.jumps() - before.jumps);
        counters.recording_silence.add(open.silent_nanos() - before.silent_nanos);
    }

    /// Ends a recording that goes no further. What is in it plays all the same.
    fn cut(&self, take: &mut Option<Take>, problem: &Problem) -> Result<(), String> {
        self.active.store(false, Ordering::Relaxed);
        self.shared.output.recordings_cut.add(1);
        let ends = matches!(problem, Problem::Size(..));
        if !ends {
            log::warn!("{problem}");
        }
        if let Some(take) = take.take() {
            match take.finish() {
                Ok(left_out) => self.left_out(left_out.unwrap_or(0)),
                // It was said already that nothing more can be written.
                Err(again) => log::debug!("{again}"),
            }
        }
        if ends { Err(problem.to_string()) } else { Ok(()) }
    }

    fn begin(&self, start: Start) -> Option<Take> {
        let destination = match start {
            Start::At(destination) => Some(destination),
            Start::Named => free_name("recording", "mkv").and_then(|path| {
                Destination::open(&path).map_err(|error| log::warn!("{error}")).ok()
            }),
        };
        match destination {
            Some(destination) => {
                log::info!("recording to {}", destination.path().display());
                Some(Take::new(destination, self.format))
            }
            None => {
                self.active.store(false, Ordering::Relaxed);
                None
            }
        }
    }

    fn finish(&self, take: Option<Take>) {
        let Some(take) = take else { return };
        let path = take.path().to_owned();
        match take.finish() {
            Ok(Some(left_out)) => self.left_out(left_out),
            Ok(None) => log::warn!("nothing came that could be recorded to {}", path.display()),
            Err(problem) => {
                self.shared.output.recordings_cut.add(1);
                log::warn!("{problem}");
            }
        }
    }

    fn left_out(&self, left_out: u64) {
        self.shared.output.recording_left_out.add(left_out);
    }

    /// Gives a buffer back, and its room to what comes next. A full queue means that there are buffers
    /// enough.
    fn recycle(&self, media: Media) {
        let Media { data, claim, .. } = media;
        match data {
            Data::Video { jpeg, .. } => drop(self.jpegs.try_send(jpeg)),
            Data::Audio { samples, .. } => drop(self.samples.try_send(samples)),
            Data::Opus { packet, .. } => drop(self.packets.try_send(packet)),
        }
        drop(claim);
    }
}

#[cfg(test)]
mod tests;
