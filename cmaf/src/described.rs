//! What a track's own init segment says of it.

use crate::track::Track;

/// The boxes around a sample entry (ISO/IEC 14496-12 section 8.5.2), each with the bytes of it in front of those within.
const AROUND: [([u8; 4], usize); 6] =
    [(*b"moov", 0), (*b"trak", 0), (*b"mdia", 0), (*b"minf", 0), (*b"stbl", 0), (*b"stsd", 8)];

/// Bytes of a sample entry of pictures, and of one of sound, in front of the boxes in it
/// (ISO/IEC 14496-12 sections 12.1.3 and 12.2.3).
const OF_PICTURES: usize = 78;
const OF_SOUND: usize = 28;

impl Track {
    /// The track of an init segment that [`Track::init`] has made; `None` of any other.
    #[must_use]
    pub fn from_init(init: &[u8]) -> Option<Self> {
        let entries = AROUND
            .iter()
            .try_fold(init, |within, (kind, skipped)| find(within, *kind)?.get(*skipped..))?;
        let track = match find(entries, *b"avc1") {
            Some(entry) => pictures(entry)?,
            None => sound(find(entries, *b"mp4a")?)?,
        };
        (track.init() == init).then_some(track)
    }
}

fn pictures(entry: &[u8]) -> Option<Track> {
    let size = (half(entry, 24)?, half(entry, 26)?);
    let sets = find(entry.get(OF_PICTURES..)?, *b"avcC")?;
    // Behind five bytes and a count of one, each set after its length (ISO/IEC 14496-15 section 5.3.3.1).
    let set = |at: usize| sets.get(at + 2..at + 2 + usize::from(half(sets, at)?));
    let sps = set(6)?;
    let pps = set(6 + 2 + sps.len() + 1)?;
    Some(Track::H264 { sps: sps.to_vec(), pps: pps.to_vec(), size })
}

fn sound(entry: &[u8]) -> Option<Track> {
    let _ = entry.get(..OF_SOUND)?;
    let channels = u8::try_from(half(entry, 16)?).ok()?;
    Some(Track::Aac { rate: half(entry, 24)?.into(), channels })
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

/// What is in the first box of a kind.
fn find(mut bytes: &[u8], kind: [u8; 4]) -> Option<&[u8]> {
    loop {
        let size = u32::from_be_bytes(bytes.get(..4)?.try_into().ok()?);
        let size = usize::try_from(size).ok()?;
        let content = bytes.get(8..size)?;
        if bytes.get(4..8)? == kind {
            return Some(content);
        }
        bytes = bytes.get(size..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_track_is_known_by_its_init_segment() {
        let (sps, pps) = (vec![0x67, 0x42, 0xc0, 0x1e, 0xd9], vec![0x68, 0xce]);
        let pictures = Track::H264 { sps, pps, size: (1280, 720) };
        for track in [
            pictures,
            Track::Aac { rate: 48_000, channels: 2 },
            Track::Aac { rate: 8000, channels: 1 },
        ] {
            let init = track.init();
            assert_eq!(Track::from_init(&init), Some(track));
            (0..init.len()).for_each(|len| assert_eq!(Track::from_init(&init[..len]), None));
            for at in 0..init.len() {
                let mut other = init.to_vec();
                other[at] ^= 0xFF;
                let found = Track::from_init(&other);
                assert!(found.is_none_or(|it| it.init() == other), "{at}");
            }
        }
    }
}
