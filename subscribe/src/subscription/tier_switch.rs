//! Receives another tier of a session's pictures in place of the one so far: joins it beside that one, changes to it at a
//! capture time, and leaves the one before. Nobody sees more of it than pictures of another size.

mod gate;
mod incoming;
mod known;
mod lower;
mod silence;

use self::gate::Gate;
use self::incoming::{Incoming, named, say, seen};
use self::known::{Known, known, worth};
use self::silence::missing;
use super::tier_choice::{Change, Seen, Situation, TierChoice, Why};
use super::track::ReceivedTrack;
use crate::counters::Counters;
use crate::keys::KeyRing;
use crate::outlet::Outlet;
use crate::plan::Plan;
use crate::rtp_session::RtpSession;
use crate::rtp_session::received::RtcpOutcome;
use crate::synchronisation::Synchronisation;
use crate::tiers::{Tiers, Wish};
use mio::Registry;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_net::Interface;

/// A better tier has to come whole for so long before it is taken.
const PROVING: Delay = Delay::from_secs(1);

/// If nothing whole comes for so long, there is nothing of it to be had.
const PATIENCE: Delay = Delay::from_secs(5);

/// A tier of which nothing came for so long, not even a report, has ended: senders report once a second.
const SILENT: Delay = Delay::from_millis(2500);

/// The tiers of a session that is received.
pub(super) struct TierSwitch {
    tiers: Tiers,
    /// Those that are known are those after so many changes.
    changes: u64,
    /// The session itself, then its tiers, the largest first.
    known: Vec<Known>,
    /// Which of them is received: one that is announced no more is behind the last.
    current: usize,
    /// Its name, if it is not the session itself.
    name: Option<String>,
    /// It has said goodbye.
    ended: bool,
    choice: TierChoice,
    incoming: Option<Incoming>,
    interface: Option<Interface>,
    only_from_sources: bool,
    keys: KeyRing,
    /// First tokens of the sessions of pictures: of the one that is received, and of another one.
    tokens: (usize, usize),
    counted: u64,
    /// What is received does not come from the group, where the tiers are.
    moved: bool,
    /// The session itself has been taken again since that was last asked.
    returned: bool,
}

/// What the turn of the loop has for it.
pub(super) struct Turn<'a> {
    pub(super) now: Monotonic,
    pub(super) registry: &'a Registry,
    pub(super) sync: &'a mut Synchronisation,
    pub(super) outlet: &'a mut dyn Outlet,
    pub(super) counters: &'a Counters,
    pub(super) cname: &'a str,
    /// The session can be had by unicast, too; and it is being asked for.
    pub(super) unicast: (bool, bool),
}

impl TierSwitch {
    /// For the pictures of a session; `tokens` are the first ones of its session and of another one.
    pub(super) fn new(
        plan: &Plan,
        tiers: Tiers,
        interface: Option<&Interface>,
        keys: KeyRing,
        tokens: (usize, usize),
        now: Monotonic,
    ) -> Option<Self> {
        let stream = plan.video.clone()?;
        Some(Self {
            tiers,
            changes: 0,
            known: vec![Known::new(None, stream, now)],
            current: 0,
            name: None,
            ended: false,
            choice: TierChoice::new(now),
            incoming: None,
            interface: interface.cloned(),
            only_from_sources: plan.only_from_sources,
            keys,
            tokens,
            counted: 0,
            moved: false,
            returned: false,
        })
    }

    /// When the next turn is due even if nothing arrives.
    pub(super) fn deadline(&self, sync: &Synchronisation) -> Option<Monotonic> {
        let incoming = self.incoming.as_ref().map(|it| &it.track);
        let frames = incoming.map(|track| track.deadline(sync));
        let reports = incoming.and_then(|track| track.session.deadline());
        let may_change = (self.known.len() > 1 || self.current > 0) && !self.moved;
        let looks = may_change.then(|| self.choice.deadline());
        [frames, reports, looks].into_iter().flatten().min()
    }

    /// Whether the session itself is received, and nothing else is tried.
    pub(super) const fn is_at_home(&self) -> bool {
        self.current == 0 && self.incoming.is_none()
    }

    /// The session of the tier that is joined beside the one that is received.
    pub(super) fn session(&self) -> Option<&RtpSession> {
        self.incoming.as_ref().map(|incoming| &incoming.track.session)
    }

    /// The same.
    pub(super) fn session_mut(&mut self) -> Option<&mut RtpSession> {
        self.incoming.as_mut().map(|incoming| &mut incoming.track.session)
    }

    /// Decides, joins, and changes to another tier: then `track` is that one's. Returns whether packets may be left for
    /// the next turn.
    pub(super) fn turn(&mut self, track: &mut ReceivedTrack, mut turn: Turn<'_>) -> bool {
        self.moved = track.session.has_moved();
        self.take_news(track, &turn);
        if self.tiers.is_held() || self.moved {
            self.abandon(track, &turn);
        }
        if self.current > 0 && (self.ended || self.has_ended(track, turn.now)) {
            log::info!("nothing comes of the tier any more: receiving the session itself");
            self.return_home(track, &turn);
        }
        match self.wanted(track, &turn) {
            None => {}
            // It gets worse while a better one is tried, and because it is.
            Some(_) if self.incoming.is_some() => self.give_up_trial(track, &turn),
            Some(change) => self.begin(change, track, &turn),
        }
        self.receive(track, &mut turn)
    }

