//! The recording thread: what the network thread has put together goes to a file as it came, beside
//! whatever the screen and the sound card make of it. A slow disk loses recorded frames, counted,
//! and nothing else.

use crate::plan::Plan;
use crate::receiver::Shared;
use crate::recorder::{AudioTrack, Destination, Recorder, VideoTrack};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Frames and packets that may wait for the disk: about a second of both. An SD card that stalls
/// longer loses what comes then.
const WAITING_MAX: usize = 256;

/// Sound that waits for the first picture, in packets: two seconds. A session that has promised
/// pictures and sends none is recorded from then on without.
const PENDING_MAX: usize = 400;

/// Sound from before the first picture is recorded if it is no older than this, in nanoseconds: more
/// than may wait; what is older has a clock that was set.
const LEAD_NANOS: i64 = 3_000_000_000;

/// What the thread is told.
enum Message {
    Start(Destination),
    Stop,
    Video { unix: i64, jpeg: Vec<u8>, size: (u16, u16) },
    Audio { unix: i64, samples: Vec<i16> },
}

/// The network thread's end.
pub struct Recording {
    messages: SyncSender<Message>,
    jpegs: Receiver<Vec<u8>>,
    samples: Receiver<Vec<i16>>,
    active: Arc<AtomicBool>,
    losing: bool,
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
    active: Arc<AtomicBool>,
    video: Option<VideoPlan>,
    audio: Option<AudioTrack>,
    shared: Arc<Shared>,
}

/// What is known of the pictures before there are any.
#[derive(Clone, Copy)]
struct VideoPlan {
    /// Time from frame to frame in nanoseconds, if it is told.
    frame_nanos: Option<u64>,
    size: Option<(u16, u16)>,
}

/// The three ends of a recording of this session, not yet started.
#[must_use]
pub fn prepare(plan: &Plan, shared: &Arc<Shared>) -> (Recording, Control, Writer) {
    let (messages, to_write) = sync_channel(WAITING_MAX);
    let (jpegs_back, jpegs) = sync_channel(WAITING_MAX);
    let (samples_back, samples) = sync_channel(WAITING_MAX);
    let active = Arc::new(AtomicBool::new(false));
    let control = Control { messages: messages.clone(), active: Arc::clone(&active) };
    let frame_nanos = |rate: u32| 1_000_000_000_000_u64.checked_div(rate.into());
    let writer = Writer {
        messages: to_write,
        jpegs: jpegs_back,
        samples: samples_back,
        active: Arc::clone(&active),
        video: plan.video.as_ref().map(|video| VideoPlan {
            frame_nanos: video.framerate.and_then(frame_nanos),
            size: video.size,
        }),
        audio: plan
            .audio
            .as_ref()
            .map(|audio| AudioTrack { rate: audio.clock_rate, channels: audio.channels }),
        shared: Arc::clone(shared),
    };
    (Recording { messages, jpegs, samples, active, losing: false }, control, writer)
}

impl Recording {
    /// A complete frame, captured at `unix` nanoseconds since 1970.
    pub fn video(&mut self, unix: i64, file: &[u8], size: (u16, u16)) {
        if self.active.load(Ordering::Relaxed) {
            let mut jpeg = self.jpegs.try_recv().unwrap_or_default();
            jpeg.clear();
            jpeg.extend_from_slice(file);
            self.send(Message::Video { unix, jpeg, size });
        }
    }

    /// Samples, the first captured at `unix`.
    pub fn audio(&mut self, unix: i64, received: &[i16]) {
        if self.active.load(Ordering::Relaxed) {
            let mut samples = self.samples.try_recv().unwrap_or_default();
            samples.clear();
            samples.extend_from_slice(received);
            self.send(Message::Audio { unix, samples });
        }
    }

    /// So many samples are missing: silence stands for them, so that players keep the pace.
    pub fn hole(&mut self, unix: i64, count: usize) {
        if self.active.load(Ordering::Relaxed) {
            let mut samples = self.samples.try_recv().unwrap_or_default();
            samples.clear();
            samples.resize(count, 0);
            self.send(Message::Audio { unix, samples });
        }
    }

