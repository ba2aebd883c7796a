//! A subscription to a multimedia session (RFC 3550 section 3) and its event loop: packets in, frames and samples out,
//! each with its presentation time.

mod alarm;
mod assumption;
mod choice;
mod lookup;
mod own;
mod rejoin;
pub mod tier_choice;
mod tier_switch;
mod track;
mod trial;

use self::alarm::Alarm;
use self::own::Own;
use self::rejoin::Rejoin;
use self::tier_switch::{TierSwitch, Turn};
use self::track::ReceivedTrack;
use crate::cells::{Gauge, Note};
use crate::clock::{clocks, monotonic};
use crate::counters::Counters;
use crate::in_step::Member;
use crate::keys::KeyRing;
use crate::latency::TargetLatency;
use crate::outlet::Outlet;
use crate::plan::Plan;
use crate::rtp_session::received::RtcpOutcome;
use crate::rtp_session::{RtpSession, TOKENS};
use crate::synchronisation::{SenderClock, Synchronisation};
use crate::tiers::Tiers;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Token, Waker};
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::{Changes, Interface, machine};
use streamsocket_wire::sdp::Medium;

/// Events taken from the kernel at a time; there are no more than thirteen sources of them.
const EVENTS_MAX: usize = 16;

const WAKER: Token = Token(0);
const CHANGES: Token = Token(1);
const ALARM: Token = Token(2);

/// The connection by which the session is had by unicast.
const LINK: Token = Token(3);

/// First token of the first RTP session.
const SESSIONS: usize = 4;

/// Stops a subscription from another thread.
#[derive(Debug)]
pub struct Stop {
    asked: Arc<AtomicBool>,
    waker: Waker,
}

impl Stop {
    /// Ends the loop after the current turn.
    pub fn stop(&self) {
        self.asked.store(true, Ordering::Relaxed);
        // Otherwise the loop would notice only with the next packet.
        let _ = self.waker.wake();
    }
}

/// How a subscription that could be run has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was stopped.
    Stopped,
    /// The session, which can be had in no other way, has other media than were planned with: it is to be located anew.
    Changed,
}

/// A subscription to a session: [`run`](Self::run) it on a thread of its own.
pub struct Subscription {
    poll: Poll,
    /// Wakes the loop when something is due and nothing has come.
    alarm: Alarm,
    /// Reports changes of links and addresses.
    changes: Option<Changes>,
    rejoin: Rejoin,
    /// How the session is had by unicast, if it can be.
    own: Option<Own>,
    /// Which tier of the pictures is received, if there are any to choose from.
    tier: Option<TierSwitch>,
    /// Video first.
    tracks: Vec<ReceivedTrack>,
    sync: Synchronisation,
    outlet: Box<dyn Outlet>,
    counters: Arc<Counters>,
    keys: KeyRing,
    /// The keys that are used are those after so many exchanges.
    exchanges: u64,
    stop: Arc<AtomicBool>,
    cname: String,
}

impl Subscription {
    /// Joins a session, with these keys if it is protected. What it yields goes to `outlet`, called on the thread that runs
    /// it.
    ///
    /// # Errors
    /// One line: there is no key to it, or which socket cannot be opened, and why.
    pub fn open(
        plan: &Plan,
        interface: Option<&Interface>,
        latency: TargetLatency,
        outlet: Box<dyn Outlet>,
        counters: Arc<Counters>,
        keys: KeyRing,
    ) -> Result<(Self, Stop), String> {
        let (held, exchanges) = (keys.get(), keys.changes());
        let plan = &held.open(plan).map_err(|error| error.0)?;
        let only = plan.only_from_sources;
        let failed = |error: io::Error| format!("the event loop cannot be set up: {error}");
        let stop = Arc::new(AtomicBool::new(false));
        let mut subscription = Self {
            poll: Poll::new().map_err(failed)?,
            alarm: Alarm::new().map_err(failed)?,
            changes: Changes::open().ok(),
            rejoin: Rejoin::new(monotonic()),
            own: Own::new(plan, interface, LINK, monotonic()),
            tier: None,
            tracks: Vec::new(),
            sync: Synchronisation::new(latency, monotonic()),
            outlet,
            counters,
            keys,
            exchanges,
            stop: Arc::clone(&stop),
            // Two viewers on one host need two names (RFC 7022 section 4.2).
            cname: format!("{:08x}@{}", machine::random().unwrap_or(0), machine::host_name()),
        };
        for stream in [&plan.video, &plan.audio].into_iter().flatten() {
            let token = SESSIONS + subscription.tracks.len() * TOKENS;
            let session = RtpSession::open(stream, interface, only, token, &held.keys);
            let session = session.map_err(|error| error.to_string())?;
            subscription.tracks.push(ReceivedTrack::new(session, stream));
        }
        subscription.watch().map_err(failed)?;
        let waker = Waker::new(subscription.poll.registry(), WAKER).map_err(failed)?;
        Ok((subscription, Stop { asked: stop, waker }))
    }

