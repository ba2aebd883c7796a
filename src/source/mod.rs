//! What the settings choose, opened: a source of pictures or of sound, so that the loop has one type of each to deal
//! with. [`open`] decides which source that is; how it captures is the business of [`capture`](crate::capture).

mod audio;
mod context;
mod effect;
mod opening;
mod sound;
mod trial;
mod video;

pub use audio::AudioSource;
pub use context::Context;
pub use opening::{OpenInput, Source, open};
pub use trial::{Tried, try_out};
pub use video::VideoSource;
