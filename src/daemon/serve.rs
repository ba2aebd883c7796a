//! Answers players that ask over RTSP: they are served what the sessions have, one by one.

use super::error::Error;
use super::registry::Event;
use super::set_up::{Asking, track_mut};
use super::state::Daemon;
use crate::publish::description::TrackFormat;
use crate::publish::track::Track;
use crate::serve::connections::{Heard, Open};
use crate::serve::server::Server;
use crate::serve::viewings::{SetUp, Viewing};
use crate::settings::Serving;
use streamsocket_control::{Answer, Vouch};
use streamsocket_media::clock::Monotonic;
use streamsocket_rtsp::answer::{Begins, Refusal};
use streamsocket_rtsp::conversation::{Request, Wanted};

/// How long before a player asked what it is told to begin with was captured, at most: no packet is older.
const BEFORE: i64 = 100_000_000;

/// The largest side of a picture that the RTP header for JPEG can say (RFC 2435 section 3.1.5).
const SIZE_MAX: u16 = 2040;

/// Players that read it in the description where it is larger.
const LARGE_AGENTS: [&str; 2] = ["GStreamer", "streamsocket"];

impl Daemon {
    /// Serves as changed settings say. If what they name cannot be had, all stays as it was.
    pub(super) fn serve_as(&mut self, serving: &Serving) -> Result<(), Error> {
        if self.server.moves(serving) {
            let before = &self.settings.serving;
            // It may be the same port at another address.
            self.server.listener = None;
            let (listener, failed) = match Server::open(serving) {
                Ok(listener) => (listener, None),
                Err(why) => (Server::open(before).unwrap_or_default(), Some(why)),
            };
            let taken = if failed.is_none() { serving } else { before };
            self.server.adopt(taken, listener);
            self.watch_listener()?;
            if let Some(why) = failed {
                return Err(Error(why));
            }
        }
        self.server.admit(serving);
        self.end_uninvited();
        Ok(())
    }

    /// Ends what those watch who have no name and password where one is needed now, or are not served any more.
    fn end_uninvited(&mut self) {
        let (users, server) = (&self.server.gate.users, &self.server);
        let invited = |it: &Viewing| match &it.user {
            _ if users.is_empty() => server.serves(it.peer),
            user => user.as_ref().is_some_and(|name| users.named(name).is_some()),
        };
        let viewings = self.server.viewings.iter();
        let ended = viewings.filter(|(_, it)| !invited(it));
        let ended: Vec<_> = ended.map(|(place, it)| (place, it.connection)).collect();
        self.end_viewings(ended);
    }

    pub(super) fn end_viewings(&mut self, ended: Vec<(usize, Option<usize>)>) {
        for (place, connection) in ended {
            self.end_viewing(place);
            connection.into_iter().for_each(|connection| self.lose_player(connection));
        }
    }

    /// Takes new connections.
    fn accept_players(&mut self, now: Monotonic) {
        while let Some((stream, peer)) = self.server.accept(now) {
            let Some((place, descriptor)) = self.server.welcome(stream, peer, now) else {
                continue;
            };
            if self.registry.watch_both(descriptor, Event::Player { place }).is_err() {
                self.server.connections.end(place);
            }
        }
    }

    /// Takes a connection for that of who is named, as a program says that has made it.
    pub(super) fn vouch(&mut self, vouch: Option<&Vouch>, now: Monotonic) -> Answer {
        let Some(vouch) = vouch else { return Answer::Error("whose connection is it?".into()) };
        // It may still wait to be taken.
        self.accept_players(now);
        if self.server.vouch(vouch) {
            return Answer::Vouched(true);
        }
        Answer::Error(format!(
            "there is no connection from {} to vouch for, or no room for its client",
            vouch.connection
        ))
    }

    /// Answers what players have asked, and hears their reports.
    pub(super) fn serve_players(&mut self, now: Monotonic) {
        let mut roused = self.server.connections.roused(now);
        // One step of each, and again, so that nobody waits for who sends much.
        while !roused.is_empty() {
            roused.retain(|place| self.serve_player(*place, now));
        }
        let left = self.server.viewings.iter().filter(|(_, it)| it.left);
        for place in left.map(|(place, _)| place).collect::<Vec<_>>() {
            self.hear_viewer(place, now);
        }
        if self.server.unaccepted {
            self.accept_players(now);
        }
        if self.server.is_to_report(now) {
            self.schedule_reports(now);
        }
    }

