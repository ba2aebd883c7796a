//! A room: who is announced there, who is waited for, and who has left.

use super::folder::Folder;
use super::seat::Seat;
use super::speaking::Speaking;
use super::supervisor::Supervisor;
use super::threads::open_speaker;
use crate::mix::{MIX_CHANNELS, MIX_RATE, Mixer};
use crate::options::Options;
use crate::publisher::Publisher;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_net::Interface;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::in_step::InStep;
use streamsocket_subscribe::locate::{Change, follow_room};
use streamsocket_subscribe::plan::Plan;

/// Senders that are shown at most: as many as there are keys, and as can be told apart on a screen.
pub(super) const SEATS_MAX: usize = 9;

/// Changes that may wait for the main thread, which looks ten times a second.
const CHANGES_MAX: usize = 64;

/// How long until one who could not be joined is tried again: a link that comes back takes seconds.
const AGAIN: Delay = Delay::from_secs(5);

/// SSRCs of our own that are remembered: a daemon whose configuration changes has others.
const OWN_MAX: usize = 64;

/// A room.
pub(super) struct Room {
    pub(super) name: String,
    /// Who has the whole screen, by number, and who speaks.
    pub(super) large: Option<u64>,
    pub(super) marked: Option<u64>,
    pub(super) speaking: Speaking,
    pub(super) mixer: Arc<Mixer>,
    /// Has what was captured at one instant be presented at one.
    pub(super) in_step: Arc<InStep>,
    /// Where all are recorded.
    pub(super) folder: Option<Folder>,
    /// Those for whom there is no place, in the order in which they came.
    pub(super) waiting: VecDeque<(u64, Plan)>,
    /// Those who could not be joined, and when each is to be tried again.
    pub(super) failed: Vec<(u64, Plan, Monotonic)>,
    /// Of whom it was said.
    complained_of: Vec<u64>,
    /// It was said that there are more than are shown.
    pub(super) said: bool,
    changes: Receiver<Result<Change, String>>,
    /// Those whose sound is not wanted.
    left_out: Vec<String>,
    /// Who sends for us, and the SSRCs of what it sends: that is not to be heard here.
    publisher: Option<Publisher>,
    own: VecDeque<u32>,
    leaving: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
    sound: Supervisor,
}

impl Room {
    /// Listens for those who are in it.
    ///
    /// # Errors
    /// One line: the folder of the recordings cannot be made, or there can be no more threads.
    pub(super) fn open(
        name: &str,
        options: &Options,
        interface: Option<&Interface>,
    ) -> Result<Self, String> {
        let publishes = options.publish.is_some();
        let publisher =
            publishes.then(|| Publisher::start(name, options, interface)).transpose()?;
        let folder = options.record.as_deref();
        let folder = folder.map(|path| Folder::open(path, options.overwrite)).transpose()?;
        let (mixer, mut sound) = (Mixer::new(), Supervisor::new());
        let (playing, speaker, muted) = (Arc::clone(&mixer), options.speaker.clone(), options.mute);
        sound.spawn("sound", move || {
            playing.run(|| open_speaker(&speaker, MIX_RATE, MIX_CHANNELS, muted));
            Ok(())
        })?;
        let (sender, changes) = sync_channel(CHANGES_MAX);
        let stop = Arc::<AtomicBool>::default();
        listen(name.to_owned(), interface.cloned(), sender, Arc::clone(&stop))?;
        Ok(Self {
            name: name.to_owned(),
            large: None,
            marked: None,
            speaking: Speaking::default(),
            mixer,
            in_step: Arc::default(),
            folder,
            waiting: VecDeque::new(),
            failed: Vec::new(),
            complained_of: Vec::new(),
            said: false,
            changes,
            left_out: options.leave_out.clone(),
            publisher,
            own: VecDeque::new(),
            leaving: Vec::new(),
            stop,
            sound,
        })
    }

    /// The next change of who is announced.
    ///
    /// # Errors
    /// One line: announcements cannot be listened to.
    pub(super) fn change(&self) -> Result<Option<Change>, String> {
        self.changes.try_recv().ok().transpose()
    }