    /// Receives the best of these tiers of the session, or the one that is wished, instead of the session itself, while
    /// it comes from a group.
    pub fn choose_among(&mut self, plan: &Plan, tiers: Tiers, interface: Option<&Interface>) {
        let tokens = (SESSIONS, SESSIONS + 2 * TOKENS);
        let keys = self.keys.clone();
        self.tier = TierSwitch::new(plan, tiers, interface, keys, tokens, monotonic());
    }

    /// Keeps it in step with other sessions, as far as the clocks are known to agree, if its latency is not a fixed one.
    pub fn keep_in_step(&mut self, member: Member) {
        self.sync.keep_in_step(member);
    }

    /// Receives until it is stopped or has changed, then sends BYE.
    ///
    /// # Errors
    /// If the event loop fails.
    pub fn run(&mut self) -> Result<Ending, String> {
        let mut events = Events::with_capacity(EVENTS_MAX);
        let mut left = false;
        while !self.stop.load(Ordering::Relaxed) && !self.has_changed() {
            let waited = self.wait(&mut events, left);
            waited.map_err(|error| format!("the event loop failed: {error}"))?;
            let (now, offset) = clocks();
            for event in &events {
                match event.token() {
                    ALARM => self.alarm.went_off(),
                    CHANGES => self.hear_of_network(now),
                    _ => {}
                }
            }
            self.sync.begin_turn(now, offset);
            self.sessions_mut().for_each(|session| session.begin_turn(&events, offset));
            left = self.turn(now);
        }
        let ending = if self.has_changed() { Ending::Changed } else { Ending::Stopped };
        let Self { tracks, cname, own, .. } = self;
        tracks.iter_mut().for_each(|track| track.session.bye(cname));
        if let Some(own) = own {
            own.report(tracks);
            own.leave(monotonic());
        }
        Ok(ending)
    }

    /// Takes on other keys, if they were exchanged.
    fn take_keys(&mut self) {
        let exchanges = self.keys.changes();
        if std::mem::replace(&mut self.exchanges, exchanges) != exchanges {
            let held = self.keys.get();
            self.sessions_mut().for_each(|session| session.take_keys(&held.keys));
        }
    }

    fn has_changed(&self) -> bool {
        self.own.as_ref().is_some_and(Own::has_changed)
    }

