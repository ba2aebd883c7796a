//! Matroska (RFC 9559) for a stream that may end at any byte: Segment and Clusters of unknown
//! size, no index, every block complete in itself. No lacing, no reader, no file handling.

use std::io::{self, Write};

use super::ebml::{self, Id};
use super::{AudioTrack, VideoTrack};

/// Nanoseconds in a tick. 0.01 ms rounds a capture time by 5 us at most, and a block's 16 bits
/// still reach 327 ms from its cluster.
pub(super) const TICK_NANOS: u32 = 10_000;

/// What stands before the first cluster.
pub(super) struct Header {
    pub(super) bytes: Vec<u8>,
    /// Where [`duration`] may be written over the void left for it.
    pub(super) duration_at: u64,
}

/// The EBML header, the open Segment, Info and Tracks (RFC 9559, sections 5.1.2 and 5.1.4).
pub(super) fn header(video: Option<VideoTrack>, audio: Option<AudioTrack>) -> Header {
    let mut bytes = Vec::new();
    ebml::master(&mut bytes, EBML, |out| {
        ebml::uint(out, EBML_VERSION, 1);
        ebml::uint(out, EBML_READ_VERSION, 1);
        ebml::uint(out, EBML_MAX_ID_LENGTH, 4);
        ebml::uint(out, EBML_MAX_SIZE_LENGTH, 8);
        ebml::element(out, DOC_TYPE, b"matroska");
        ebml::uint(out, DOC_TYPE_VERSION, 4);
        ebml::uint(out, DOC_TYPE_READ_VERSION, 2);
    });
    open(&mut bytes, SEGMENT);
    ebml::master(&mut bytes, INFO, |out| {
        ebml::uint(out, TIMESTAMP_SCALE, u64::from(TICK_NANOS));
        ebml::element(out, MUXING_APP, APP);
        ebml::element(out, WRITING_APP, APP);
        ebml::element(out, VOID, &[0; DURATION_LEN - 2]);
    });
    let duration_at = u64::try_from(bytes.len() - DURATION_LEN).unwrap_or(0);
    ebml::master(&mut bytes, TRACKS, |out| {
        if let Some(track) = video {
            video_entry(out, track);
        }
        if let Some(track) = audio {
            audio_entry(out, track);
        }
    });
    Header { bytes, duration_at }
}

/// The Duration element, exactly as long as the void in the header.
pub(super) fn duration(ticks: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(DURATION_LEN);
    // 2^52 ticks are 1400 years.
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^52 ticks")]
    ebml::float(&mut out, DURATION, ticks as f64);
    out
}

fn video_entry(out: &mut Vec<u8>, track: VideoTrack) {
    ebml::master(out, TRACK_ENTRY, |out| {
        track_entry(out, Track::Video, TRACK_TYPE_VIDEO, b"V_MJPEG");
        if let Some(nanos) = track.frame_nanos.filter(|&nanos| nanos > 0) {
            ebml::uint(out, DEFAULT_DURATION, nanos);
        }
        ebml::master(out, VIDEO, |out| {
            ebml::uint(out, PIXEL_WIDTH, u64::from(track.width));
            ebml::uint(out, PIXEL_HEIGHT, u64::from(track.height));
        });
    });
}

fn audio_entry(out: &mut Vec<u8>, track: AudioTrack) {
    ebml::master(out, TRACK_ENTRY, |out| {
        track_entry(out, Track::Audio, TRACK_TYPE_AUDIO, b"A_PCM/INT/LIT");
        ebml::master(out, AUDIO, |out| {
            ebml::float(out, SAMPLING_FREQUENCY, f64::from(track.rate));
            ebml::uint(out, CHANNELS, u64::from(track.channels));
            ebml::uint(out, BIT_DEPTH, 16);
        });
    });
}

