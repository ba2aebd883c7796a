//! Movie fragments: a `moof` and its `mdat`, which CMAF calls a chunk (ISO/IEC 23000-19 section 7.3.2.3).

use crate::boxes::{boxed, full, word};
use crate::track::{NON_SYNC, SYNC, TRACK, Track};
use bytes::Bytes;

/// Offsets of samples are from the beginning of the `moof` (ISO/IEC 14496-12 section 8.8.7.1).
const BASE_IS_MOOF: u32 = 0x02_0000;

/// Flags of a `trun`: where the data begin; that each sample has a duration, a size; flags of its own.
const DATA_OFFSET: u32 = 0x1;
const DURATIONS: u32 = 0x100;
const SIZES: u32 = 0x200;
const FLAGS: u32 = 0x400;

/// A sample as a fragment has it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its bytes.
    pub data: Bytes,
    /// Its duration in ticks of the track's timescale.
    pub duration: u32,
    /// Whether a player can begin at it.
    pub key: bool,
}

/// A fragment of `entries`, the first of which is decoded at `decode`, in ticks of the track's timescale. `sequence` is
/// the number in `mfhd`.
#[must_use]
pub fn fragment(track: &Track, sequence: u32, decode: u64, entries: &[Entry]) -> Bytes {
    let size: usize = entries.iter().map(|entry| entry.data.len()).sum();
    let mut out = Vec::with_capacity(size + 128 + 12 * entries.len());
    let mut offset_at = 0;
    boxed(&mut out, *b"moof", |out| {
        full(out, *b"mfhd", 0, 0, |out| word(out, sequence));
        boxed(out, *b"traf", |out| {
            full(out, *b"tfhd", 0, BASE_IS_MOOF, |out| word(out, TRACK));
            full(out, *b"tfdt", 1, 0, |out| out.extend_from_slice(&decode.to_be_bytes()));
            let flags = if track.is_video() { FLAGS } else { 0 };
            full(out, *b"trun", 0, DATA_OFFSET | DURATIONS | SIZES | flags, |out| {
                word(out, u32::try_from(entries.len()).unwrap_or(u32::MAX));
                offset_at = out.len();
                word(out, 0);
                for entry in entries {
                    word(out, entry.duration);
                    word(out, u32::try_from(entry.data.len()).unwrap_or(u32::MAX));
                    if track.is_video() {
                        word(out, if entry.key { SYNC } else { NON_SYNC });
                    }
                }
            });
        });
    });
    // The data begin behind the header of the `mdat`.
    let offset = u32::try_from(out.len() + 8).unwrap_or(u32::MAX);
    out[offset_at..offset_at + 4].copy_from_slice(&offset.to_be_bytes());
    boxed(&mut out, *b"mdat", |out| {
        for entry in entries {
            out.extend_from_slice(&entry.data);
        }
    });
    out.into()
}