    /// Waits until something has come or is due; not at all if packets are left.
    fn wait(&mut self, events: &mut Events, left: bool) -> io::Result<()> {
        if let Some(deadline) = self.deadline() {
            self.alarm.set(deadline)?;
        }
        match self.poll.poll(events, left.then_some(Duration::ZERO)) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
            _ => Ok(()),
        }
    }

    /// Registers all sockets with the poll.
    fn watch(&self) -> io::Result<()> {
        let registry = self.poll.registry();
        self.alarm.register(registry, ALARM)?;
        if let Some(changes) = &self.changes {
            let descriptor = changes.as_raw_fd();
            registry.register(&mut SourceFd(&descriptor), CHANGES, Interest::READABLE)?;
        }
        self.sessions().try_for_each(|session| session.register(registry))
    }

    fn sessions_mut(&mut self) -> impl Iterator<Item = &mut RtpSession> {
        let tier = self.tier.as_mut().and_then(TierSwitch::session_mut);
        self.tracks.iter_mut().map(|track| &mut track.session).chain(tier)
    }

    fn sessions(&self) -> impl Iterator<Item = &RtpSession> {
        let tier = self.tier.as_ref().and_then(TierSwitch::session);
        self.tracks.iter().map(|track| &track.session).chain(tier)
    }

    /// Reads the changes of links and addresses.
    fn hear_of_network(&mut self, now: Monotonic) {
        if self.changes.as_ref().is_some_and(Changes::read) {
            self.rejoin.hasten(now);
        }
    }

    /// Leaves and joins all groups at once: as long as one socket is in a group, the kernel sends no message. Where each
    /// track has groups of its own it has done so by itself.
    fn join_again_if_silent(&mut self, now: Monotonic) {
        let lived = self.sessions().filter_map(|session| session.source().lived()).max();
        if self.rejoin.is_due(now, lived) && self.sessions().any(RtpSession::has_switch) {
            self.sessions().for_each(RtpSession::leave);
            self.sessions_mut().for_each(RtpSession::join_again);
        }
    }

    /// What the streams say of the sender's wall clock.
    fn sender(&self, now: Monotonic) -> SenderClock {
        let heard = || self.sessions().filter(|session| session.source().ssrc().is_some());
        let first = heard().next();
        let shared = first.and_then(|session| session.shared_clock(now));
        SenderClock {
            synchronised: heard().count() > 0 && heard().all(RtpSession::is_synchronised),
            // What a relay on this machine hands on need not come from it.
            same_machine: first.is_some_and(RtpSession::is_same_machine) && shared.is_none(),
            shared,
            stepped: first.map(|session| session.clock().stepped()).unwrap_or_default(),
        }
    }

    /// When the next turn is due even if nothing arrives.
    fn deadline(&self) -> Option<Monotonic> {
        let tracks = self.tracks.iter().map(|track| track.deadline(&self.sync));
        let reports = self.sessions().filter_map(RtpSession::deadline);
        let own = self.own.as_ref().filter(|_| self.is_at_home()).map(Own::deadline);
        let tier = self.tier.as_ref().and_then(|tier| tier.deadline(&self.sync));
        tracks.chain(reports).chain([self.rejoin.deadline()]).chain(own).chain(tier).min()
    }

    /// Whether the session itself is received, and no tier of it.
    fn is_at_home(&self) -> bool {
        self.tier.as_ref().is_none_or(TierSwitch::is_at_home)
    }

    /// Reads what has come, hands on what is complete, and reports. Returns whether packets may be left for the next
    /// turn.
    fn turn(&mut self, now: Monotonic) -> bool {
        let mut left = false;
        self.take_keys();
        let at_home = self.is_at_home();
        // A tier is not asked for by unicast: what there is of it comes from its group, or the session itself is received.
        if let Some(own) = self.own.as_mut().filter(|_| at_home) {
            left |= own.turn(&mut self.tracks, self.poll.registry(), now);
        }
        let (sync, outlet, counters) = (&mut self.sync, &mut *self.outlet, &*self.counters);
        // Sound first: its packets are due in less time than pictures take.
        for track in self.tracks.iter_mut().rev() {
            left |= track.turn(now, sync, outlet, counters);
            let mut outcome = RtcpOutcome::default();
            left |= track.session.receive_rtcp(now, sync, &mut outcome);
            let note = counters.of(track.medium()).note;
            publish(outcome, now, &track.session, &counters.reported, note);
            if outcome.bye {
                track.end();
                if track.medium() == Medium::Video {
                    self.tier.iter_mut().for_each(TierSwitch::end);
                }
            }
            track.session.report(now, &self.cname);
        }
        let unicast = (self.own.is_some(), self.own.as_ref().is_some_and(Own::is_asking));
        if let Some((tier, track)) = self.tier.as_mut().zip(self.tracks.first_mut()) {
            let (registry, cname) = (self.poll.registry(), self.cname.as_str());
            left |=
                tier.turn(track, Turn { now, registry, sync, outlet, counters, cname, unicast });
            if let (true, Some(own)) = (tier.has_returned(), &mut self.own) {
                own.begin_anew(now);
            }
        }
        if let Some(own) = &mut self.own {
            own.report(&mut self.tracks);
        }
        if !left {
            self.join_again_if_silent(now);
        }
        let sender = self.sender(now);
        self.sync.turn(now, sender, &self.counters);
        left
    }
}

/// Tells other threads what RTCP said.
fn publish(
    outcome: RtcpOutcome,
    now: Monotonic,
    session: &RtpSession,
    reported: &Gauge,
    note: &Note,
) {
    if outcome.reported {
        reported.set(now.0);
    }
    if outcome.bye {
        reported.clear();
    }
    if outcome.noted {
        note.set(session.note());
    }
}
