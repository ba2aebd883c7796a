//! What players are told of the keys, over connections that are private.

use super::session::Session;
use super::state::Daemon;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::machine;
use streamsocket_rtsp::answer::Refusal;
use streamsocket_srtp::mikey::{self, Occasion};

impl Daemon {
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
