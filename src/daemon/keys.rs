//! What players are told of the keys, over connections that are private.

use super::session::Session;
use super::state::Daemon;
use crate::serve::viewings::Viewing;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine;
use streamsocket_rtsp::answer::Refusal;
use streamsocket_rtsp::transport::Profile;
use streamsocket_srtp::mikey::{self, Occasion};

impl Daemon {
    /// Ends the viewings of players who were told the keys over a private connection: there are others now, which they have
    /// to ask for.
    pub(super) fn end_told(&mut self) {
        let told = |it: &Viewing| {
            let connection = it.connection.and_then(|place| self.server.connections.get(place));
            let sealed = it.tracks.iter().any(|track| track.profile == Profile::Savp);
            sealed && connection.is_some_and(|open| open.private)
        };
        let told = self.server.viewings.iter().filter(|(_, it)| told(it));
        let told = told.map(|(place, it)| (place, it.connection)).collect();
        self.end_viewings(told);
    }

    /// The keys of a session's tracks, as a description tells them, in the order of the tracks; none of a session that is
    /// not protected.
    pub(super) fn told_keys(
        &self,
        session: &Session,
        now: Monotonic,
    ) -> Result<Vec<impl AsRef<str> + use<>>, Refusal> {
        let Some(protection) = &self.settings.protection else { return Ok(Vec::new()) };
        let told = session.description.tracks.iter().map(|described| {
            let track = self.tracks().find(|track| *track.id() == described.id);
            let rollovers = track.and_then(|track| track.rollovers()).ok_or(Refusal::Failed)?;
            let stream = mikey::Stream { ssrc: described.ssrc.0, rollovers };
            let occasion = Occasion {
                ntp: self.wall.clock.ntp(now).0,
                id: machine::random().map_err(|_| Refusal::Failed)?,
                random: machine::random_bytes().map_err(|_| Refusal::Failed)?,
            };
            mikey::message(protection, stream, &occasion).ok_or(Refusal::Failed)
        });
        told.collect()
    }
}
