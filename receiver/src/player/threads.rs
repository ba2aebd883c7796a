//! Starts the threads of one sender and the queues between them, and ends them again.

use super::supervisor::Supervisor;
use crate::decoding::Decoding;
use crate::level::Level;
use crate::mix::{Input, Mixer};
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
use std::thread::Thread;
use std::time::Duration;
use streamsocket_decode::DecodedPicture;
use streamsocket_net::Interface;
use streamsocket_subscribe::in_step::Member;
use streamsocket_subscribe::keys::KeyRing;
use streamsocket_subscribe::locate;
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::queue::{Drain, FrameQueue, Sound, SoundQueue};
use streamsocket_subscribe::subscription::{Ending, Stop, Subscription};

/// Interval at which a thread that has nothing else to do looks whether the program ends.
const LOOK: Duration = Duration::from_millis(100);

/// What all senders have in common.
pub(super) struct Means<'a> {
    pub(super) options: &'a Options,
    pub(super) interface: Option<&'a Interface>,
    pub(super) keys: &'a KeyRing,
    pub(super) wake: Wake,
    pub(super) volume: Arc<Volume>,
}

/// Wakes the main thread when a picture is ready.
#[derive(Clone)]
pub(super) enum Wake {
    /// It waits for events of its window.
    Window(Arc<screen::Waker>),
    /// It is parked.
    Parked(Thread),
    /// It waits for the only queue that there is.
    Queue,
}

impl Wake {
    fn wake(&self) {
        match self {
            Self::Window(waker) => waker.wake(),
            Self::Parked(thread) => thread.unpark(),
            Self::Queue => {}
        }
    }
}

/// Where the sound of a sender goes.
pub(super) enum Hearing {
    /// It has the sound card to itself.
    Alone,
    /// It is mixed with that of others.
    Mixed(Arc<Mixer>),
    /// Nowhere.
    LeftOut,
}

/// What one of several senders has.
pub(super) struct Among {
    /// Notes how loud it is.
    pub(super) level: Arc<Level>,
    /// Keeps it in step with the others.
    pub(super) step: Member,
}

/// The threads of a sender beside the main one, as the main one knows them.
pub(super) struct Threads {
    /// Pictures to be presented.
    pub(super) decoded: Queue<Decoded>,
    /// Pictures to be filled anew.
    pub(super) pictures: SyncSender<DecodedPicture>,
    /// Buffers of frames to be filled anew.
    pub(super) buffers: SyncSender<Vec<u8>>,
    pub(super) recording: Control,
    /// Pictures to be put in files.
    pub(super) snapshots: SyncSender<Snapshot>,
    pub(super) shared: Arc<Shared>,
    stop_network: Stop,
    supervisor: Supervisor,
}

impl Threads {
    /// Receives what is planned.
    pub(super) fn start(
        means: &Means<'_>,
        plan: &Plan,
        hearing: Hearing,
        among: Option<Among>,
    ) -> Result<Self, String> {
        let Means { options, interface, keys, wake, .. } = means;
        let (level, step) = among.map(|Among { level, step }| (level, step)).unzip();
        let mut supervisor = Supervisor::new();
        let shared = Arc::new(Shared::default());
        let (frames, to_decode) = FrameQueue::new();
        let buffers = to_decode.spares.clone();
        let (sound, to_play) = SoundQueue::new();
        let (recording, control, writer) = recording::prepare(plan, &shared);
        let (decoding, counted) = (Decoding::of(plan), Arc::clone(&shared));
        let outlets =
            Box::new(Outlets { frames, sound, decoding, recording, level, shared: counted });
        let input = Arc::clone(&shared.input);
        let (mut subscription, stop_network) =
            Subscription::open(plan, *interface, options.latency, outlets, input, (*keys).clone())?;
        if let Some(followed) = choose_tier(means, plan, &mut subscription, &shared) {
            supervisor.spawn("tiers", followed)?;
        }
        if let Some(step) = step {
            subscription.keep_in_step(step);
        }
        supervisor.spawn("recording", move || recording::run(&writer))?;
        let (snapshots, to_save) = sync_channel(SNAPSHOTS_MAX);
        let of_snapshot = Arc::clone(&shared);
        supervisor.spawn("snapshot", move || {
            snapshot::run(&to_save, &of_snapshot.output);
            Ok(())
        })?;
        let sound = play_sound(means, plan, hearing, to_play, &shared);
        supervisor.spawn("sound", sound)?;
        let (decoded_queue, decoded) = sync_channel(DECODED_MAX);
        let (pictures, spare) = sync_channel(DECODED_MAX);
        let (of_picture, wake) = (Arc::clone(&shared), wake.clone());
        supervisor.spawn("picture", move || {
            let wake = || wake.wake();
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
            recording: control,
            snapshots,
            shared,
            stop_network,
            supervisor,
        })
    }

