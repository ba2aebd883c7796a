//! What comes from publishers: requests, packets and reports.

use crate::batch::Batch;
use crate::event::Event;
use crate::publisher::Publisher;
use crate::state::Relay;
use mio::Interest;
use std::io::ErrorKind;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::neighbours::is_near;
use streamsocket_rtsp::conversation::Turn;

/// Pieces of a connection that are read in one turn of the loop: others have their turn, too.
const READS_AT_A_TIME: usize = 32;

/// What comes next of a connection.
enum Step {
    /// There may be more.
    More,
    /// Nothing until more has been read.
    Read,
    /// Nothing at the moment.
    Wait,
    /// It has ended.
    End,
}

impl Relay {
    /// Takes connections that wait, as many as may be taken at the moment.
    pub(crate) fn accept(&mut self, now: Monotonic) {
        self.unaccepted = true;
        while self.connections.may_admit(now) {
            match self.listener.accept() {
                Ok((stream, peer)) => {
                    let Self { connections, gate, publishers, viewings, .. } = self;
                    let served = |it| !gate.users.is_empty() || is_near(it);
                    let idle =
                        |place| publishers.by(place).is_none() && viewings.by(place).is_none();
                    let admitted = connections.admit(stream, peer, served, idle, now);
                    let Some((place, descriptor)) = admitted else {
                        log::debug!("{peer}: there are too many connections");
                        continue;
                    };
                    let interest = Interest::READABLE | Interest::WRITABLE;
                    if self.watch(descriptor, Event::Connection(place), interest).is_err() {
                        self.connections.end(place);
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                    // Without descriptors they wait until one is free.
                    kind => {
                        self.unaccepted = kind != ErrorKind::WouldBlock;
                        return;
                    }
                },
            }
        }
    }

    /// Takes what has come by a connection.
    pub(crate) fn serve(&mut self, place: usize, now: Monotonic) {
        self.try_serve(place, now);
        self.hand_on_staged();
    }

    fn try_serve(&mut self, place: usize, now: Monotonic) {
        for _ in 0..READS_AT_A_TIME {
            loop {
                match self.step(place, now) {
                    Step::More => {}
                    Step::Read => break,
                    Step::Wait => return,
                    Step::End => {
                        self.lose(place, now);
                        return;
                    }
                }
            }
            let Some(open) = self.connections.get_mut(place) else { return };
            match open.read() {
                Ok(Some(())) => {}
                Ok(None) => {
                    open.left = false;
                    return;
                }
                Err(_) => {
                    self.lose(place, now);
                    return;
                }
            }
        }
    }

    fn step(&mut self, place: usize, now: Monotonic) -> Step {
        let Self { connections, publishers, gate, batch, staged, .. } = self;
        let Some(open) = connections.get_mut(place) else { return Step::Wait };
        open.write();
        if open.has_left() {
            return Step::End;
        }
        if open.leaving.is_some() {
            open.left = false;
            return Step::Wait;
        }
        if open.later.is_some() {
            open.left = false;
            return Step::Wait;
        }
        let asked = match open.conversation.take(gate, now) {
            Turn::Nothing => return Step::Read,
            Turn::Packet { channel, bytes } => {
                if let Some(slot) = publishers.by(place) {
                    let of = publishers.get_mut(slot);
                    of.into_iter()
                        .for_each(|it| take(it, slot, (channel, bytes), batch, staged, now));
                }
                return Step::More;
            }
            Turn::Asked(request) => request,
            Turn::Answered(bytes, Duration::ZERO) => {
                open.say(&bytes);
                return self.count_request(place, now);
            }
            Turn::Answered(bytes, after) => {
                open.later = Some((now + after, bytes));
                return self.count_request(place, now);
            }
            Turn::Later(until) => {
                open.later = Some((until, Vec::new()));
                return Step::Wait;
            }
            Turn::Broken(bytes, broken) => {
                log::debug!("{} {broken}", open.peer);
                open.say(&bytes);
                open.leaving = Some(now);
                return Step::More;
            }
        };
        let answer = self.answer(place, &asked, now);
        if let Some((open, answer)) = self.connections.get_mut(place).zip(answer) {
            open.say(&answer);
        }
        self.count_request(place, now)
    }

    /// Lets go who asks too much.
    fn count_request(&mut self, place: usize, now: Monotonic) -> Step {
        let Some(open) = self.connections.get_mut(place) else { return Step::Wait };
        if open.may_ask(now) {
            return Step::More;
        }
        log::warn!("{} asks too much, and is let go", open.peer);
        Step::End
    }

    /// Hands on what has come within the connection that was read.
    pub(crate) fn hand_on_staged(&mut self) {
        let Some((slot, track)) = self.staged.take() else { return };
        match self.publishers.get_mut(slot).and_then(|it| it.tracks.get_mut(track)) {
            Some((_, track)) => track.flush(&mut self.batch),
            None => self.batch.clear(),
        }
    }

    /// A connection has ended, and with it what is published by it.
    pub(crate) fn lose(&mut self, place: usize, now: Monotonic) {
        self.hand_on_staged();
        if let Some(slot) = self.publishers.by(place) {
            self.leave(slot, now, "its connection has ended");
        }
        self.end_viewing(place);
        self.connections.end(place);
    }

    /// Packets have come to a track's own socket.
    pub(crate) fn hear_packets(&mut self, slot: usize, track: usize, now: Monotonic) {
        let publisher = self.publishers.get_mut(slot);
        if let Some(track) = publisher.and_then(|it| it.of_medium(track)) {
            track.hear_packets(now);
        }
    }

    /// Reports have come to it.
    pub(crate) fn hear_reports(&mut self, slot: usize, track: usize, now: Monotonic) {
        let publisher = self.publishers.get_mut(slot);
        if let Some(track) = publisher.and_then(|it| it.of_medium(track)) {
            track.hear_reports(now);
        }
    }
}

/// Takes a packet or a report that has come within a publisher's connection, by that channel.
pub(crate) fn take(
    publisher: &mut Publisher,
    slot: usize,
    (channel, bytes): (u8, &[u8]),
    batch: &mut Batch,
    staged: &mut Option<(usize, usize)>,
    now: Monotonic,
) {
    let Some((track, kind)) = publisher.by_channel(channel) else { return };
    let before = staged.replace((slot, track)).filter(|(of, it)| *of == slot && *it != track);
    if let Some((_, before)) = before.and_then(|(_, it)| publisher.tracks.get_mut(it)) {
        before.flush(batch);
    }
    if let Some((_, track)) = publisher.tracks.get_mut(track) {
        match kind {
            0 => track.stage(bytes, batch, now),
            _ => track.take_report(bytes, now),
        }
    }
}
