//! Sources that ffmpeg reads for us, in a child process: files that are neither MJPEG nor WAV, and
//! network cameras. Pictures come over one pipe and sound over another, from a child each: each is
//! throttled by its own pipe without holding up the other. A camera therefore sees two connections
//! when both are wanted.
//!
//! A child ends with us: it is killed when its source is dropped, and by the kernel if we are.

mod address;
mod audio;
mod feed;
mod first_wait;
mod input;
mod probe;
mod process;
mod spawner;
#[cfg(test)]
mod tests;
mod video;

pub(crate) use address::without_password;
pub use audio::ChildAudio;
pub use input::ChildInput;
pub use probe::{Probe, ProbedVideo, probe};
pub use video::{ChildVideo, VideoSettings, preload};