    /// Takes a step of a connection. False if there is no more at the moment.
    fn serve_player(&mut self, place: usize, now: Monotonic) -> bool {
        let server = &mut self.server;
        match server.connections.take(place, &mut server.gate, now) {
            Heard::Request(request) => self.answer_player(place, &request, now),
            Heard::Report(channel, bytes) => self.take_report(place, channel, &bytes, now),
            Heard::More => return true,
            Heard::Nothing => return false,
            Heard::End => {
                self.lose_player(place);
                return false;
            }
        }
        self.server.viewings.hear(place, now);
        true
    }

    /// Something has come for a viewing by its own sockets.
    pub(super) fn hear_viewer(&mut self, place: usize, now: Monotonic) {
        let Self { server, inputs, .. } = self;
        let Some(viewing) = server.viewings.get_mut(place) else { return };
        viewing.left = false;
        for set_up in &viewing.tracks {
            let Some((sink, track)) = set_up.sink.zip(track_mut(inputs, &set_up.track)) else {
                continue;
            };
            let heard = track.transport_mut().receive_from(sink, now);
            viewing.left |= heard.left;
            if heard.viewer {
                viewing.heard = now;
            }
        }
    }

    /// Ends what gives no more signs of life.
    pub(super) fn forget_players(&mut self, now: Monotonic) {
        for place in self.server.viewings.over(now) {
            self.end_viewing(place);
        }
        let server = &self.server;
        let silent = server.connections.silent(now);
        let silent: Vec<_> = silent.filter(|it| !server.viewings.is_watched_by(*it)).collect();
        silent.into_iter().for_each(|place| self.server.connections.end(place));
        // Those that could not be taken for want of descriptors.
        self.server.unaccepted = true;
    }

    /// Ends the viewings of tracks that there are no more, and their connections, by which players know it.
    pub(super) fn end_orphans(&mut self) {
        let is_sent = |set_up: &SetUp| {
            let mut tracks = self.tracks().filter(|track| *track.id() == set_up.track);
            let served = |track: &Track, sink| track.transport().unicast().get(sink).is_some();
            tracks.any(|track| set_up.sink.is_none_or(|sink| served(track, sink)))
        };
        let orphans = self.server.viewings.iter();
        let orphans = orphans.filter(|(_, it)| !it.tracks.iter().all(is_sent));
        let orphans: Vec<_> = orphans.map(|(place, it)| (place, it.connection)).collect();
        self.end_viewings(orphans);
    }

    fn lose_player(&mut self, place: usize) {
        for viewing in self.server.viewings.lose(place) {
            self.end_viewing(viewing);
        }
        self.server.connections.end(place);
    }

    fn end_viewing(&mut self, place: usize) {
        let Some(viewing) = self.server.viewings.end(place) else { return };
        for set_up in &viewing.tracks {
            self.detach(set_up);
        }
        if viewing.playing {
            log::info!("{} stopped watching over RTSP", viewing.peer);
        }
    }

    fn take_report(&mut self, place: usize, channel: u8, bytes: &[u8], now: Monotonic) {
        let Self { server, inputs, .. } = self;
        let Some(peer) = server.connections.get(place).map(|it| it.peer) else { return };
        let own = server.viewings.iter().filter(|(_, it)| it.connection == Some(place));
        let Some(set_up) = own.into_iter().find_map(|(_, it)| it.reporting(channel)) else {
            return;
        };
        if let Some((sink, track)) = set_up.sink.zip(track_mut(inputs, &set_up.track)) {
            track.transport_mut().take_report(sink, bytes, peer, now);
        }
    }

    fn answer_player(&mut self, place: usize, request: &Request, now: Monotonic) {
        let answer = self.answer(place, request, now).unwrap_or_else(|why| request.refused(why));
        if let Some(open) = self.server.connections.get(place) {
            open.say(&answer);
        }
    }

