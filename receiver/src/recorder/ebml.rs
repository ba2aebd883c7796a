//! EBML (RFC 8794): elements written to a byte vector, as far as a header needs them, and the
//! variable-length sizes for everything else. No reader, and nothing about Matroska.

/// An element's ID, marker bit included (section 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id(pub(super) u32);

/// The size of an element whose end is not known yet (section 6.2), on eight bytes.
pub(super) const SIZE_UNKNOWN: [u8; 8] = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

/// The largest known size.
const SIZE_MAX: u64 = (1 << 56) - 2;

/// An ID or size as written: one to eight bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoded {
    bytes: [u8; 8],
    start: usize,
}

impl Encoded {
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[self.start..]
    }
}

impl Id {
    pub(super) fn encoded(self) -> Encoded {
        let bytes = u64::from(self.0).to_be_bytes();
        Encoded { bytes, start: leading_zeros(&bytes) }
    }
}

/// A known size in the fewest bytes (section 4): n bytes hold 7n bits, all ones excepted.
pub(super) fn size(value: u64) -> Encoded {
    let bits = u64::BITS - (value + 1).leading_zeros();
    let len = usize::try_from(bits.div_ceil(7)).unwrap_or(8).clamp(1, 8);
    let marked = value | 1 << (7 * len);
    Encoded { bytes: marked.to_be_bytes(), start: 8 - len }
}

/// A known size on eight bytes, for one that is written over another.
pub(super) const fn size_on_eight(value: u64) -> [u8; 8] {
    let value = if value < SIZE_MAX { value } else { SIZE_MAX };
    (value | 1 << 56).to_be_bytes()
}

/// Writes an unsigned integer element.
pub(super) fn uint(out: &mut Vec<u8>, id: Id, value: u64) {
    let bytes = value.to_be_bytes();
    element(out, id, &bytes[leading_zeros(&bytes).min(7)..]);
}

/// Writes a float element of eight bytes.
pub(super) fn float(out: &mut Vec<u8>, id: Id, value: f64) {
    element(out, id, &value.to_be_bytes());
}

/// Writes an element with this content.
pub(super) fn element(out: &mut Vec<u8>, id: Id, content: &[u8]) {
    out.extend_from_slice(id.encoded().as_bytes());
    let len = u64::try_from(content.len()).unwrap_or(u64::MAX);
    out.extend_from_slice(size(len).as_bytes());
    out.extend_from_slice(content);
}

/// Writes an element that holds the elements written by `fill`.
pub(super) fn master(out: &mut Vec<u8>, id: Id, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::new();
    fill(&mut content);
    element(out, id, &content);
}

fn leading_zeros(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&&byte| byte == 0).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_the_rfc() {
        // RFC 8794, section 4.4: all ones mean unknown, so 127 takes two bytes.
        let cases: [(u64, &[u8]); 8] = [
            (0, &[0x80]),
            (2, &[0x82]),
            (126, &[0xfe]),
            (127, &[0x40, 0x7f]),
            (16_382, &[0x7f, 0xfe]),
            (16_383, &[0x20, 0x3f, 0xff]),
            (0x0fff_fffe, &[0x1f, 0xff, 0xff, 0xfe]),
            ((1 << 56) - 2, &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe]),
        ];
        for (value, bytes) in cases {
            assert_eq!(size(value).as_bytes(), bytes, "{value}");
        }
        assert_eq!(size_on_eight(127), [0x01, 0, 0, 0, 0, 0, 0, 127]);
    }

    #[test]
    fn elements_nest() {
        let mut out = Vec::new();
        master(&mut out, Id(0x1549_a966), |out| {
            uint(out, Id(0x2a_d7b1), 10_000);
            uint(out, Id(0xd7), 0);
            float(out, Id(0x4489), 1.0);
        });
        let expected = [
            0x15,
            0x49,
            0xa9,
            0x66,
            0x80 | 20, // master, 20 bytes
            0x2a,
            0xd7,
            0xb1,
            0x82,
            0x27,
            0x10, // 10 000
            0xd7,
            0x81,
            0x00, // 0 keeps one byte
            0x44,
            0x89,
            0x88,
            0x3f,
            0xf0,
            0,
            0,
            0,
            0,
            0,
            0,
        ];
        assert_eq!(out, expected);
    }
}
