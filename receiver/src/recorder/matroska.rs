//! Matroska (RFC 9559) for a stream that may end at any byte: Segment and Clusters of unknown size, every block
//! complete in itself. In a file there is room in front for what is known only later: sizes, the duration, and
//! the index. No lacing, no reader, no file handling.

use std::io::{self, Write};

use super::ebml::{self, Id};
use super::tracks::{AudioTrack, Coding, VideoTrack};
use streamsocket_wire::opus::head;

/// Nanoseconds in a tick. 0.01 ms rounds a capture time by 5 us at most, and a block's 16 bits
/// still reach 327 ms from its cluster.
pub(super) const TICK_NANOS: u32 = 10_000;

/// What stands before the first cluster.
pub(super) struct Header {
    pub(super) bytes: Vec<u8>,
    pub(super) places: Places,
}

/// Where in a file there is room for what is known only later, in bytes from its beginning.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    /// The Segment's data, which all positions in it count from; its size stands before it.
    pub(super) segment: u64,
    /// A void that [`seek_cues`] fits.
    pub(super) seek: u64,
    /// A void that [`duration`] fits.
    pub(super) duration: u64,
    /// A void for the index.
    pub(super) index: u64,
}

/// The EBML header, the open Segment, Info and Tracks (RFC 9559, sections 5.1.2 and 5.1.4): all of a stream's
/// beginning.
pub(super) fn stream_header(video: Option<VideoTrack>, audio: Option<AudioTrack>) -> Vec<u8> {
    [beginning(), info(), tracks(video, audio)].concat()
}

/// The same for a file: with a SeekHead (section 5.1.1), and with room, of which `index` bytes are for the index.
pub(super) fn file_header(
    video: Option<VideoTrack>,
    audio: Option<AudioTrack>,
    index_len: usize,
) -> Header {
    let mut bytes = beginning();
    let (info, tracks) = (info(), tracks(video, audio));
    let segment = bytes.len();
    let info_at = segment + SEEK_HEAD_LEN;
    let tracks_at = info_at + info.len();
    let index = tracks_at + tracks.len();
    let within = |at: usize| (at - segment) as u64;
    ebml::master(&mut bytes, SEEK_HEAD, |out| {
        out.extend_from_slice(&seek(INFO, within(info_at)));
        out.extend_from_slice(&seek(TRACKS, within(tracks_at)));
        ebml::element(out, VOID, &[0; SEEK_LEN - 2]);
    });
    bytes.extend_from_slice(&info);
    bytes.extend_from_slice(&tracks);
    bytes.extend_from_slice(&void_head(index_len));
    bytes.resize(index + index_len, 0);
    let places = Places {
        segment: segment as u64,
        seek: (info_at - SEEK_LEN) as u64,
        duration: (tracks_at - DURATION_LEN) as u64,
        index: index as u64,
    };
    Header { bytes, places }
}

/// The beginning of a void of so many bytes, those of its head included.
pub(super) fn void_head(len: usize) -> [u8; VOID_HEAD_LEN] {
    let mut bytes = [VOID_BYTE; VOID_HEAD_LEN];
    bytes[1..].copy_from_slice(&ebml::size_on_eight(len.saturating_sub(VOID_HEAD_LEN) as u64));
    bytes
}

fn beginning() -> Vec<u8> {
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
    bytes
}

/// Ends with the void for the duration.
fn info() -> Vec<u8> {
    let mut bytes = Vec::new();
    ebml::master(&mut bytes, INFO, |out| {
        ebml::uint(out, TIMESTAMP_SCALE, u64::from(TICK_NANOS));
        ebml::element(out, MUXING_APP, APP);
        ebml::element(out, WRITING_APP, APP);
        ebml::element(out, VOID, &[0; DURATION_LEN - 2]);
    });
    bytes
}

fn tracks(video: Option<VideoTrack>, audio: Option<AudioTrack>) -> Vec<u8> {
    let mut bytes = Vec::new();
    ebml::master(&mut bytes, TRACKS, |out| {
        if let Some(track) = video {
            video_entry(out, track);
        }
        if let Some(track) = audio {
            audio_entry(out, track);
        }
    });
    bytes
}

/// Where the index is, exactly as long as the void in the SeekHead.
pub(super) fn seek_cues(places: &Places) -> Vec<u8> {
    seek(CUES, places.index - places.segment)
}