    /// What is received has said goodbye.
    pub(super) const fn end(&mut self) {
        self.ended = true;
    }

    /// Whether the session itself has been taken again since this was last asked.
    pub(super) const fn has_returned(&mut self) -> bool {
        std::mem::replace(&mut self.returned, false)
    }

    /// Takes notice of what is announced by now.
    fn take_news(&mut self, track: &mut ReceivedTrack, turn: &Turn<'_>) {
        let changes = self.tiers.changes();
        if std::mem::replace(&mut self.changes, changes) == changes {
            return;
        }
        let before = self.known.split_off(1);
        let repaired = self.known[0].stream.repair.is_some();
        let announced = self.tiers.announced();
        self.known.extend(known(&announced, &self.keys, repaired, &before, turn.now));
        // One that is being joined may have another number now, or be another one.
        let joined = |incoming: &Incoming| {
            let it = before.get(incoming.to.checked_sub(1)?)?;
            self.known.iter().position(|known| known.name == it.name && known.stream == it.stream)
        };
        match self.incoming.as_ref().map(|incoming| (incoming.to, joined(incoming))) {
            None | Some((0, _)) => {}
            Some((_, Some(to))) => self.incoming.iter_mut().for_each(|it| it.to = to),
            Some((_, None)) => self.abandon(track, turn),
        }
        // One that is announced no more goes on for as long as it comes.
        let current = self.known.iter().position(|known| known.name == self.name);
        self.current = current.unwrap_or(self.known.len());
    }

    fn has_ended(&self, track: &ReceivedTrack, now: Monotonic) -> bool {
        let source = track.session.source();
        let silent = source.lived().is_none_or(|lived| now - lived >= SILENT);
        silent && self.incoming.is_none()
    }

    /// Receives the session itself again, at once: of the tier nothing comes any more.
    fn return_home(&mut self, track: &mut ReceivedTrack, turn: &Turn<'_>) {
        self.abandon(track, turn);
        if let Some(mut home) = self.open(0, turn.registry, track) {
            home.take_over(track);
            track.session.bye(turn.cname);
            *track = home;
            self.settle(0, turn.now, false);
        }
    }

    /// The tier that is to be received instead.
    fn wanted(&mut self, track: &ReceivedTrack, turn: &Turn<'_>) -> Option<Change> {
        if self.known.len() == 1 && self.current == 0 || self.moved {
            return None;
        }
        let late = self.tiers.late().saturating_sub(self.counted);
        let missing = self.missing(track, turn);
        let seen = Seen { late, missing, ..seen(track) };
        let situation = Situation {
            current: self.current,
            count: self.known.len().max(self.current + 1),
            worth: worth(&self.known, self.tiers.shown()),
            unicast: turn.unicast.0,
        };
        let looked = self.choice.look(turn.now, seen, situation);
        if self.tiers.is_held() || turn.unicast.1 || track.session.source().ssrc().is_none() {
            return None;
        }
        if let Some(incoming) = &self.incoming {
            let trouble = looked.filter(|it| matches!(it.why, Why::Lost | Why::Slow));
            return trouble.filter(|_| incoming.why == Some(Why::Better));
        }
        match self.tiers.wished() {
            Wish::Automatic => {
                // A worse one than that is as good as none where it is not because of losses.
                let looked = looked?;
                let to = self.unrefused(looked.to, turn.now)?;
                (to == looked.to || looked.why == Why::Lost).then_some(Change { to, ..looked })
            }
            Wish::Only(tier) => {
                let to = tier.min(self.known.len() - 1);
                (to != self.current).then_some(Change { to, why: Why::Window })
            }
        }
    }

    /// Pictures of what is received that were due, and of which nothing came.
    fn missing(&self, track: &ReceivedTrack, turn: &Turn<'_>) -> u64 {
        let rate = self.known.get(self.current).and_then(|known| known.stream.framerate);
        let sound = turn.counters.audio.arrived.get().map(Monotonic);
        missing(track, rate, sound, turn.now)
    }

    /// Joins a tier beside the one that is received.
    fn begin(&mut self, change: Change, track: &mut ReceivedTrack, turn: &Turn<'_>) {
        let Change { to, why } = change;
        let forced = matches!(self.tiers.wished(), Wish::Only(_));
        say(why, forced, self.known.get(to).and_then(|known| known.name.as_deref()));
        if why == Why::NoCure && !forced {
            self.return_home(track, turn);
            return;
        }
        if let Some(incoming) = self.open(to, turn.registry, track) {
            let why = (!forced).then_some(why);
            let (began, first) = (turn.now, None);
            self.incoming = Some(Incoming {
                to,
                why,
                track: incoming,
                began,
                first,
                after: None,
                alone: false,
            });
        } else {
            self.give_up(to, track, turn);
        }
    }

