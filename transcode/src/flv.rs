//! FLV (Adobe Flash Video File Format Specification 10.1, annex E), in which ffmpeg writes H.264 to a pipe: it says
//! where a picture ends, so that nobody waits for the next one to know.

/// What a tag has.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Tag {
    /// NAL units of parameter sets.
    Sets(Vec<Vec<u8>>),
    /// NAL units of a picture.
    Picture(Vec<Vec<u8>>),
}

/// Takes a stream apart as it comes.
#[derive(Debug, Default)]
pub(crate) struct Splitter {
    bytes: Vec<u8>,
    begun: bool,
}

/// These are not bytes of an FLV.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Foreign;

/// Bytes of the file's header with the length of no tag before the first one, of a tag's header, and of its length
/// behind it.
const FILE_HEADER: usize = 13;
const TAG_HEADER: usize = 11;
const LENGTH: usize = 4;
/// Bytes ahead of the NAL units: kinds, and when to show them after they were decoded.
const VIDEO_HEADER: usize = 5;
/// Type of a tag with pictures, and codec of H.264.
const VIDEO: u8 = 9;
const AVC: u8 = 7;

impl Splitter {
    /// Takes what has come.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next tag with pictures or parameter sets, if all of it is there.
    pub(crate) fn next_tag(&mut self) -> Result<Option<Tag>, Foreign> {
        if !self.begun {
            if self.bytes.len() < FILE_HEADER {
                return Ok(None);
            }
            if !self.bytes.starts_with(b"FLV\x01") {
                return Err(Foreign);
            }
            self.bytes.drain(..FILE_HEADER);
            self.begun = true;
        }
        loop {
            let Some(&[kind, a, b, c]) = self.bytes.first_chunk::<4>() else { return Ok(None) };
            let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            let end = TAG_HEADER + length;
            if self.bytes.len() < end + LENGTH {
                return Ok(None);
            }
            let tag = video(kind, &self.bytes[TAG_HEADER..end])?;
            self.bytes.drain(..end + LENGTH);
            if tag.is_some() {
                return Ok(tag);
            }
        }
    }
}

fn video(kind: u8, data: &[u8]) -> Result<Option<Tag>, Foreign> {
    let Some((&[kinds, packet, ..], rest)) = data.split_first_chunk::<VIDEO_HEADER>() else {
        return Ok(None);
    };
    if kind != VIDEO || kinds & 0x0F != AVC {
        return Ok(None);
    }
    match packet {
        0 => sets(rest).map(|sets| Some(Tag::Sets(sets))).ok_or(Foreign),
        1 => chunks(rest).map(|units| Some(Tag::Picture(units))).ok_or(Foreign),
        _ => Ok(None),
    }
}

/// Those of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1).
fn sets(record: &[u8]) -> Option<Vec<Vec<u8>>> {
    let (head, rest) = record.split_first_chunk::<6>()?;
    let (mut all, rest) = short_chunks(rest, head[5] & 0x1F)?;
    let (count, rest) = rest.split_first()?;
    let (pictures, _) = short_chunks(rest, *count)?;
    all.extend(pictures);
    Some(all)
}

/// Chunks, each after its length in 2 bytes.
fn short_chunks(mut bytes: &[u8], count: u8) -> Option<(Vec<Vec<u8>>, &[u8])> {
    let mut all = Vec::new();
    for _ in 0..count {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (chunk, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
        all.push(chunk.to_vec());
        bytes = rest;
    }
    Some((all, bytes))
}

/// Chunks, each after its length in 4 bytes, up to the end.
fn chunks(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut all = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (chunk, rest) = rest.split_at_checked(length)?;
        all.push(chunk.to_vec());
        bytes = rest;
    }
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(kind: u8, data: &[u8]) -> Vec<u8> {
        let length = u8::try_from(data.len()).unwrap();
        [&[kind, 0, 0, length, 0, 0, 0, 0, 0, 0, 0][..], data, &[0; 4]].concat()
    }

    fn stream() -> Vec<u8> {
        let sets = [0x17, 0, 0, 0, 0, 1, 100, 0, 31, 0xFF, 0xE1, 0, 2, 0x67, 1, 1, 0, 1, 0x68];
        let picture = [0x17, 1, 0, 0, 0, 0, 0, 0, 2, 0x65, 7, 0, 0, 0, 1, 0x65];
        [
            b"FLV\x01\x01\0\0\0\x09\0\0\0\0".to_vec(),
            tag(18, b"onMetaData"),
            tag(VIDEO, &sets),
            tag(VIDEO, &picture),
        ]
        .concat()
    }

    #[test]
    fn tags_come_out_once_they_are_whole() {
        let mut splitter = Splitter::default();
        let mut tags = Vec::new();
        for byte in stream() {
            splitter.push(&[byte]);
            tags.extend(splitter.next_tag().unwrap());
        }
        let expected = [
            Tag::Sets(vec![vec![0x67, 1], vec![0x68]]),
            Tag::Picture(vec![vec![0x65, 7], vec![0x65]]),
        ];
        assert_eq!(tags, expected);
        assert!(splitter.bytes.is_empty());
    }

    #[test]
    fn what_does_not_hold_together_is_foreign() {
        let mut splitter = Splitter::default();
        splitter.push(b"RIFF of some kind");
        assert_eq!(splitter.next_tag(), Err(Foreign));
        for data in [&[0x17, 1, 0, 0, 0, 0, 0, 0, 9, 1][..], &[0x17, 0, 0, 0, 0, 1, 2]] {
            assert_eq!(video(VIDEO, data), Err(Foreign));
        }
    }
}
