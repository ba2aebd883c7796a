//! Publishes the session to a relay: its tracks have a sink each that goes there.

use super::error::Error;
use super::registry::Event;
use super::set_up::track_mut;
use super::state::Daemon;
use crate::publish::relay::{Lost, Open, Relay, Step};
use crate::publish::unicast::{Form, UnicastSink};
use streamsocket_media::clock::Monotonic;

/// Pieces of the relay's answers and reports that are read in one turn of the loop: pictures have theirs, too.
const READS_AT_A_TIME: usize = 4;

impl Daemon {
    /// Publishes from now on as the settings say. What goes on as it was is not interrupted.
    pub(super) fn follow_relay(&mut self, must: bool, now: Monotonic) {
        let address = self.settings.relay.as_ref().map(|it| it.named(&self.name));
        let wanted = address.zip(self.sessions.first());
        let goes_on = match (&self.relay, &wanted) {
            (Some(relay), Some((address, session))) => relay.fits(address, &session.description),
            (None, None) => true,
            _ => false,
        };
        if !goes_on {
            let relay = wanted.map(|(address, it)| Relay::new(address, &it.description, must, now));
            self.leave_relay(now);
            self.relay = relay;
        }
    }

    /// Ends what is published.
    pub(super) fn leave_relay(&mut self, now: Monotonic) {
        let Some(mut relay) = self.relay.take() else { return };
        if let Some(open) = relay.open_mut() {
            open.leave(now);
        }
        self.detach_relay(&relay);
    }

    /// Something has come from there, or may be written.
    pub(super) fn rouse_relay(&mut self) {
        if let Some(open) = self.relay.as_mut().and_then(Relay::open_mut) {
            open.rouse();
        }
    }

    /// Connects, and does what is due.
    ///
    /// # Errors
    /// One line: it cannot be published, and is not to be waited for.
    pub(super) fn contribute(&mut self, now: Monotonic) -> Result<(), Error> {
        let due = |relay: &mut Relay| relay.deadline().is_none_or(|it| it <= now);
        let Some(mut relay) = self.relay.take_if(due) else { return Ok(()) };
        match self.try_contribute(&mut relay, now) {
            Ok(()) => {
                self.relay = Some(relay);
                Ok(())
            }
            Err(lost) => self.lose_relay(relay, lost, now),
        }
    }

    fn try_contribute(&mut self, relay: &mut Relay, now: Monotonic) -> Result<(), Lost> {
        let Some(session) = self.sessions.first() else { return Ok(()) };
        let had = relay.open_mut().is_some();
        if !relay.turn(&session.description, &self.waker, now)? {
            return Ok(());
        }
        let Some(open) = relay.open_mut() else { return Ok(()) };
        if !had {
            self.registry.watch_both(open.descriptor(), Event::Relay)?;
            for socket in open.sockets() {
                self.registry.watch(socket, Event::Relay)?;
            }
        }
        let mut begins = false;
        let mut pieces = READS_AT_A_TIME;
        while let Some(step) = open.take(&mut pieces, now)? {
            match step {
                Step::Begins => {
                    self.attach_relay(open);
                    begins = true;
                }
                Step::Report(nth, bytes) => {
                    let peer = open.peer();
                    let Some(going) = open.tracks_mut().get(nth) else { continue };
                    let track = track_mut(&mut self.inputs, &going.track);
                    if let Some((sink, track)) = going.sink.zip(track) {
                        track.transport_mut().take_report(sink, &bytes, peer, now);
                    }
                }
            }
        }
        self.hear_relay(open, now);
        if begins {
            relay.begins();
            log::info!("'{}' is published to {} ({})", self.name, relay.shown(), relay.by());
            // Viewers align picture and sound by the first one.
            self.server.unreported = true;
        }
        Ok(())
    }

    fn attach_relay(&mut self, open: &mut Open) {
        for nth in 0..open.tracks_mut().len() {
            let (id, way) = (self.server.next_sink(), open.take_way(nth));
            let Some((going, way)) = open.tracks_mut().get_mut(nth).zip(way) else { continue };
            let Some(track) = track_mut(&mut self.inputs, &going.track) else { continue };
            let unicast = track.transport_mut().unicast_mut();
            unicast.add(UnicastSink::fixed(id, way, Form::Media));
            unicast.play(id, true);
            going.sink = Some(id);
        }
    }

    /// Reads what has come to its sockets.
    fn hear_relay(&mut self, open: &mut Open, now: Monotonic) {
        let mut left = false;
        for going in open.tracks_mut() {
            let track = track_mut(&mut self.inputs, &going.track);
            if let Some((sink, track)) = going.sink.zip(track) {
                left |= track.transport_mut().receive_from(sink, now).left;
            }
        }
        if left {
            open.rouse();
        }
    }

    fn lose_relay(&mut self, mut relay: Relay, lost: Lost, now: Monotonic) -> Result<(), Error> {
        let sent = self.detach_relay(&relay);
        let waits = relay.lose(lost, sent, now).map_err(Error);
        self.relay = Some(relay);
        waits
    }

    /// Removes its sinks; whether any packets were sent by them.
    fn detach_relay(&mut self, relay: &Relay) -> bool {
        let mut sent = 0;
        for going in relay.going() {
            let track = track_mut(&mut self.inputs, &going.track);
            let Some((sink, track)) = going.sink.zip(track) else { continue };
            let removed = track.transport_mut().unicast_mut().remove(sink);
            sent += removed.map_or(0, |it| it.sent().packets);
        }
        sent > 0
    }
}
