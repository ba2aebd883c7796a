//! What flows from sources to sinks: pictures and sound with the time of their capture, the formats
//! that they come in, and the clocks of a session. No input or output.

pub mod clock;
pub mod format;
pub mod raw;
pub mod scale;

pub use format::{AudioFormat, FrameRate, VideoFormat};
pub use raw::{Layout, RawFormat};
pub use scale::Scale;