    /// Whether the sound of a session is not wanted: by its name, or by the SSRC that its description says.
    pub(super) fn leaves_out(&self, plan: &Plan) -> bool {
        let ssrc = plan.audio.as_ref().and_then(|audio| audio.ssrc);
        let is_own = ssrc.is_some_and(|ssrc| self.own.contains(&ssrc.0));
        let is_it = |text: &String| {
            *text == plan.name || ssrc.is_some_and(|ssrc| number(text) == Some(ssrc.0))
        };
        is_own || self.left_out.iter().any(is_it)
    }

    /// One who could not be joined, or is not received any more, is tried again a little later, until it leaves. What is
    /// wrong is said once.
    pub(super) fn try_later(&mut self, number: u64, plan: Plan, wrong: &str) {
        if !self.complained_of.contains(&number) {
            log::warn!("{wrong}; trying again");
            self.complained_of.push(number);
        }
        self.failed.push((number, plan, monotonic() + AGAIN));
    }

    /// Who is to be tried again now.
    pub(super) fn next_to_try(&mut self, now: Monotonic) -> Option<(u64, Plan)> {
        let due = self.failed.iter().position(|(_, _, at)| *at <= now)?;
        let (number, plan, _) = self.failed.swap_remove(due);
        Some((number, plan))
    }

    /// One has left, who may have been waited for.
    pub(super) fn forget(&mut self, number: u64) {
        self.waiting.retain(|(waiting, _)| *waiting != number);
        self.failed.retain(|(failed, ..)| *failed != number);
        self.complained_of.retain(|it| *it != number);
    }

    /// Hears from who sends for us what it sends; whether there is news of it.
    pub(super) fn hear_own(&mut self) -> bool {
        let Some(publisher) = &mut self.publisher else { return false };
        if publisher.has_ended() {
            log::warn!("streamsocket has ended: nothing of this machine is sent any more");
        }
        let known = self.own.len();
        self.own.extend(std::iter::from_fn(|| publisher.ssrc()));
        let has_news = self.own.len() != known;
        self.own.drain(..self.own.len().saturating_sub(OWN_MAX));
        has_news
    }

    /// The sound is gone: why, if it is.
    pub(super) fn lost(&mut self) -> Option<String> {
        self.sound.lost()
    }

    /// Ends the threads of one who has left, beside the main thread: a recording may take its time.
    pub(super) fn see_off(&mut self, seat: Seat) {
        seat.threads.stop();
        let name = seat.name.clone();
        let ending = move || {
            let (statistics, ended) = seat.end();
            statistics.text().lines().for_each(|line| log::info!("{line}"));
            if let Err(why) = ended {
                log::warn!("{name}: {why}");
            }
        };
        match Builder::new().name("leaving".into()).spawn(ending) {
            Ok(thread) => self.leaving.push(thread),
            Err(error) => log::warn!("no thread can be started: {error}"),
        }
        self.leaving.retain(|thread| !thread.is_finished());
    }

    /// Ends all threads; those who have left and are still being written are waited for.
    ///
    /// # Errors
    /// Which thread had a problem, or does not end.
    pub(super) fn end(mut self) -> Result<(), String> {
        // It may take its time beside the others.
        if let Some(publisher) = &mut self.publisher {
            publisher.stop();
        }
        self.stop.store(true, Ordering::Relaxed);
        self.mixer.quit();
        let ended = self.sound.join(|| 0);
        self.leaving.into_iter().for_each(|thread| drop(thread.join()));
        ended
    }
}

/// An SSRC as it is written: decimal, or hexadecimal with 0x in front.
fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// Passes on who is announced in the room, until it is to stop.
fn listen(
    room: String,
    interface: Option<Interface>,
    changes: SyncSender<Result<Change, String>>,
    stop: Arc<AtomicBool>,
) -> Result<(), String> {
    let listening = move || {
        let stops = || stop.load(Ordering::Relaxed);
        let mut each = |change| changes.send(Ok(change)).is_ok();
        if let Err(error) = follow_room(&room, interface.as_ref(), stops, &mut each) {
            let _ = changes.send(Err(error.to_string()));
        }
    };
    let thread = Builder::new().name("announced".into()).spawn(listening);
    thread.map(drop).map_err(|error| format!("no thread can be started: {error}"))
}
