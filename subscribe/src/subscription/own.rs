//! A session by unicast: asks its server for it where there is no group, or where nothing comes from that, and goes
//! back to the group when that works.

use super::choice::{Choice, Order, Seen, Why};
use super::lookup::Lookup;
use super::track::ReceivedTrack;
use super::trial::Trial;
use crate::link::{By, Ended, Event, Link, Wanted};
use crate::plan::{Plan, StreamPlan, Unicast};
use crate::rtp_session::RtpSession;
use mio::{Registry, Token};
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_net::Interface;

/// How long nothing comes by sockets of one's own before the same is asked for within the connection: something on the
/// way lets no UDP through.
const UDP_PATIENCE: Delay = Delay::from_secs(2);

/// How long nothing comes, not even a report, before a server is asked anew.
const SILENT: Delay = Delay::from_secs(15);

/// The same, where there is a group to go back to: servers report once a second.
const SILENT_BESIDE_GROUP: Delay = Delay::from_secs(3);

/// After a server could not be reached it is tried again so much later, and twice as much after each further time, up
/// to the last.
const AGAIN: Delay = Delay::from_secs(1);
const AGAIN_MAX: Delay = Delay::from_secs(10);

/// What is known of having a session by unicast.
pub(super) struct Own {
    unicast: Unicast,
    streams: Vec<StreamPlan>,
    interface: Option<Interface>,
    only_from_sources: bool,
    choice: Choice,
    /// When the session was asked for because nothing came from the group.
    asked: Option<Monotonic>,
    link: Option<Link>,
    /// How packets come by the next connection.
    by: By,
    /// When to connect, if there is no group.
    next: Monotonic,
    wait: Delay,
    trial: Option<Trial>,
    /// What was last said of the server.
    said: String,
    token: Token,
    /// When the connection will have been silent for too long if nothing comes.
    silent: Option<Monotonic>,
    lookup: Lookup,
    /// The server has answered all that was asked when it was last connected to.
    answered: bool,
    changed: bool,
}

impl Own {
    /// For a plan whose session can be had so. Its connection has this token.
    pub(super) fn new(
        plan: &Plan,
        interface: Option<&Interface>,
        token: Token,
        now: Monotonic,
    ) -> Option<Self> {
        let mut unicast = plan.unicast.clone()?;
        unicast.server = unicast.server_by(interface);
        Some(Self {
            unicast,
            streams: [&plan.video, &plan.audio].into_iter().flatten().cloned().collect(),
            interface: interface.cloned(),
            only_from_sources: plan.only_from_sources,
            choice: Choice::new(now),
            asked: None,
            link: None,
            by: By::Udp,
            next: now,
            wait: AGAIN,
            trial: None,
            said: String::new(),
            token,
            silent: None,
            lookup: Lookup::default(),
            answered: true,
            changed: false,
        })
    }

    /// When the next turn is due even if nothing arrives.
    pub(super) fn deadline(&self) -> Monotonic {
        let choice = if self.unicast.only { self.next } else { self.choice.deadline() };
        match &self.link {
            Some(link) => {
                let choice = (!self.unicast.only).then_some(choice);
                let others = choice.into_iter().chain(self.silent);
                others.fold(link.deadline(), Monotonic::min)
            }
            None => choice,
        }
    }

    /// Whether the session has other media than were planned with, and can be had in no other way.
    pub(super) const fn has_changed(&self) -> bool {
        self.changed
    }

    /// Asks for what is to be asked for, and reads what has come. Returns whether more may be left for the next turn.
    pub(super) fn turn(
        &mut self,
        tracks: &mut [ReceivedTrack],
        registry: &Registry,
        now: Monotonic,
    ) -> bool {
        if let Some(trial) = &mut self.trial {
            trial.read(tracks, now);
        }
        self.choose(tracks, registry, now);
        if self.is_needless(tracks) {
            self.leave(now);
            (self.link, self.silent) = (None, None);
            self.said.clear();
            self.choice.recovered(now);
        }
        let Some(link) = &mut self.link else { return false };
        let server = link.server();
        let turned = link.turn(now, &mut |event| arrange(event, tracks, registry, server));
        let ended = match turned {
            Ok(left) => match self.is_silent(tracks, now) {
                None => return left,
                Some(why) => why,
            },
            Err(ended) => Silent::Ended(ended),
        };
        self.end(ended, tracks, registry, now);
        false
    }

