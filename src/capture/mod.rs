//! Sources of pictures and sound: cameras, microphones, files, IP cameras and generators. A source
//! hands out pictures or samples with the time of their capture. The event loop drives it: the
//! source names the descriptors to watch and the next deadline, and [`poll`](VideoPoll) never
//! blocks. Nothing here knows RTP.

pub mod camera;
mod canvas;
pub mod child;
pub mod devices;
pub mod error;
pub mod flash;
pub mod frame;
pub mod hotplug;
pub mod http;
pub mod jpeg_folder;
pub mod live;
pub mod microphone;
pub mod mjpeg_file;
pub mod mjpeg_reader;
pub mod mjpeg_split;
pub mod mjpeg_stream;
pub mod paced;
pub mod pattern;
mod plug;
pub mod preloaded;
pub mod rtsp;
pub mod sample_schedule;
pub mod tone;
mod wait;
pub mod wav_file;

pub use error::{Cause, Error};
pub use frame::{AudioPoll, VideoPoll};
pub use wait::Wait;