    fn answer(
        &mut self,
        place: usize,
        request: &Request,
        now: Monotonic,
    ) -> Result<Vec<u8>, Refusal> {
        let open = self.server.connections.get(place).ok_or(Refusal::Failed)?;
        let &Open { peer, local, .. } = open;
        if !open.served {
            return Err(Refusal::Forbidden);
        }
        // Whoever need not say who he is is a stranger, encrypted or not.
        let private = open.private && request.user.is_some();
        let unknown = open.private && self.server.gate.users.is_empty();
        if unknown && self.settings.protection.is_some() {
            let peer = peer.ip();
            log::info!(
                "{peer} came by RTSPS, and a protected session is for users only there: add one with 'streamsocket user add NAME'"
            );
        }
        let named = request.session.as_deref();
        let viewing = named.map(|id| self.server.viewings.find(id, peer.ip())).transpose()?;
        if let Some(viewing) = viewing.and_then(|it| self.server.viewings.get_mut(it)) {
            viewing.heard = now;
        }
        match &request.wanted {
            Wanted::Options | Wanted::Alive => {
                let viewing = viewing.and_then(|it| self.server.viewings.get(it));
                Ok(request.done(viewing.map(Viewing::lease)))
            }
            Wanted::Describe(target) => {
                let session = &self.sessions[self.session_at(target)?];
                let keys = if private { self.told_keys(session, now)? } else { Vec::new() };
                let sdp = session.description.served_text(&target.base, local.is_ipv6(), &keys);
                Ok(request.described(&target.base, &sdp.map_err(|_| Refusal::Failed)?))
            }
            Wanted::Setup(target, offers) => self.set_up(
                Asking { place, peer, local, private, request, now },
                viewing,
                target,
                offers,
            ),
            Wanted::Play(_) => self.play(request, viewing.ok_or(Refusal::NoSession)?, now),
            Wanted::Pause => {
                let place = viewing.ok_or(Refusal::NoSession)?;
                self.set_playing(place, false);
                let viewing = self.server.viewings.get(place);
                Ok(request.done(viewing.map(Viewing::lease)))
            }
            Wanted::Contribute(..) => Err(Refusal::Transport),
            Wanted::Announce(..) | Wanted::Record(_) => Err(Refusal::Method),
            Wanted::Teardown => {
                self.end_viewing(viewing.ok_or(Refusal::NoSession)?);
                Ok(request.done(None))
            }
        }
    }

    fn set_playing(&mut self, place: usize, playing: bool) {
        let Self { server, inputs, .. } = self;
        let Some(viewing) = server.viewings.get_mut(place) else { return };
        viewing.playing = playing;
        for set_up in &viewing.tracks {
            if let Some((sink, track)) = set_up.sink.zip(track_mut(inputs, &set_up.track)) {
                track.transport_mut().unicast_mut().play(sink, playing);
            }
        }
    }

    /// Warns of pictures that many players hand out as nothing, without a word.
    fn warn_of_size(&self, viewing: &Viewing) {
        let agent = viewing.agent.as_deref().unwrap_or_default();
        if LARGE_AGENTS.iter().any(|known| agent.starts_with(known)) {
            return;
        }
        let session = self.sessions.iter().find(|it| it.tier() == viewing.tier.as_deref());
        let tracks = session.map_or(&[][..], |session| &session.description.tracks);
        let large = tracks.iter().any(|track| match track.format {
            TrackFormat::Video(format) => format.width.max(format.height) > SIZE_MAX,
            TrackFormat::Audio(_) | TrackFormat::Opus { .. } => false,
        });
        if large {
            log::warn!(
                "{agent}: most players show no pictures wider or taller than {SIZE_MAX} pixels; make a tier for them, such as --tier small=1/2"
            );
        }
    }

    fn play(
        &mut self,
        request: &Request,
        place: usize,
        now: Monotonic,
    ) -> Result<Vec<u8>, Refusal> {
        let viewing = self.server.viewings.get(place).ok_or(Refusal::NoSession)?;
        let again = viewing.playing;
        let before = now.offset(-BEFORE);
        let begins = viewing.tracks.iter().filter(|it| !it.repair).filter_map(|set_up| {
            let track = self.tracks().find(|track| *track.id() == set_up.track)?;
            let (sequence, time) = track.begins(before);
            Some(Begins { url: set_up.url.clone(), sequence, time })
        });
        let begins: Vec<_> = begins.collect();
        let answer = request.played(viewing.lease(), &begins);
        if !again {
            let agent = viewing.agent.as_deref().unwrap_or("a player");
            let connection = viewing.connection.and_then(|it| self.server.connections.get(it));
            let private = connection.is_some_and(|it| it.private);
            log::info!(
                "{} watches over {} ({}): {agent}",
                viewing.peer,
                if private { "RTSPS" } else { "RTSP" },
                viewing.transport().name()
            );
            self.warn_of_size(viewing);
            self.set_playing(place, true);
            // Players align picture and sound by the first one.
            self.server.unreported = true;
        }
        Ok(answer)
    }
}