    fn send(&mut self, message: Message) {
        let lost = self.messages.try_send(message).is_err();
        if lost && !self.losing {
            log::warn!("recording: the disk does not keep up; frames are lost in the file");
        }
        self.losing = lost;
    }
}

impl Control {
    /// Begins a recording there.
    pub fn start(&self, destination: Destination) {
        self.active.store(true, Ordering::Relaxed);
        // Only a thread that has died does not take it.
        let _ = self.messages.send(Message::Start(destination));
    }

    /// Ends the recording.
    pub fn stop(&self) {
        self.active.store(false, Ordering::Relaxed);
        let _ = self.messages.send(Message::Stop);
    }

    /// Whether something is being recorded.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.active.load(Ordering::Relaxed)
    }
}

/// Writes until the other ends are gone.
pub fn run(writer: &Writer) {
    let mut take: Option<Take> = None;
    while let Ok(message) = writer.messages.recv() {
        match message {
            Message::Start(destination) => {
                writer.finish(take.take());
                log::info!("recording to {}", destination.path().display());
                take = Some(Take::new(destination));
            }
            Message::Stop => writer.finish(take.take()),
            media => {
                if let Some(Err(problem)) = take.as_mut().map(|take| take.write(&media, writer)) {
                    writer.active.store(false, Ordering::Relaxed);
                    writer.shared.counters.recordings_cut.add(1);
                    log::warn!("{problem}");
                    // What is in it plays all the same, with its duration if it can still be written.
                    writer.finish(take.take());
                }
                writer.recycle(media, take.as_mut());
            }
        }
    }
    writer.finish(take);
}

impl Writer {
    /// Ends a recording. Sound that still waits for a first picture is all there will be.
    fn finish(&self, take: Option<Take>) {
        let Some(mut take) = take else { return };
        if let (None, Some(first)) = (&take.open, take.pending.first().and_then(unix)) {
            let begun = take.begin_at(first, None, self);
            if let Err(problem) = begun {
                log::warn!("{problem}");
            }
        }
        let path = take.path.display();
        let Some(open) = take.open else {
            log::warn!("nothing came that could be recorded to {path}");
            return;
        };
        match open.recorder.finish() {
            Ok(summary) => log::info!(
                "recorded {} pictures and {:.1} MB to {path}",
                summary.pictures,
                megabytes(summary.bytes),
            ),
            Err(error) => {
                self.shared.counters.recordings_cut.add(1);
                log::warn!("{error}");
            }
        }
    }

    /// Gives a message's buffer back, unless the message waits for the first picture.
    fn recycle(&self, message: Message, take: Option<&mut Take>) {
        if let Some(take) = take.filter(|take| take.open.is_none()) {
            if take.pending.len() < PENDING_MAX {
                take.pending.push(message);
            }
            return;
        }
        // A full queue means that there are buffers enough.
        match message {
            Message::Video { jpeg, .. } => drop(self.jpegs.try_send(jpeg)),
            Message::Audio { samples, .. } => drop(self.samples.try_send(samples)),
            Message::Start(_) | Message::Stop => {}
        }
    }
}

/// One recording.
struct Take {
    path: PathBuf,
    /// Until something comes to be recorded.
    destination: Option<Destination>,
    open: Option<Open>,
    /// Sound that came before the first picture.
    pending: Vec<Message>,
}

/// One recording whose file is open.
struct Open {
    recorder: Recorder,
    start: i64,
    size: Option<(u16, u16)>,
    /// Pictures that came after the file had begun without a track for them.
    pictures_refused: u64,
}

impl Take {
    fn new(destination: Destination) -> Self {
        let path = destination.path().to_owned();
        Self { path, destination: Some(destination), open: None, pending: Vec::new() }
    }

