//! A session's sound alone, as a WAV file that does not end: what every program plays, and as late as its player makes
//! it.

use crate::message::TRAILER_LEN;
use crate::sessions::Viewer;
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use std::convert::Infallible;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// The length of what has none. Players take it for a stream.
const ENDLESS: u32 = u32::MAX;

/// What a WAV file of 16-bit PCM begins with ("Multimedia Programming Interface and Data Specifications 1.0").
fn header(rate: u32, channels: u8) -> Bytes {
    let frame = 2 * u16::from(channels);
    let fields: [&[u8]; 13] = [
        b"RIFF",
        &ENDLESS.to_le_bytes(),
        b"WAVE",
        b"fmt ",
        &16_u32.to_le_bytes(),
        &1_u16.to_le_bytes(),
        &u16::from(channels).to_le_bytes(),
        &rate.to_le_bytes(),
        &rate.saturating_mul(frame.into()).to_le_bytes(),
        &frame.to_le_bytes(),
        &16_u16.to_le_bytes(),
        b"data",
        &ENDLESS.to_le_bytes(),
    ];
    fields.concat().into()
}

/// The body of an answer that goes on until the session ends. What a viewer takes too late is left out.
pub(crate) fn body(
    rate: u32,
    channels: u8,
    sound: Receiver<Bytes>,
    viewer: Viewer,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    unfold((Some(header(rate, channels)), sound, viewer), async |(header, mut sound, viewer)| {
        if let Some(header) = header {
            return Some((Ok(header), (None, sound, viewer)));
        }
        loop {
            match sound.recv().await {
                Ok(message) => {
                    let samples = message.slice(..message.len().saturating_sub(TRAILER_LEN));
                    return Some((Ok(samples), (None, sound, viewer)));
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_has_its_44_bytes() {
        let header = header(48_000, 2);
        assert_eq!(header.len(), 44);
        assert_eq!(&header[20..36], b"\x01\0\x02\0\x80\xbb\0\0\0\xee\x02\0\x04\0\x10\0");
    }
}
