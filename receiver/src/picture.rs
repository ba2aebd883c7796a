//! The decoding thread: JPEG files in, pictures out, in the order they came. A picture that nobody
//! fetches in time is dropped, never queued up.

use crate::decode::{Decoder, Picture};
use crate::receiver::Shared;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};
use streamsocket_stream::clock::Monotonic;

/// Frames that may wait for the decoder: a second frame comes while one is decoded; more is delay.
pub const CODED_MAX: usize = 4;

/// Pictures that may wait for their time: 130 ms at 30 frames a second, the usual latency.
pub const DECODED_MAX: usize = 8;

/// A frame to be decoded.
#[derive(Debug)]
pub struct Coded {
    /// A buffer that holds a JPEG file.
    pub jpeg: Vec<u8>,
    /// Where in the buffer it begins.
    pub start: usize,
    /// When it is to be presented.
    pub due: Monotonic,
    /// When it was captured by the sender's wall clock, in nanoseconds since 1970, if known.
    pub unix: Option<i64>,
}

/// A picture to be presented, with the frame it was made from.
pub struct Decoded {
    /// The picture.
    pub picture: Picture,
    /// The frame.
    pub coded: Coded,
}

/// Decodes until the network thread ends. `spare` gives pictures back to be filled anew, and
/// `wake` is called when one is ready.
///
/// # Errors
/// If libjpeg-turbo cannot be set up.
pub fn run(
    coded: &Receiver<Coded>,
    decoded: &SyncSender<Decoded>,
    spare: &Receiver<Picture>,
    wake: &dyn Fn(),
    shared: &Arc<Shared>,
) -> Result<(), String> {
    let mut decoder = Decoder::new().map_err(|error| error.to_string())?;
    let counters = &shared.counters.video;
    let mut free = Vec::with_capacity(DECODED_MAX + 2);
    let mut undecodable = false;
    while let Ok(frame) = coded.recv() {
        free.extend(spare.try_iter());
        let mut picture = free.pop().unwrap_or_else(Picture::new);
        let file = frame.jpeg.get(frame.start..).unwrap_or_default();
        if let Err(error) = decoder.decode(file, &mut picture) {
            counters.frames_undecodable.add(1);
            if !undecodable {
                log::warn!("frames cannot be decoded: {error}");
            }
            undecodable = true;
            free.push(picture);
            continue;
        }
        undecodable = false;
        match decoded.try_send(Decoded { picture, coded: frame }) {
            Ok(()) => wake(),
            Err(TrySendError::Full(refused)) => {
                counters.frames_late.add(1);
                free.push(refused.picture);
            }
            Err(TrySendError::Disconnected(_)) => break,
        }
    }
    Ok(())
}