    fn write(&mut self, message: &Message, writer: &Writer) -> Result<(), String> {
        if self.open.is_none() {
            let size = match message {
                Message::Video { size, .. } => Some(*size),
                _ if writer.video.is_none() => None,
                // Pictures that come later still find their track, if the description told their size.
                _ if self.pending.len() >= PENDING_MAX => writer.video.and_then(|it| it.size),
                _ => return Ok(()),
            };
            self.begin(message, size, writer)?;
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        open.write(message)?;
        writer.shared.counters.recorded.set(open.recorder.bytes());
        Ok(())
    }

    fn begin(
        &mut self,
        first: &Message,
        size: Option<(u16, u16)>,
        writer: &Writer,
    ) -> Result<(), String> {
        self.begin_at(unix(first).unwrap_or(0), size, writer)
    }

    /// Begins with what was captured at `begin`, and all that waits.
    fn begin_at(
        &mut self,
        begin: i64,
        size: Option<(u16, u16)>,
        writer: &Writer,
    ) -> Result<(), String> {
        let lead = |unix: &i64| begin.saturating_sub(*unix) < LEAD_NANOS;
        let lead = self.pending.iter().filter_map(unix).filter(lead);
        let start = lead.min().unwrap_or(begin).min(begin);
        let video = size.zip(writer.video).map(|((width, height), plan)| VideoTrack {
            width,
            height,
            frame_nanos: plan.frame_nanos,
        });
        let Some(destination) = self.destination.take() else { return Ok(()) };
        let recorder = Recorder::start(destination, video, writer.audio);
        let recorder = recorder.map_err(|error| error.to_string())?;
        let mut open = Open { recorder, start, size, pictures_refused: 0 };
        for message in self.pending.drain(..) {
            open.write(&message)?;
        }
        self.open = Some(open);
        Ok(())
    }
}

impl Open {
    fn write(&mut self, message: &Message) -> Result<(), String> {
        let written = match message {
            Message::Video { size, .. } if self.size.is_some_and(|open| open != *size) => {
                let (width, height) = size;
                return Err(format!("the picture's size has changed to {width}x{height}"));
            }
            Message::Video { unix, jpeg, .. } if self.size.is_some() => {
                // The first report of a sender may move its pictures back by a little: the first
                // was placed by its arrival.
                let nanos = unix.saturating_sub(self.start);
                let nanos = if nanos > -LEAD_NANOS { nanos.max(0) } else { nanos };
                self.recorder.write_video(nanos, jpeg)
            }
            Message::Audio { unix, samples } => {
                self.recorder.write_audio(unix.saturating_sub(self.start), samples)
            }
            Message::Video { .. } => {
                self.pictures_refused += 1;
                if self.pictures_refused == 1 {
                    log::warn!(
                        "recording: pictures came too late to be in the file: begin a new one"
                    );
                }
                Ok(())
            }
            Message::Start(_) | Message::Stop => Ok(()),
        };
        written.map_err(|error| error.to_string())
    }
}

const fn unix(message: &Message) -> Option<i64> {
    match message {
        Message::Video { unix, .. } | Message::Audio { unix, .. } => Some(*unix),
        Message::Start(_) | Message::Stop => None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A sender's clock may say anything.
    #[test]
    fn capture_times_may_be_as_far_apart_as_they_like() {
        let folder = tempfile::tempdir().unwrap();
        let destination = Destination::open(&folder.path().join("a.mkv")).unwrap();
        let (size, video) =
            (Some((16, 16)), VideoTrack { width: 16, height: 16, frame_nanos: None });
        let audio = AudioTrack { rate: 8_000, channels: 1 };
        let recorder = Recorder::start(destination, Some(video), Some(audio)).unwrap();
        let mut open = Open { recorder, start: 1, size, pictures_refused: 0 };
        for unix in [i64::MIN, i64::MAX] {
            let video = Message::Video { unix, jpeg: vec![1], size: (16, 16) };
            open.write(&video).unwrap();
            open.write(&Message::Audio { unix, samples: vec![1] }).unwrap();
        }
        assert_eq!(open.recorder.finish().unwrap().before_start, 2);
    }
}