fn track_entry(out: &mut Vec<u8>, track: Track, kind: u64, codec: &[u8]) {
    ebml::uint(out, TRACK_NUMBER, u64::from(track.number()));
    ebml::uint(out, TRACK_UID, u64::from(track.number()));
    ebml::uint(out, TRACK_TYPE, kind);
    ebml::uint(out, FLAG_LACING, 0);
    ebml::element(out, LANGUAGE, b"und");
    ebml::element(out, CODEC_ID, codec);
}

fn open(out: &mut Vec<u8>, id: Id) {
    out.extend_from_slice(id.encoded().as_bytes());
    out.extend_from_slice(&ebml::SIZE_UNKNOWN);
}

/// A track of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Track {
    Video,
    Audio,
}

impl Track {
    const fn number(self) -> u8 {
        match self {
            Self::Video => 1,
            Self::Audio => 2,
        }
    }
}

/// Where a block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// The timestamp of the cluster to open for it, if it needs a new one.
    pub(super) cluster: Option<u64>,
    /// Its time from the cluster's.
    pub(super) relative: i16,
}

/// Which cluster is open.
#[derive(Debug, Default)]
pub(super) struct Clusters {
    base: Option<u64>,
}

impl Clusters {
    /// The place of a block at `ticks`. Clusters follow each other in time as long as no block is
    /// more than 327 ms behind the newest; one that is gets a cluster of its own rather than a
    /// wrong time.
    pub(super) fn place(&mut self, ticks: u64) -> Place {
        let relative = self.base.and_then(|base| relative(ticks, base));
        match relative {
            Some(relative) if relative <= CLUSTER_TICKS => Place { cluster: None, relative },
            _ => {
                self.base = Some(ticks);
                Place { cluster: Some(ticks), relative: 0 }
            }
        }
    }
}

fn relative(ticks: u64, base: u64) -> Option<i16> {
    i16::try_from(i128::from(ticks) - i128::from(base)).ok()
}

/// Opens a cluster (section 5.1.3); the one before ends here.
pub(super) fn write_cluster(out: &mut impl Write, ticks: u64) -> io::Result<u64> {
    let mut bytes = [0; CLUSTER_LEN];
    bytes[..4].copy_from_slice(CLUSTER.encoded().as_bytes());
    bytes[4..12].copy_from_slice(&ebml::SIZE_UNKNOWN);
    // The timestamp on a fixed eight bytes.
    bytes[12..14].copy_from_slice(&[TIMESTAMP, 0x88]);
    bytes[14..].copy_from_slice(&ticks.to_be_bytes());
    out.write_all(&bytes)?;
    Ok(bytes.len() as u64)
}

/// Writes what stands before `len` bytes of a block's data (section 10.2); the data follows.
/// Every block is a key frame.
pub(super) fn write_block_head(
    out: &mut impl Write,
    track: Track,
    relative: i16,
    len: usize,
) -> io::Result<u64> {
    let [high, low] = relative.to_be_bytes();
    let head = [0x80 | track.number(), high, low, BLOCK_KEY_FRAME];
    let size = ebml::size((len + head.len()) as u64);
    out.write_all(&[SIMPLE_BLOCK])?;
    out.write_all(size.as_bytes())?;
    out.write_all(&head)?;
    Ok((1 + size.as_bytes().len() + head.len()) as u64)
}

const APP: &[u8] = concat!("streamsocket-receiver ", env!("CARGO_PKG_VERSION")).as_bytes();

/// 300 ms: short enough for a late block before it (16 bits reach 327 ms back) and for losing
/// little when the program is killed, long enough to cost nothing.
const CLUSTER_TICKS: i16 = 30_000;
/// ID (4), unknown size (8), timestamp (1 + 1 + 8).
const CLUSTER_LEN: usize = 22;
/// ID (2), size (1), value (8); a void of the same length has an ID of one byte, a size of one.
const DURATION_LEN: usize = 11;
const BLOCK_KEY_FRAME: u8 = 0x80;
const TRACK_TYPE_VIDEO: u64 = 1;
const TRACK_TYPE_AUDIO: u64 = 2;

