//! The network thread and its event loop: packets in, frames and samples out, each with the time it
//! is due. The only place of the receiver that knows both the engine and the sockets.

mod assumption;
mod audio;
mod moment;
mod rejoin;
mod session;
mod video;

use self::audio::Audio;
pub(crate) use self::moment::Clocks;
use self::rejoin::Rejoin;
use self::session::Sender;
pub(crate) use self::session::Session;
use self::video::Video;
use crate::clock::monotonic;
use crate::counters::{Counters, Gauge, Note};
use crate::intake::{Heard, Intake};
use crate::memory::{Budget, Spares};
use crate::options::Latency;
use crate::picture::Coded;
use crate::plan::Plan;
use crate::recording::Recording;
use crate::sound::Sound;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;
use streamsocket_net::{Changes, Interface, machine};
use streamsocket_stream::clock::Monotonic;
use streamsocket_stream::receive::sync::Medium;

/// Events taken from the kernel at a time; more wait for the next turn.
const EVENTS_MAX: usize = 16;

const WAKER: Token = Token(0);
const PACKETS: Token = Token(1);
const CHANGES: Token = Token(2);

/// Where what is complete goes to. A queue that is full loses what is newest, counted.
pub struct Outlets {
    /// Frames to be decoded.
    pub coded: SyncSender<Coded>,
    /// What they may hold.
    pub coded_budget: Arc<Budget>,
    /// Their buffers, back.
    pub coded_spare: Spares<u8>,
    /// Samples to be played.
    pub sound: SyncSender<Sound>,
    /// What they may hold.
    pub sound_budget: Arc<Budget>,
    /// Their buffers, back.
    pub sound_spare: Spares<i16>,
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
    /// Ears for links and addresses that change.
    changes: Option<Changes>,
    rejoin: Rejoin,
    video: Option<Video>,
    audio: Option<Audio>,
    session: Session,
    outlets: Outlets,
    shared: Arc<Shared>,
    cname: String,
}

impl Receiver {
    /// Opens the sockets of a session. The waker ends the loop after `quit` has been set.
    ///
    /// # Errors
    /// One line: which socket, and why not.
    pub fn open(
        plan: &Plan,
        interface: Option<&Interface>,
        latency: Latency,
        outlets: Outlets,
        shared: Arc<Shared>,
    ) -> Result<(Self, Arc<Waker>), String> {
        let only = plan.only_from_sources;
        let intake = |medium, stream| Intake::open(medium, stream, interface, only);
        let failed = |error: io::Error| format!("the event loop cannot be set up: {error}");
        let mut receiver = Self {
            poll: Poll::new().map_err(failed)?,
            changes: Changes::open().ok(),
            rejoin: Rejoin::new(monotonic()),
            video: None,
            audio: None,
            session: Session::new(latency, monotonic()),
            outlets,
            shared,
            // Two viewers of one host are two (RFC 7022 section 4.2).
            cname: format!("{:08x}@{}", machine::random().unwrap_or(0), machine::host_name()),
        };
        if let Some(stream) = &plan.video {
            let intake = intake(Medium::Video, stream).map_err(|error| error.to_string())?;
            receiver.video = Some(Video::new(intake, stream));
        }
        if let Some(stream) = &plan.audio {
            let intake = intake(Medium::Audio, stream).map_err(|error| error.to_string())?;
            receiver.audio = Some(Audio::new(intake, stream));
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
            let now = monotonic();
            if events.iter().any(|event| event.token() == CHANGES) {
                self.hear_of_network(now);
            }
            left = self.turn(now);
        }
        for intake in self.intakes() {
            intake.bye(&self.cname);
        }
        Ok(())
    }

    fn watch(&self) -> io::Result<()> {
        let sockets = self.intakes().flat_map(Intake::sockets);
        let sockets = sockets.map(|socket| (socket.as_raw_fd(), PACKETS));
        let changes = self.changes.as_ref().map(|changes| (changes.as_raw_fd(), CHANGES));
        for (descriptor, token) in sockets.chain(changes) {
            let mut source = SourceFd(&descriptor);
            self.poll.registry().register(&mut source, token, Interest::READABLE)?;
        }
        Ok(())
    }

    fn intakes_mut(&mut self) -> impl Iterator<Item = &mut Intake> {
        let video = self.video.as_mut().map(|video| &mut video.intake);
        video.into_iter().chain(self.audio.as_mut().map(|audio| &mut audio.intake))
    }

    fn intakes(&self) -> impl Iterator<Item = &Intake> {
        let video = self.video.as_ref().map(|video| &video.intake);
        video.into_iter().chain(self.audio.as_ref().map(|audio| &audio.intake))
    }

    /// Links or addresses have changed.
    fn hear_of_network(&mut self, now: Monotonic) {
        if self.changes.as_ref().is_some_and(Changes::read) {
            self.rejoin.hasten(now);
        }
    }

    /// All at once: as long as one socket is in a group, the kernel says nothing to the switch.
    fn join_again_if_silent(&mut self, now: Monotonic) {
        let heard = self.intakes().filter_map(|intake| intake.source().heard()).max();
        if self.rejoin.is_due(now, heard) {
            self.intakes().for_each(Intake::leave);
            self.intakes_mut().for_each(Intake::join_again);
        }
    }

    fn sender(&self) -> Sender {
        let heard = || self.intakes().filter(|intake| intake.source().ssrc().is_some());
        let first = heard().next();
        Sender {
            synchronised: heard().count() > 0 && heard().all(Intake::is_synchronised),
            same_machine: first.is_some_and(Intake::is_same_machine),
            stepped: first.map_or(0, |intake| intake.clock().stepped()),
        }
    }

    fn deadline(&self) -> Option<Monotonic> {
        let video = self.video.as_ref().and_then(|video| video.deadline(&self.session));
        let audio = self.audio.as_ref().and_then(|audio| audio.deadline(&self.session));
        let reports = self.intakes().filter_map(Intake::deadline).min();
        [video, audio, reports, Some(self.rejoin.deadline())].into_iter().flatten().min()
    }

    /// Takes what has come and hands on what is complete. True if packets were left for the next
    /// turn.
    fn turn(&mut self, now: Monotonic) -> bool {
        let mut left = false;
        self.join_again_if_silent(now);
        let (session, outlets) = (&mut self.session, &mut self.outlets);
        session.begin_turn(now);
        let counters = &self.shared.counters;
        if let Some(audio) = &mut self.audio {
            left |= audio.receive(session, outlets, counters);
            audio.hand_on(monotonic(), session, outlets, counters);
            let heard = audio.intake.receive_rtcp(now, session);
            take_news(heard, now, &audio.intake, &counters.reported, &counters.audio.note);
            if heard.bye {
                audio.reset();
            }
            audio.intake.report(now, &self.cname);
        }
        if let Some(video) = &mut self.video {
            left |= video.receive(session, outlets, counters);
            video.hand_on(monotonic(), session, outlets, counters);
            let heard = video.intake.receive_rtcp(now, session);
            take_news(heard, now, &video.intake, &counters.reported, &counters.video.note);
            if heard.bye {
                log::info!("the source has said goodbye; waiting for it to return");
            }
            video.intake.report(now, &self.cname);
        }
        let sender = self.sender();
        self.session.turn(now, sender, &self.shared.counters);
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
