//! Fragmented MP4 (ISO/IEC 23000-19, CMAF) and HLS playlists with partial segments (RFC 8216bis), on a grid of capture
//! time: samples and times come in, bytes and text go out, without files, sockets or clocks.
//!
//! - [`grid`]: which segment and part a time falls into; so names come from capture time, and a second origin gives the
//!   same.
//! - [`annexb`]: an encoder's access units as MP4 has them.
//! - [`track`]: the init segment; [`fragment`]: a `moof` and its `mdat`, which go after it.
//! - [`segmenter`]: samples to parts and segments.
//! - [`moved`]: segments that play by themselves, and back.
//! - [`window`]: what is live of a track, and its playlist; [`playlist`]: the multivariant one; [`vod`]: those of what is
//!   stored; [`rfc3339`]: times in them.
#![forbid(unsafe_code)]

pub mod annexb;
mod boxes;
mod described;
pub mod fragment;
pub mod grid;
pub mod moved;
pub mod playlist;
pub mod rfc3339;
pub mod segmenter;
pub mod track;
pub mod vod;
#[cfg(test)]
mod walk;
pub mod window;
