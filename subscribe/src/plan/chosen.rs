//! Which of the media that a session has is received.

use streamsocket_stream::receive::depayloader::Encoding;
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::sdp::{Media, Medium, Session};

/// A medium, and the format in which it is received.
pub(crate) struct Chosen<'s, 'a> {
    pub(crate) media: &'s Media<'a>,
    pub(crate) encoding: Encoding,
    pub(crate) format: &'s PayloadFormat<'a>,
}

impl<'s, 'a> Chosen<'s, 'a> {
    /// The first medium of a kind that can be had and received.
    pub(crate) fn of(
        session: &'s Session<'a>,
        medium: Medium,
        can_be_had: impl Fn(&Media<'_>) -> bool,
    ) -> Option<Self> {
        let fits = |media: &&Media<'_>| {
            media.medium == medium && media.port < u16::MAX && can_be_had(media)
        };
        session.media.iter().filter(fits).find_map(|media| {
            let playable = |format| Some((playable(format, medium)?, format));
            let (encoding, format) = media.formats.iter().find_map(playable)?;
            Some(Self { media, encoding, format })
        })
    }
}

/// How a format is received, if it can be.
fn playable(format: &PayloadFormat<'_>, medium: Medium) -> Option<Encoding> {
    let usual =
        (1..=2).contains(&format.channels) && (4_000..=192_000).contains(&format.clock_rate);
    Encoding::of(format, medium).filter(|_| usual)
}

/// Whether a server says how a medium of its own is asked for.
pub(crate) const fn is_served(media: &Media<'_>) -> bool {
    media.control.is_some()
}
