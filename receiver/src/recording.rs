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

/// Sound from before the first picture is recorded if it is no older than this, in nanoseconds.
const LEAD_NANOS: i64 = 500_000_000;

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
    video: Option<Option<u64>>,
    audio: Option<AudioTrack>,
    shared: Arc<Shared>,
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
        video: plan.video.as_ref().map(|video| video.framerate.and_then(frame_nanos)),
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
                finish(take.take());
                log::info!("recording to {}", destination.path().display());
                take = Some(Take::new(destination));
            }
            Message::Stop => finish(take.take()),
            media => {
                if let Some(Err(problem)) = take.as_mut().map(|take| take.write(&media, writer)) {
                    writer.active.store(false, Ordering::Relaxed);
                    log::warn!("{problem}; the recording ends here");
                    finish(take.take());
                }
                writer.recycle(media, take.as_mut());
            }
        }
    }
    finish(take);
}

impl Writer {
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
                _ if writer.video.is_none() || self.pending.len() >= PENDING_MAX => None,
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
        let begin = unix(first).unwrap_or(0);
        let lead = self.pending.iter().filter_map(unix).filter(|unix| begin - unix < LEAD_NANOS);
        let start = lead.min().unwrap_or(begin).min(begin);
        let video = size.zip(writer.video);
        let video =
            video.map(|((width, height), frame_nanos)| VideoTrack { width, height, frame_nanos });
        let Some(destination) = self.destination.take() else { return Ok(()) };
        let recorder = Recorder::start(destination, video, writer.audio);
        let recorder = recorder.map_err(|error| error.to_string())?;
        let mut open = Open { recorder, start, size };
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
                let nanos = unix - self.start;
                let nanos = if nanos > -LEAD_NANOS { nanos.max(0) } else { nanos };
                self.recorder.write_video(nanos, jpeg)
            }
            Message::Audio { unix, samples } => {
                self.recorder.write_audio(unix - self.start, samples)
            }
            _ => Ok(()),
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

fn finish(take: Option<Take>) {
    let Some(Take { path, destination, open, .. }) = take else { return };
    if let Some(destination) = destination {
        log::warn!("nothing came that could be recorded to {}", path.display());
        destination.discard();
    }
    let Some(open) = open else { return };
    match open.recorder.finish() {
        Ok(summary) => log::info!(
            "recorded {} pictures and {:.1} MB to {}",
            summary.pictures,
            megabytes(summary.bytes),
            path.display()
        ),
        Err(error) => log::warn!("{error}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
