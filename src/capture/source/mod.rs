//! The source that was chosen: passes the loop's questions on, so that the loop knows one kind of
//! source only. Which one it is, is decided in [`open`].

mod audio;
mod context;
mod effect;
mod opening;
mod trial;
mod video;

pub use audio::AudioSource;
pub use context::Context;
pub use opening::{Sources, open};
pub use trial::{Tried, try_out};
pub use video::VideoSource;
