//! What players are told of the keys, over connections that are private.

use super::input::Input;
use super::session::Session;
use super::state::Daemon;
use crate::serve::viewings::Viewing;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine;
use streamsocket_rtsp::answer::Refusal;
use streamsocket_rtsp::transport::Profile;
use streamsocket_srtp::mikey::{self, Occasion};
use streamsocket_srtp::protection::Protection;

impl Daemon {
    /// Seals with other keys from now on. Players who were told the ones before over a private connection have to ask
    /// again: their viewings end.
    pub(super) fn exchange_keys(&mut self, protection: &Protection, now: Monotonic) {
        let tracks = self.inputs.iter_mut().flat_map(Input::tracks_mut);
        tracks.for_each(|track| track.protect(protection, now));
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