    /// Which thread has ended, if one has, and why: nothing would come any more, without a word.
    pub(super) fn lost(&mut self) -> Option<String> {
        self.supervisor.lost()
    }

    /// Has all threads end, without waiting for them.
    pub(super) fn stop(&self) {
        self.shared.quit.store(true, Ordering::Relaxed);
        self.stop_network.stop();
        self.recording.stop();
    }

    /// Ends all threads: the network thread's end closes the queues of the others. What is recorded is
    /// waited for as long as it is being written.
    ///
    /// # Errors
    /// Which thread had a problem, or does not end.
    pub(super) fn end(self) -> (Arc<Shared>, Result<(), String>) {
        self.stop();
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

/// Has the best tier received, if that is wanted: then the tiers are to be followed.
fn choose_tier(
    means: &Means<'_>,
    plan: &Plan,
    subscription: &mut Subscription,
    shared: &Arc<Shared>,
) -> Option<impl FnOnce() -> Result<(), String> + Send + use<>> {
    let Means { options, interface, .. } = means;
    chooses_tier(options, plan).then(|| {
        subscription.choose_among(plan, shared.tiers.clone(), *interface);
        follow_tiers(plan.clone(), interface.cloned(), Arc::clone(shared))
    })
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
    means: &Means<'_>,
    plan: &Plan,
    hearing: Hearing,
    queue: Drain<Sound, i16>,
    shared: &Arc<Shared>,
) -> impl FnOnce() -> Result<(), String> + Send + use<> {
    let format = plan.audio.as_ref().map(|audio| (audio.clock_rate, audio.channels));
    let (name, muted) = (means.options.speaker.clone(), means.options.mute);
    let (volume, shared) = (Arc::clone(&means.volume), Arc::clone(shared));
    let Drain { messages, spares } = queue;
    move || {
        match (hearing, format) {
            (Hearing::Alone, Some((rate, channels))) => {
                if let Some(speaker) = open_speaker(&name, rate, channels, muted) {
                    sound::run(speaker, &messages, &spares, &volume, &shared);
                    return Ok(());
                }
            }
            (Hearing::Mixed(mixer), Some((rate, channels))) => {
                let ends = || shared.quit.load(Ordering::Relaxed);
                if let Some(input) = Input::open(&mixer, rate, channels, ends) {
                    sound::run(input, &messages, &spares, &volume, &shared);
                    return Ok(());
                }
            }
            (Hearing::LeftOut, _) | (_, None) => {}
        }
        sound::discard(&messages, &spares, &shared);
        Ok(())
    }
}

/// The sound card, if there is one.
pub(super) fn open_speaker(name: &str, rate: u32, channels: u8, muted: bool) -> Option<Speaker> {
    // Who wants no sound need not know that there could be none.
    let level = if muted { log::Level::Debug } else { log::Level::Warn };
    let opened = Speaker::open(name, rate, channels);
    opened.map_err(|error| log::log!(level, "no sound: {error}")).ok()
}