    /// Sends the reports on tracks that come within the connection.
    pub(super) fn report(&mut self, tracks: &mut [ReceivedTrack]) {
        for (number, track) in tracks.iter_mut().enumerate() {
            for report in track.session.outgoing() {
                // Without a connection it is of no use any more, and must not wait for one.
                if let Some(link) = &mut self.link {
                    link.send_report(number, &report);
                }
            }
        }
    }

    /// Whether the server is asked, or sends.
    pub(super) const fn is_asking(&self) -> bool {
        self.link.is_some()
    }

    /// The session is received from its group again, where it was not for a while.
    pub(super) fn begin_anew(&mut self, now: Monotonic) {
        self.choice.recovered(now);
    }

    /// Ends the session with the server.
    pub(super) fn leave(&mut self, now: Monotonic) {
        self.link.iter_mut().for_each(|link| link.leave(now));
    }

    fn choose(&mut self, tracks: &mut [ReceivedTrack], registry: &Registry, now: Monotonic) {
        if self.unicast.only {
            if self.link.is_none() && now >= self.next {
                self.unicast.server = self.lookup.server(self.unicast.server, self.answered);
                self.connect(tracks, registry, now);
            }
            return;
        }
        let lived = lived(tracks);
        match self.choice.look(now, lived, seen(tracks)) {
            None => {}
            Some(Order::Ask(_)) if !self.is_proved(tracks) => self.choice.failed(now),
            Some(Order::Ask(why)) => {
                let reason = match why {
                    Why::Silent => "nothing comes from the group",
                    Why::Lossy => "more is lost on the way than repair can mend",
                };
                self.say(&format!("{reason}: asking {} for unicast", self.unicast.server));
                self.asked = (why == Why::Silent).then_some(now);
                self.by = By::Udp;
                self.connect(tracks, registry, now);
            }
            Some(Order::Try) => {
                let (interface, only) = (self.interface.as_ref(), self.only_from_sources);
                let trial = Trial::open(&self.streams, interface, only, now);
                self.trial = trial.map_err(|error| log::debug!("the group: {error}")).ok();
            }
            Some(Order::Judge) => {
                // Until the tracks have joined, the trial keeps the switch from forgetting.
                let trial = self.trial.take();
                let seen = trial.as_ref().map(|trial| trial.seen(now)).unwrap_or_default();
                if self.choice.tried(now, seen) {
                    self.leave(now);
                    self.link = None;
                    self.said.clear();
                    log::info!("the group works again: receiving from it");
                    self.join(tracks, registry);
                }
            }
        }
    }

    /// Whether the group has come back before the server has given anything: a link that was down is up again.
    fn is_needless(&self, tracks: &[ReceivedTrack]) -> bool {
        let asking = self.link.as_ref().is_some_and(|link| link.playing().is_none());
        let moved = || tracks.iter().any(|track| track.session.has_moved());
        let came = |asked| lived(tracks).is_some_and(|lived| lived > asked);
        asking && self.asked.is_some_and(came) && !moved()
    }

    /// Whether the server is where the session comes from: otherwise a stranger's word would have it asked.
    fn is_proved(&self, tracks: &[ReceivedTrack]) -> bool {
        let server = self.unicast.server.ip();
        self.unicast.vouched || tracks.iter().any(|track| track.session.has_heard(server))
    }

    fn connect(&mut self, tracks: &mut [ReceivedTrack], registry: &Registry, now: Monotonic) {
        let wanted = self.streams.iter().map(Wanted::planned).collect();
        match Link::begin(&self.unicast, self.by, wanted, (registry, self.token), now) {
            Ok(link) => self.link = Some(link),
            Err(error) => self.end(Silent::Ended(error.into()), tracks, registry, now),
        }
    }

    /// Why the connection is of no use, if so.
    fn is_silent(&mut self, tracks: &[ReceivedTrack], now: Monotonic) -> Option<Silent> {
        self.silent = None;
        let link = self.link.as_ref()?;
        let since = link.playing()?;
        let lived = lived(tracks).filter(|lived| *lived >= since);
        if lived.is_some() && self.said != PLAYING {
            PLAYING.clone_into(&mut self.said);
            log::info!("receiving by unicast ({}) from {}", link.by(), link.server());
            self.choice.granted(now);
            self.wait = AGAIN;
        }
        let (until, why) = match (lived, link.by()) {
            (None, By::Udp) => (since + UDP_PATIENCE, Silent::Udp),
            _ => (lived.unwrap_or(since) + self.patience(), Silent::Altogether),
        };
        self.silent = Some(until);
        (now >= until).then_some(why)
    }

