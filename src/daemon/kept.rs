//! The numbers that tracks keep when a reload opens their sources anew.

use crate::publish::beginning::Beginning;
use crate::publish::track::TrackId;
use streamsocket_media::AudioFormat;
use streamsocket_wire::rtp::Ssrc;

/// The numbers of tracks, by what each is in its session.
#[derive(Clone, Debug, Default)]
pub(super) struct KeptTracks(pub(super) Vec<KeptTrack>);

/// The numbers of a track.
#[derive(Clone, Debug)]
pub(super) struct KeptTrack {
    pub(super) id: TrackId,
    pub(super) numbers: Beginning,
    /// Of sound: sound in another format is another track.
    pub(super) sound: Option<AudioFormat>,
}

impl KeptTracks {
    /// The numbers of a track, whatever its format.
    pub(super) fn of(&self, id: &TrackId) -> Option<Beginning> {
        self.0.iter().find(|kept| kept.id == *id).map(|kept| kept.numbers)
    }

    /// The SSRC of a track in this format, of sound, that is or is not sealed.
    pub(super) fn ssrc(
        &self,
        id: &TrackId,
        sound: Option<AudioFormat>,
        sealed: bool,
    ) -> Option<Ssrc> {
        let same = |kept: &&KeptTrack| {
            kept.id == *id && kept.sound == sound && kept.numbers.sealed.is_some() == sealed
        };
        self.0.iter().find(same).map(|kept| kept.numbers.ssrc)
    }
}
