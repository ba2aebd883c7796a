//! Starts the threads and the queues between them, and ends them again.

use crate::decode::Picture;
use crate::options::Options;
use crate::picture::{self, CODED_MAX, Coded, DECODED_MAX, Decoded};
use crate::plan::Plan;
use crate::receiver::{Outlets, Receiver, Shared};
use crate::recording::{self, Control};
use crate::screen;
use crate::sound::{self, SOUND_MAX, Sound, Volume};
use crate::speaker::Speaker;
use nix::sys::signal::{SigSet, Signal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver as Queue, Sender, SyncSender, channel, sync_channel};
use std::thread::{Builder, JoinHandle};
use streamsocket_net::{Interface, machine};

/// The threads beside the main one, as the main one knows them.
pub(super) struct Threads {
    /// Pictures to be presented.
    pub(super) decoded: Queue<Decoded>,
    /// Pictures to be filled anew.
    pub(super) pictures: SyncSender<Picture>,
    /// Buffers of frames to be filled anew.
    pub(super) buffers: SyncSender<Vec<u8>>,
    /// Says that a signal has come; otherwise never anything.
    pub(super) signals: Queue<()>,
    pub(super) recording: Control,
    pub(super) volume: Arc<Volume>,
    pub(super) shared: Arc<Shared>,
    wake_network: Arc<mio::Waker>,
    network: JoinHandle<Result<(), String>>,
    others: Vec<JoinHandle<()>>,
}

impl Threads {
    pub(super) fn start(
        options: &Options,
        plan: &Plan,
        interface: Option<&Interface>,
        waker: Option<screen::Waker>,
    ) -> Result<Self, String> {
        let signals = watch_signals()?;
        let shared =
            Arc::new(Shared { counters: Default::default(), quit: AtomicBool::new(false) });
        let (coded, coded_queue) = sync_channel(CODED_MAX);
        let (buffers, coded_spare) = sync_channel(CODED_MAX + DECODED_MAX);
        let (sound, sound_queue) = sync_channel(SOUND_MAX);
        let (samples, sound_spare) = sync_channel(SOUND_MAX);
        let (recording, control, writer) = recording::prepare(plan, &shared);
        let outlets = Outlets { coded, coded_spare, sound, sound_spare, recording };
        let (receiver, wake_network) =
            Receiver::open(plan, interface, options.latency, outlets, Arc::clone(&shared))?;
        let volume = Arc::new(Volume { muted: options.mute.into(), ..Volume::default() });
        let mut others = vec![
            spawn("recording", move || recording::run(&writer))?,
            start_sound(options, plan, sound_queue, samples, (&volume, &shared))?,
        ];
        let (decoded_queue, decoded) = sync_channel(DECODED_MAX);
        let (pictures, spare) = sync_channel(DECODED_MAX);
        let of_picture = Arc::clone(&shared);
        others.push(spawn("picture", move || {
            decode(&coded_queue, &decoded_queue, &spare, waker.as_ref(), &of_picture);
        })?);
        let network = Builder::new().name("network".into()).spawn(move || receiver.run());
        let network = network.map_err(|error| format!("no thread can be started: {error}"))?;
        Ok(Self {
            decoded,
            pictures,
            buffers,
            signals,
            recording: control,
            volume,
            shared,
            wake_network,
            network,
            others,
        })
    }

    /// Ends all threads: the network thread's end closes the queues of the others.
    pub(super) fn end(self) -> Result<Arc<Shared>, String> {
        self.shared.quit.store(true, Ordering::Relaxed);
        self.recording.stop();
        let Self { network, others, wake_network, shared, recording, decoded, .. } = self;
        drop((recording, decoded));
        // Without it the thread would look only at its next packet.
        let _ = wake_network.wake();
        let result = network.join().unwrap_or(Err("the network thread has died".into()));
        for thread in others {
            if thread.join().is_err() {
                log::error!("a thread has died");
            }
        }
        result.map(|()| shared)
    }
}

fn decode(
    coded: &Queue<Coded>,
    decoded: &SyncSender<Decoded>,
    spare: &Queue<Picture>,
    waker: Option<&screen::Waker>,
    shared: &Arc<Shared>,
) {
    let wake = || {
        if let Some(waker) = waker {
            waker.wake();
        }
    };
    if let Err(error) = picture::run(coded, decoded, spare, &wake, shared) {
        log::error!("{error}");
    }
}

fn start_sound(
    options: &Options,
    plan: &Plan,
    queue: Queue<Sound>,
    spare: SyncSender<Vec<i16>>,
    (volume, shared): (&Arc<Volume>, &Arc<Shared>),
) -> Result<JoinHandle<()>, String> {
    let speaker = plan.audio.as_ref().and_then(|audio| {
        let speaker = Speaker::open(&options.speaker, audio.clock_rate, audio.channels);
        speaker.map_err(|error| log::warn!("no sound: {error}")).ok()
    });
    let (volume, shared) = (Arc::clone(volume), Arc::clone(shared));
    spawn("sound", move || match speaker {
        Some(speaker) => sound::run(speaker, &queue, &spare, &volume, &shared),
        None => sound::discard(&queue, &spare, &shared),
    })
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, String> {
    let thread = Builder::new().name(name.into()).spawn(work);
    thread.map_err(|error| format!("no thread can be started: {error}"))
}

/// SIGINT, SIGTERM and SIGHUP come through a queue. The thread that waits for them ends with the program.
fn watch_signals() -> Result<Queue<()>, String> {
    let mut set = SigSet::empty();
    set.add(Signal::SIGINT);
    set.add(Signal::SIGTERM);
    // The terminal is gone: a recording is ended well all the same. Under nohup it goes on.
    if !machine::is_ignored(Signal::SIGHUP as u32) {
        set.add(Signal::SIGHUP);
    }
    set.thread_block().map_err(|error| format!("signals cannot be watched: {error}"))?;
    let (sender, signals): (Sender<()>, _) = channel();
    spawn("signals", move || while set.wait().is_ok() && sender.send(()).is_ok() {})?;
    Ok(signals)
}
