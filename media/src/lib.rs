//! What flows from sources to sinks: pictures as units, each with the time of its capture; the memory and the
//! formats of pictures and sound; and the clocks of a session. No input or output, no `unsafe`.

pub mod bytes;
pub mod clock;
pub mod codec;
pub mod format;
pub mod pool;
pub mod raw;
pub mod scale;
pub mod slots;
pub mod unit;

pub use bytes::Bytes;
pub use codec::Codec;
pub use format::{AudioFormat, FrameRate, VideoFormat};
pub use pool::{Pool, PoolBuffer};
pub use raw::{Layout, RawFormat};
pub use scale::Scale;
pub use slots::{Holders, Slots};
pub use unit::{Dependency, Unit};
