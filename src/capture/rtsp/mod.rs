//! Pictures and sound of a camera that speaks RTSP (RFC 2326), where they are JPEG (RFC 2435), L16, PCMU or PCMA
//! (RFC 3551): within the connection, which needs no port of this machine's. Everything else is for ffmpeg.
//!
//! Connecting and asking are done beside the loop; what then comes is read by the loop. `session` is a connection, by
//! which each `track` comes; `pictures` puts together what comes by it, and puts the sound where it is taken from (`sound`).

mod pictures;
mod session;
mod sound;
mod track;

pub use pictures::{Opened, RtspPictures, open};
pub use session::Sound;
pub use sound::Beside;