    const fn patience(&self) -> Delay {
        if self.unicast.only { SILENT } else { SILENT_BESIDE_GROUP }
    }

    fn end(
        &mut self,
        why: Silent,
        tracks: &mut [ReceivedTrack],
        registry: &Registry,
        now: Monotonic,
    ) {
        self.leave(now);
        let link = self.link.take();
        self.silent = None;
        self.answered = link.is_some_and(|link| link.playing().is_some());
        let server = self.unicast.server;
        let by_tcp = match &why {
            Silent::Udp => true,
            Silent::Ended(ended) => ended.is_of_transport() && self.by == By::Udp,
            Silent::Altogether => false,
        };
        if by_tcp {
            self.say(&format!(
                "{server}: nothing comes by UDP: asking for it within the connection (TCP)"
            ));
            self.by = By::Tcp;
            self.connect(tracks, registry, now);
            return;
        }
        let is_changed = matches!(why, Silent::Ended(Ended::Changed));
        let why = match why {
            Silent::Ended(ended) => ended.to_string(),
            Silent::Udp | Silent::Altogether => "sends nothing any more".to_owned(),
        };
        let then = if is_changed && self.unicast.only { "beginning anew" } else { "trying again" };
        self.say(&format!("{server} {why}; {then}"));
        self.by = By::Udp;
        if self.unicast.only {
            self.changed = is_changed;
            self.lookup.begin(&self.unicast.address);
            self.next = now + self.wait;
            self.wait = (self.wait + self.wait).min(AGAIN_MAX);
        } else {
            self.choice.failed(now);
            self.trial = None;
            self.join(tracks, registry);
        }
    }

    /// Receives from the group again what does not do so anyway.
    fn join(&self, tracks: &mut [ReceivedTrack], registry: &Registry) {
        let (interface, only) = (self.interface.as_ref(), self.only_from_sources);
        let moved = |(track, _): &(&mut ReceivedTrack, _)| track.session.has_moved();
        for (track, stream) in tracks.iter_mut().zip(&self.streams).filter(moved) {
            if let Err(error) = track.session.join(stream, interface, only, registry) {
                log::warn!("{error}");
            }
        }
    }

    /// Says something once, until something else is to be said.
    fn say(&mut self, what: &str) {
        if self.said != what {
            log::warn!("{what}");
            what.clone_into(&mut self.said);
        }
    }
}

/// Stands for what was said when packets came.
const PLAYING: &str = "playing";

/// Why a connection is of no use.
enum Silent {
    /// Nothing comes by UDP.
    Udp,
    /// Nothing comes any more.
    Altogether,
    /// It has ended.
    Ended(Ended),
}

/// Has a track received as the server sends it.
fn arrange(
    event: Event<'_>,
    tracks: &mut [ReceivedTrack],
    registry: &Registry,
    server: std::net::SocketAddr,
) {
    let session =
        |number: usize, tracks: &mut [ReceivedTrack], act: &mut dyn FnMut(&mut RtpSession)| {
            tracks.get_mut(number).into_iter().for_each(|track| act(&mut track.session));
        };
    match event {
        Event::Sockets(number, sockets) => {
            let mut sockets = Some(sockets);
            session(number, tracks, &mut |it| {
                let taken = sockets.take().map(|sockets| it.take_sockets(*sockets, registry));
                if let Some(Err(error)) = taken {
                    log::warn!("a socket cannot be watched: {error}");
                }
            });
        }
        Event::Repair(number, socket) => {
            let mut socket = Some(socket);
            session(number, tracks, &mut |it| {
                let taken = socket.take().map(|socket| it.take_repair(*socket, registry));
                if let Some(Err(error)) = taken {
                    log::warn!("what is lost will not be repaired: {error}");
                }
            });
        }
        Event::Linked(number) => session(number, tracks, &mut |it| it.link(server)),
        Event::Packet(number, kind, bytes) => {
            session(number, tracks, &mut |it| it.put(kind, bytes));
        }
        Event::Playing => {}
    }
}

fn lived(tracks: &[ReceivedTrack]) -> Option<Monotonic> {
    tracks.iter().filter_map(|track| track.session.source().lived()).max()
}

/// Packets of all tracks so far.
fn seen(tracks: &[ReceivedTrack]) -> Seen {
    let of = |track: &ReceivedTrack| {
        let (came, lost) = track.session.source().totals();
        Seen::repaired(came, lost, track.session.repair().repaired)
    };
    tracks.iter().map(of).fold(Seen::default(), Seen::and)
}
