//! Which of the media that a session has is received.

use streamsocket_stream::receive::depayloader::Encoding;
use streamsocket_wire::opus::{Parameters, RATE};
use streamsocket_wire::payload_format::PayloadFormat;
use streamsocket_wire::sdp::{Media, Medium, Session};

/// A medium, and the format in which it is received.
pub(crate) struct Chosen<'s, 'a> {
    pub(crate) media: &'s Media<'a>,
    pub(crate) encoding: Encoding,
    pub(crate) format: &'s PayloadFormat<'a>,
    /// Channels of sound that there really are.
    pub(crate) channels: u8,
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
            let channels = match encoding {
                // Its format always says two (RFC 7587 section 7).
                Encoding::Opus => 1 + u8::from(Parameters::of(format).stereo),
                Encoding::Jpeg | Encoding::L16 => format.channels,
            };
            Some(Self { media, encoding, format, channels })
        })
    }
}

/// How a format is received, if it can be.
fn playable(format: &PayloadFormat<'_>, medium: Medium) -> Option<Encoding> {
    let usual =
        (1..=2).contains(&format.channels) && (4_000..=192_000).contains(&format.clock_rate);
    let right = |it: &Encoding| *it != Encoding::Opus || format.clock_rate == RATE;
    Encoding::of(format, medium).filter(|_| usual).filter(right)
}

/// Whether a server says how a medium of its own is asked for.
pub(crate) const fn is_served(media: &Media<'_>) -> bool {
    media.control.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opus_has_the_channels_that_its_parameters_say() {
        let chosen = |more: &str| {
            let text = format!(
                "v=0\ns=x\nc=IN IP4 239.1.1.1\nm=audio 5006 RTP/AVP 99\na=rtpmap:99 opus/{more}\n"
            );
            let session = Session::parse(&text).unwrap();
            let chosen = Chosen::of(&session, Medium::Audio, |_| true);
            chosen.map(|it| (it.encoding, it.channels))
        };
        assert_eq!(chosen("48000/2"), Some((Encoding::Opus, 1)));
        assert_eq!(chosen("48000/2\na=fmtp:99 sprop-stereo=1"), Some((Encoding::Opus, 2)));
        assert_eq!(chosen("16000/2"), None);
    }
}
