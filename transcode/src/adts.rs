//! ADTS (ISO/IEC 13818-7, 6.2), in which ffmpeg writes AAC to a pipe.

/// Bytes of a header without a checksum, and of one with it.
const HEADER: usize = 7;
const HEADER_CRC: usize = 9;

/// What stands at the beginning of some bytes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Adts<'a> {
    /// Not all of a frame.
    Part,
    /// A frame without its header, and how many bytes it takes up with it.
    Frame(&'a [u8], usize),
    /// No frame.
    Foreign,
}

/// Reads the frame at the beginning.
pub(crate) fn parse(bytes: &[u8]) -> Adts<'_> {
    let Some(header) = bytes.first_chunk::<HEADER>() else { return Adts::Part };
    if header[0] != 0xFF || header[1] & 0xF6 != 0xF0 {
        return Adts::Foreign;
    }
    let low = [header[3], header[4], header[5]].map(usize::from);
    let length = (low[0] & 0x03) << 11 | low[1] << 3 | low[2] >> 5;
    let skipped = if header[1] & 1 == 1 { HEADER } else { HEADER_CRC };
    if length <= skipped {
        return Adts::Foreign;
    }
    bytes.get(skipped..length).map_or(Adts::Part, |frame| Adts::Frame(frame, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_what_follows_its_header() {
        // Of 10 bytes, without a checksum.
        let frame = [0xFF, 0xF1, 0x4C, 0x80, 0x01, 0x40, 0xFC, 1, 2, 3, 0xFF];
        assert_eq!(parse(&frame), Adts::Frame(&[1, 2, 3], 10));
        for end in 0..10 {
            assert_eq!(parse(&frame[..end]), Adts::Part);
        }
        let mut checked = frame;
        checked[1] = 0xF0;
        assert_eq!(parse(&checked), Adts::Frame(&[3], 10));
        assert_eq!(parse(&frame[1..]), Adts::Foreign);
        let mut empty = frame;
        empty[5] = 0;
        assert_eq!(parse(&empty), Adts::Frame(&[1], 8));
        empty[4] = 0;
        assert_eq!(parse(&empty), Adts::Foreign);
    }
}