    /// Leaves what was joined beside the one that is received, which goes on alone.
    fn abandon(&mut self, track: &mut ReceivedTrack, turn: &Turn<'_>) {
        if let Some(mut incoming) = self.incoming.take() {
            incoming.track.session.bye(turn.cname);
            track.go_on();
        }
        // Also if it has made room for one that could not be opened.
        track.session.come_back();
    }

    /// A tier cannot be had.
    fn give_up(&mut self, to: usize, track: &mut ReceivedTrack, turn: &Turn<'_>) {
        // One that was not asked for leaves the user's wish alone, which came meanwhile.
        let asked_for = self.incoming.as_ref().is_none_or(|incoming| incoming.why.is_none());
        self.tell_failed(turn.now);
        self.abandon(track, turn);
        self.known.get_mut(to).into_iter().for_each(|known| known.refuse(turn.now));
        if let (true, Wish::Only(_)) = (asked_for, self.tiers.wished()) {
            log::warn!(
                "nothing comes of the tier that is wanted: the best one is received that does"
            );
            self.tiers.wish(Wish::Automatic);
        }
    }

    fn open(
        &self,
        to: usize,
        registry: &Registry,
        before: &ReceivedTrack,
    ) -> Option<ReceivedTrack> {
        let stream = &self.known.get(to)?.stream;
        let keys = self.keys.get();
        let (interface, only) = (self.interface.as_ref(), self.only_from_sources);
        let session = RtpSession::open(stream, interface, only, self.tokens.1, &keys.keys);
        let opened = session.map_err(|error| error.to_string()).and_then(|session| {
            session.register(registry).map_err(|error| error.to_string())?;
            let mut track = ReceivedTrack::new(session, stream);
            track.stand_by(before);
            Ok(track)
        });
        opened.map_err(|error| log::warn!("a tier cannot be joined: {error}")).ok()
    }

    /// Another tier is received from now on.
    fn settle(&mut self, to: usize, now: Monotonic, better: bool) {
        std::mem::swap(&mut self.tokens.0, &mut self.tokens.1);
        (self.current, self.ended) = (to, false);
        self.returned |= to == 0;
        self.name = self.known.get(to).and_then(|known| known.name.clone());
        self.counted = self.tiers.late();
        self.choice.changed(now, better);
        self.tiers.set_received(self.name.as_deref());
    }

    /// Reads what has come of the tier that is joined, and changes to it when it may.
    fn receive(&mut self, track: &mut ReceivedTrack, turn: &mut Turn<'_>) -> bool {
        let silent = self.incoming.is_some() && self.missing(track, turn) > 0;
        let Some(incoming) = &mut self.incoming else { return false };
        let mut gate = Gate {
            outlet: &mut *turn.outlet,
            after: incoming.after.map(|after| after.max(track.handed_on().unwrap_or(after))),
            open: false,
            seen: None,
        };
        let now = turn.now;
        let mut left = incoming.track.turn(now, turn.sync, &mut gate, turn.counters);
        let (open, held_back) = (gate.open, gate.seen);
        let mut outcome = RtcpOutcome::default();
        left |= incoming.track.session.receive_rtcp(now, turn.sync, &mut outcome);
        incoming.track.session.report(now, turn.cname);
        if open {
            self.change(track, turn);
            return left;
        }
        if incoming.first.is_none() {
            incoming.first = held_back.map(|capture| (now, capture));
        }
        let waited = now - incoming.began;
        let trying = incoming.why == Some(Why::Better);
        let fails =
            trying && seen(&incoming.track).spoilt() > 0 || waited >= PATIENCE || outcome.bye;
        let begun_anew = incoming.first.is_some() && !incoming.track.follows(track);
        let to = incoming.to;
        if fails || begun_anew {
            if !self.go_lower(track, turn) {
                self.give_up(to, track, turn);
            }
        } else if incoming.is_crowded(waited, silent) {
            if !std::mem::replace(&mut incoming.alone, true) {
                track.session.make_room();
            }
        } else if let Some((at, capture)) = incoming.first {
            let proven = !trying || now - at >= PROVING;
            if proven && incoming.after.is_none() {
                // From here on one of them goes on where the other one ends.
                let end = held_back.flatten().or(capture).max(track.handed_on());
                incoming.after = end;
                match end {
                    Some(end) => track.end_at(end),
                    None => self.change(track, turn),
                }
            }
        }
        left
    }

    fn change(&mut self, track: &mut ReceivedTrack, turn: &Turn<'_>) {
        let Some(Incoming { to, track: mut incoming, .. }) = self.incoming.take() else { return };
        incoming.take_over(track);
        track.session.bye(turn.cname);
        *track = incoming;
        self.known.get_mut(to).into_iter().for_each(Known::accept);
        let better = to < self.current;
        self.settle(to, turn.now, better);
        if better {
            log::info!("receiving {}", named(self.name.as_deref()));
        }
    }
}
