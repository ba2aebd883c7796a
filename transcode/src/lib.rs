//! JPEG pictures to H.264 at several sizes, samples to AAC.
//!
//! A [`VideoEncoder`] makes one [`Tier`](TierPlan) of a session's pictures: it decodes each at its scale, which
//! libjpeg-turbo does in the DCT for less work than a whole picture, and encodes it, with openh264 in this
//! process or x264 in an `ffmpeg` child ([`Backend`]). Key pictures are made where the caller asks for them and
//! nowhere else, so that all tiers have them at the same pictures. A [`Pyramid`] is a picture decoded once for all
//! tiers, for a third less work. An [`AacEncoder`] is an `ffmpeg` child with
//! a timeline of samples ahead of it, so that each frame has the time of its capture.
//!
//! `unsafe` stands in `openh264::library` alone, the module between openh264's own interface and the rest.
#![deny(unsafe_code)]

mod aac;
mod adts;
mod child;
mod error;
mod flv;
mod jpeg;
mod nal;
mod openh264;
mod picture;
mod plan;
mod pyramid;
#[cfg(test)]
mod sample;
mod timeline;
mod video;
mod x264;

pub use aac::{AacEncoder, AacFrame};
pub use error::Error;
pub use nal::ParameterSets;
pub use picture::Picture;
pub use plan::{Scale, TierPlan};
pub use pyramid::Pyramid;
pub use video::{Backend, VideoEncoder};