const EBML: Id = Id(0x1a45_dfa3);
const EBML_VERSION: Id = Id(0x4286);
const EBML_READ_VERSION: Id = Id(0x42f7);
const EBML_MAX_ID_LENGTH: Id = Id(0x42f2);
const EBML_MAX_SIZE_LENGTH: Id = Id(0x42f3);
const DOC_TYPE: Id = Id(0x4282);
const DOC_TYPE_VERSION: Id = Id(0x4287);
const DOC_TYPE_READ_VERSION: Id = Id(0x4285);
const VOID: Id = Id(0xec);
const SEGMENT: Id = Id(0x1853_8067);
const INFO: Id = Id(0x1549_a966);
const TIMESTAMP_SCALE: Id = Id(0x2a_d7b1);
const DURATION: Id = Id(0x4489);
const MUXING_APP: Id = Id(0x4d80);
const WRITING_APP: Id = Id(0x5741);
const TRACKS: Id = Id(0x1654_ae6b);
const TRACK_ENTRY: Id = Id(0xae);
const TRACK_NUMBER: Id = Id(0xd7);
const TRACK_UID: Id = Id(0x73c5);
const TRACK_TYPE: Id = Id(0x83);
const FLAG_LACING: Id = Id(0x9c);
const DEFAULT_DURATION: Id = Id(0x23_e383);
const LANGUAGE: Id = Id(0x22_b59c);
const CODEC_ID: Id = Id(0x86);
const VIDEO: Id = Id(0xe0);
const PIXEL_WIDTH: Id = Id(0xb0);
const PIXEL_HEIGHT: Id = Id(0xba);
const AUDIO: Id = Id(0xe1);
const SAMPLING_FREQUENCY: Id = Id(0xb5);
const CHANNELS: Id = Id(0x9f);
const BIT_DEPTH: Id = Id(0x6264);
const CLUSTER: Id = Id(0x1f43_b675);
const TIMESTAMP: u8 = 0xe7;
const SIMPLE_BLOCK: u8 = 0xa3;

#[cfg(test)]
mod tests {
    use super::*;

    fn place(clusters: &mut Clusters, ticks: u64) -> (Option<u64>, i16) {
        let Place { cluster, relative } = clusters.place(ticks);
        (cluster, relative)
    }

    #[test]
    fn late_blocks_lie_before_their_cluster() {
        let mut clusters = Clusters::default();
        assert_eq!(place(&mut clusters, 0), (Some(0), 0));
        assert_eq!(place(&mut clusters, 30_000), (None, 30_000));
        assert_eq!(place(&mut clusters, 30_001), (Some(30_001), 0));
        assert_eq!(place(&mut clusters, 20_001), (None, -10_000));
        assert_eq!(place(&mut clusters, 60_001), (None, 30_000));
    }

    #[test]
    fn a_block_out_of_reach_keeps_its_time() {
        let mut clusters = Clusters::default();
        assert_eq!(place(&mut clusters, 100_000), (Some(100_000), 0));
        assert_eq!(place(&mut clusters, 67_232), (None, -32_768));
        assert_eq!(place(&mut clusters, 67_231), (Some(67_231), 0));
        assert_eq!(place(&mut clusters, 100_100), (Some(100_100), 0));
        assert_eq!(place(&mut clusters, u64::MAX), (Some(u64::MAX), 0));
    }

    #[test]
    fn duration_fits_its_void() {
        let header = header(Some(VideoTrack { width: 8, height: 8, frame_nanos: None }), None);
        let at = usize::try_from(header.duration_at).unwrap();
        assert_eq!(header.bytes[at..at + 2], [0xec, 0x80 | 9]);
        assert_eq!(duration(7).len(), DURATION_LEN);
        // Directly behind it the tracks begin.
        assert_eq!(header.bytes[at + DURATION_LEN..][..4], TRACKS.0.to_be_bytes());
    }
}