fn seek(id: Id, position: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(SEEK_LEN);
    ebml::master(&mut out, SEEK, |out| {
        ebml::element(out, SEEK_ID, id.encoded().as_bytes());
        // On a fixed eight bytes.
        ebml::element(out, SEEK_POSITION, &position.to_be_bytes());
    });
    out
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
        track_entry(out, TrackNumber::Video, TRACK_TYPE_VIDEO, b"V_MJPEG");
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
        let codec: &[u8] = match track.coding {
            Coding::Pcm => b"A_PCM/INT/LIT",
            Coding::Opus => b"A_OPUS",
        };
        track_entry(out, TrackNumber::Audio, TRACK_TYPE_AUDIO, codec);
        if track.coding == Coding::Opus {
            // A block's time is that of the first sample that it decodes to, and nothing is to be skipped: the sender
            // has taken off what its codec is late by, and the recording begins within its stream.
            ebml::element(out, CODEC_PRIVATE, &head(track.channels, 0, track.rate));
            ebml::uint(out, CODEC_DELAY, 0);
            ebml::uint(out, SEEK_PRE_ROLL, SEEK_PRE_ROLL_NANOS);
        }
        ebml::master(out, AUDIO, |out| {
            ebml::float(out, SAMPLING_FREQUENCY, f64::from(track.rate));
            ebml::uint(out, CHANNELS, u64::from(track.channels));
            if track.coding == Coding::Pcm {
                ebml::uint(out, BIT_DEPTH, 16);
            }
        });
    });
}

fn track_entry(out: &mut Vec<u8>, track: TrackNumber, kind: u64, codec: &[u8]) {
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
pub(super) enum TrackNumber {
    Video,
    Audio,
}

impl TrackNumber {
    pub(super) const fn number(self) -> u8 {
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
    track: TrackNumber,
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
/// In a cluster, its size; what it holds begins behind it.
pub(super) const CLUSTER_SIZE_AT: u64 = 4;
pub(super) const CLUSTER_DATA_AT: u64 = 12;
/// ID (2), size (1), the element's ID (2 + 1 + 4), its position (2 + 1 + 8).
const SEEK_LEN: usize = 21;
/// ID (4), size (1), three entries.
const SEEK_HEAD_LEN: usize = 5 + 3 * SEEK_LEN;
/// A void whose size stands on eight bytes.
pub(super) const VOID_HEAD_LEN: usize = 9;
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
const VOID: Id = Id(VOID_BYTE as u32);
const VOID_BYTE: u8 = 0xec;
const SEGMENT: Id = Id(0x1853_8067);
const SEEK_HEAD: Id = Id(0x114d_9b74);
const SEEK: Id = Id(0x4dbb);
const SEEK_ID: Id = Id(0x53ab);
const SEEK_POSITION: Id = Id(0x53ac);
pub(super) const CUES: Id = Id(0x1c53_bb6b);
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
const CODEC_PRIVATE: Id = Id(0x63a2);
const CODEC_DELAY: Id = Id(0x56aa);
const SEEK_PRE_ROLL: Id = Id(0x56bb);
/// What a decoder of Opus has to hear before what it makes is right (RFC 7845 section 4.6).
const SEEK_PRE_ROLL_NANOS: u64 = 80_000_000;
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
    fn what_comes_later_fits_its_room() {
        let video = VideoTrack { width: 8, height: 8, frame_nanos: None };
        let Header { bytes, places } = file_header(Some(video), None, 1000);
        let at = |place: u64| &bytes[usize::try_from(place).unwrap()..];
        assert_eq!(at(places.segment)[..4], SEEK_HEAD.0.to_be_bytes());
        assert_eq!(at(places.segment)[4], u8::try_from(0x80 | (SEEK_HEAD_LEN - 5)).unwrap());
        assert_eq!(at(places.seek)[..2], [0xec, 0x80 | 19]);
        assert_eq!(seek_cues(&places).len(), SEEK_LEN);
        assert_eq!(at(places.seek)[SEEK_LEN..][..4], INFO.0.to_be_bytes());
        assert_eq!(at(places.duration)[..2], [0xec, 0x80 | 9]);
        assert_eq!(duration(7).len(), DURATION_LEN);
        assert_eq!(at(places.duration)[DURATION_LEN..][..4], TRACKS.0.to_be_bytes());
        assert_eq!(at(places.index)[0], 0xec);
        assert_eq!(at(places.index).len(), 1000);
    }
}
