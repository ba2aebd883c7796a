//! Starts the threads and the queues between them, and ends them again.

use super::signals::Signals;
use super::supervisor::Supervisor;
use crate::decoding::Decoding;
use crate::options::{Options, TIER_AUTO};
use crate::outlets::Outlets;
use crate::picture::{self, DECODED_MAX, Decoded};
use crate::recording::{self, Control};
use crate::screen;
use crate::shared::Shared;
use crate::snapshot::{self, SNAPSHOTS_MAX, Snapshot};
use crate::sound::{self, Volume};
use crate::speaker::Speaker;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver as Queue, SyncSender, sync_channel};
use std::time::Duration;
use streamsocket_decode::DecodedPicture;
use streamsocket_net::Interface;
use streamsocket_subscribe::keys::KeyRing;
use streamsocket_subscribe::locate;
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::queue::{Drain, FrameQueue, Sound, SoundQueue};
use streamsocket_subscribe::subscription::{Ending, Stop, Subscription};

/// Interval at which a thread that has nothing else to do looks whether the program ends.
const LOOK: Duration = Duration::from_millis(100);

/// The threads beside the main one, as the main one knows them.
pub(super) struct Threads {
    /// Pictures to be presented.
    pub(super) decoded: Queue<Decoded>,
    /// Pictures to be filled anew.
    pub(super) pictures: SyncSender<DecodedPicture>,
    /// Buffers of frames to be filled anew.
    pub(super) buffers: SyncSender<Vec<u8>>,
    /// Says that a signal has come; otherwise never anything.
    pub(super) signals: Signals,
    pub(super) recording: Control,
    /// Pictures to be put in files.
    pub(super) snapshots: SyncSender<Snapshot>,
    pub(super) volume: Arc<Volume>,
    pub(super) shared: Arc<Shared>,
    stop_network: Stop,
    supervisor: Supervisor,
}

impl Threads {
    pub(super) fn start(
        options: &Options,
        plan: &Plan,
        interface: Option<&Interface>,
        keys: &KeyRing,
        waker: Option<screen::Waker>,
        signals: Signals,
    ) -> Result<Self, String> {
        let mut supervisor = Supervisor::new();
        let shared = Arc::new(Shared::default());
        let (frames, to_decode) = FrameQueue::new();
        let buffers = to_decode.spares.clone();
        let (sound, to_play) = SoundQueue::new();
        let (recording, control, writer) = recording::prepare(plan, &shared);
        let (decoding, counted) = (Decoding::of(plan), Arc::clone(&shared));
        let outlets = Box::new(Outlets { frames, sound, decoding, recording, shared: counted });
        let input = Arc::clone(&shared.input);
        let (mut subscription, stop_network) =
            Subscription::open(plan, interface, options.latency, outlets, input, keys.clone())?;
        if chooses_tier(options, plan) {
            subscription.choose_among(plan, shared.tiers.clone(), interface);
            let followed = follow_tiers(plan.clone(), interface.cloned(), Arc::clone(&shared));
            supervisor.spawn("tiers", followed)?;
        }
        let volume = Arc::new(Volume { muted: options.mute.into(), ..Volume::default() });
        supervisor.spawn("recording", move || recording::run(&writer))?;
        let (snapshots, to_save) = sync_channel(SNAPSHOTS_MAX);
        let of_snapshot = Arc::clone(&shared);
        supervisor.spawn("snapshot", move || {
            snapshot::run(&to_save, &of_snapshot.output);
            Ok(())
        })?;
        let sound = play_sound(options, plan, to_play, &volume, &shared);
        supervisor.spawn("sound", sound)?;
        let (decoded_queue, decoded) = sync_channel(DECODED_MAX);
        let (pictures, spare) = sync_channel(DECODED_MAX);
        let of_picture = Arc::clone(&shared);
        supervisor.spawn("picture", move || {
            let wake = || waker.iter().for_each(screen::Waker::wake);
            picture::run(&to_decode, &decoded_queue, &spare, &wake, &of_picture)
        })?;
        let of_network = Arc::clone(&shared);
        supervisor.spawn("network", move || {
            // Before the queues to the other threads are closed, which ends those.
            let ending = subscription.run()?;
            of_network.changed.store(ending == Ending::Changed, Ordering::Relaxed);
            Ok(())
        })?;
        Ok(Self {
            decoded,
            pictures,
            buffers,
            signals,
            recording: control,
            snapshots,
            volume,
            shared,
            stop_network,
            supervisor,
        })
    }

    /// Whether all goes on that was started.
    ///
    /// # Errors
    /// Which thread has ended, and why: nothing would come any more, without a word.
    pub(super) fn check(&mut self) -> Result<(), String> {
        self.supervisor.lost().map_or(Ok(()), Err)
    }

    /// Ends all threads: the network thread's end closes the queues of the others. What is recorded is
    /// waited for as long as it is being written.
    ///
    /// # Errors
    /// Which thread had a problem, or does not end.
    pub(super) fn end(self) -> (Arc<Shared>, Result<(), String>) {
        self.shared.quit.store(true, Ordering::Relaxed);
        self.stop_network.stop();
        self.recording.stop();
        let Self { supervisor, shared, recording, decoded, snapshots, .. } = self;
        drop((recording, decoded, snapshots));
        let result = supervisor.join(|| shared.output.recorded.get());
        (shared, result)
    }
}

/// Whether the best tier is received instead of the session itself. What is had over RTSP comes from no group.
fn chooses_tier(options: &Options, plan: &Plan) -> bool {
    let from_group = plan.unicast.as_ref().is_none_or(|unicast| !unicast.only);
    let automatic = options.tier.as_deref().is_none_or(|tier| tier == TIER_AUTO);
    automatic && from_group && plan.tier.is_none() && plan.video.is_some()
}

/// Hears which tiers are announced.
fn follow_tiers(
    plan: Plan,
    interface: Option<Interface>,
    shared: Arc<Shared>,
) -> impl FnOnce() -> Result<(), String> + Send {
    move || {
        let quits = || shared.quit.load(Ordering::Relaxed);
        if let Err(error) = locate::follow_tiers(interface.as_ref(), &plan, &shared.tiers, quits) {
            log::debug!("no tiers are known: {error}");
            while !quits() {
                std::thread::park_timeout(LOOK);
            }
        }
        Ok(())
    }
}

/// Plays on the sound card, if there is one. It is opened where it is played on: a sound server that does not
/// answer is nobody else's business.
fn play_sound(
    options: &Options,
    plan: &Plan,
    queue: Drain<Sound, i16>,
    volume: &Arc<Volume>,
    shared: &Arc<Shared>,
) -> impl FnOnce() -> Result<(), String> + Send + use<> {
    let format = plan.audio.as_ref().map(|audio| (audio.clock_rate, audio.channels));
    let name = options.speaker.clone();
    // Who wants no sound need not know that there could be none.
    let level = if options.mute { log::Level::Debug } else { log::Level::Warn };
    let (volume, shared) = (Arc::clone(volume), Arc::clone(shared));
    let Drain { messages, spares } = queue;
    move || {
        let speaker = format.and_then(|(rate, channels)| {
            let opened = Speaker::open(&name, rate, channels);
            opened.map_err(|error| log::log!(level, "no sound: {error}")).ok()
        });
        match speaker {
            Some(speaker) => sound::run(speaker, &messages, &spares, &volume, &shared),
            None => sound::discard(&messages, &spares, &shared),
        }
        Ok(())
    }
}
