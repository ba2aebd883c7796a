//! RTP payload headers of JPEG (RFC 2435 section 3.1) and the quantization tables that Q stands
//! for (section 4.2, appendix A).

mod parameters;

pub use self::parameters::{Parameters, Sampling};

use crate::reader::Reader;
use crate::{Error, space};

/// Bytes of the main header (section 3.1).
pub const MAIN_LEN: usize = 8;

/// Bytes of the restart marker header (section 3.1.7).
pub const RESTART_LEN: usize = 4;

/// Bytes of the quantization table header without its tables (section 3.1.8).
pub const TABLE_HEADER_LEN: usize = 4;

/// Largest width and height that the 8-bit fields of section 3.1.5 can say, in pixels. Beyond, both are 0
/// and the session description says the size.
pub const SIZE_MAX: u16 = 2040;

/// Q that says: the quantization tables are in the first packet of every frame (section 3.1.8).
const Q_IN_BAND: u8 = 255;

/// What the type is larger by if there are restart markers (section 3.1.3).
const KIND_RESTART: u8 = 64;

/// Pixels of a picture that senders send and receivers show, each way at most: more than any screen, and a
/// forged header asks for no gigabytes.
pub const SIDE_MAX: usize = 8192;

/// Pixels of a picture at most, in all: the largest camera modules in use have 16 megapixels. 70 MB when it
/// is decoded.
pub const PIXELS_MAX: usize = 4096 * 4096;

/// The main header.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Type-specific |              Fragment Offset                  |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      Type     |       Q       |     Width     |     Height    |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Main {
    /// 0 for a progressively scanned picture.
    pub type_specific: u8,
    /// Where in the coded data the packet's bytes belong, 24 bits.
    pub offset: u32,
    /// 0: 4:2:2, 1: 4:2:0; 64 more: with restart markers.
    pub kind: u8,
    /// Which quantization tables.
    pub q: u8,
    /// Pixels, a multiple of 8; 0 if it is more than 2040.
    pub width: u16,
    /// Pixels, a multiple of 8; 0 if it is more than 2040.
    pub height: u16,
}

impl Main {
    /// That of the packet whose coded data begins at `offset` of the picture's, where the tables are in band
    /// (Q 255). The size is rounded up to whole blocks, or 0 where it does not fit.
    #[must_use]
    pub fn of(picture: &Parameters, offset: usize) -> Self {
        let (width, height) = match (picture.width, picture.height) {
            (width, height) if width > SIZE_MAX || height > SIZE_MAX => (0, 0),
            (width, height) => (width.next_multiple_of(8), height.next_multiple_of(8)),
        };
        let kind = match picture.sampling {
            Sampling::S422 => 0,
            Sampling::S420 => 1,
        };
        let restart = if picture.restart_interval == 0 { 0 } else { KIND_RESTART };
        let offset = u32::try_from(offset).unwrap_or(u32::MAX);
        Self { type_specific: 0, offset, kind: kind + restart, q: Q_IN_BAND, width, height }
    }

    /// Whether a restart marker header follows.
    const fn has_restart(&self) -> bool {
        self.kind >= KIND_RESTART && self.kind < 2 * KIND_RESTART
    }

    /// The chroma sampling that the type stands for; `None` for the others (section 3.1.3 leaves them to be
    /// defined).
    #[must_use]
    pub const fn sampling(&self) -> Option<Sampling> {
        match self.kind {
            0 | 64 => Some(Sampling::S422),
            1 | 65 => Some(Sampling::S420),
            _ => None,
        }
    }

    /// The size in pixels, unless the session description has to say it.
    #[must_use]
    pub const fn size(&self) -> Option<(u16, u16)> {
        if self.width == 0 || self.height == 0 { None } else { Some((self.width, self.height)) }
    }

    /// Writes the header to the begin of `out` and returns [`MAIN_LEN`].
    ///
    /// # Errors
    /// If `out` is too short, or a value does not fit its field.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        const SIZE: Error = Error::Malformed("a size that is no multiple of 8 up to 2040");
        let out = space(out, MAIN_LEN)?;
        let [high, offset @ ..] = self.offset.to_be_bytes();
        if high != 0 {
            return Err(Error::Malformed("a fragment offset beyond 24 bits"));
        }
        if self.width % 8 != 0 || self.height % 8 != 0 {
            return Err(SIZE);
        }
        out[0] = self.type_specific;
        out[1..4].copy_from_slice(&offset);
        out[4] = self.kind;
        out[5] = self.q;
        out[6] = u8::try_from(self.width / 8).map_err(|_| SIZE)?;
        out[7] = u8::try_from(self.height / 8).map_err(|_| SIZE)?;
        Ok(MAIN_LEN)
    }
}

/// The restart marker header, in every packet of types 64 to 127.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |       Restart Interval        |F|L|       Restart Count       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Restart {
    /// Units between restart markers.
    pub interval: u16,
    /// The packet begins with the begin of an interval.
    pub first: bool,
    /// The packet ends with the end of an interval.
    pub last: bool,
    /// Position of its first interval, 14 bits; 0x3FFF with both flags: packets are cut anywhere.
    pub count: u16,
}

impl Restart {
    /// Writes the header to the begin of `out` and returns [`RESTART_LEN`].
    ///
    /// # Errors
    /// If `out` is too short.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Error> {
        let out = space(out, RESTART_LEN)?;
        let flags = u16::from(self.first) << 15 | u16::from(self.last) << 14;
        out[..2].copy_from_slice(&self.interval.to_be_bytes());
        out[2..].copy_from_slice(&(flags | self.count & 0x3FFF).to_be_bytes());
        Ok(RESTART_LEN)
    }
}

/// The quantization tables of a frame, in its first packet if Q is 128 or more.
///
/// ```text
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |      MBZ      |   Precision   |             Length            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tables<'a> {
    /// A bit a table: set if its values have 16 bits.
    pub precision: u8,
    /// The tables, in zigzag order; empty if the ones last sent with this Q stay.
    pub data: &'a [u8],
}

impl Tables<'_> {
    /// The tables of luma and of both chroma components. A picture of types 0 and 1 has two (section 4.1);
    /// one alone is that of all components, and of three, one for each component, the last is left out, as
    /// other receivers do. `None` if they are none of 8 bits.
    #[must_use]
    pub fn luma_and_chroma(&self) -> Option<[[u8; 64]; 2]> {
        let mut tables = [[0; 64]; 2];
        let [luma, chroma] = &mut tables;
        let (first, second) = match (self.precision, self.data.len()) {
            (0, 64) => (self.data, self.data),
            (0, 128 | 192) => (&self.data[..64], &self.data[64..128]),
            _ => return None,
        };
        luma.copy_from_slice(first);
        chroma.copy_from_slice(second);
        Some(tables)
    }
}

/// An RTP payload, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payload<'a> {
    /// The main header.
    pub main: Main,
    /// The restart marker header, if the type has it.
    pub restart: Option<Restart>,
    /// The tables, if this is the first packet of a frame with Q of 128 or more.
    pub tables: Option<Tables<'a>>,
    /// Coded data.
    pub data: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Takes an RTP payload apart. Types and values of Q that mean nothing are kept as they are.
    ///
    /// # Errors
    /// If it is too short for its headers.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(bytes);
        let main = Main {
            type_specific: reader.u8()?,
            offset: reader.u24()?,
            kind: reader.u8()?,
            q: reader.u8()?,
            width: u16::from(reader.u8()?) * 8,
            height: u16::from(reader.u8()?) * 8,
        };
        let mut restart = None;
        if main.has_restart() {
            let interval = reader.u16()?;
            let field = reader.u16()?;
            let (first, last) = (field & 0x8000 != 0, field & 0x4000 != 0);
            restart = Some(Restart { interval, first, last, count: field & 0x3FFF });
        }
        let mut tables = None;
        if main.offset == 0 && main.q >= 128 {
            let [_, precision] = reader.array()?;
            let len = usize::from(reader.u16()?);
            tables = Some(Tables { precision, data: reader.bytes(len)? });
        }
        Ok(Self { main, restart, tables, data: reader.rest() })
    }
}

/// Writes a quantization table header with two 8-bit tables, luma and chroma, and returns its
/// length.
///
/// # Errors
/// If `out` is too short.
pub fn emit_tables(tables: &[[u8; 64]; 2], out: &mut [u8]) -> Result<usize, Error> {
    let tables = tables.as_flattened();
    let len = TABLE_HEADER_LEN + tables.len();
    let out = space(out, len)?;
    out[..TABLE_HEADER_LEN].copy_from_slice(&[0, 0, 0, 128]);
    out[TABLE_HEADER_LEN..].copy_from_slice(tables);
    Ok(len)
}

/// The tables that Q from 1 to 99 stands for: those of ITU-T T.81 K.1, scaled (section 4.2).
/// `None` for other values.
#[must_use]
pub fn tables_for_q(q: u8) -> Option<[[u8; 64]; 2]> {
    let factor = u32::from(q);
    let scale = match q {
        1..=49 => 5000 / factor,
        50..=99 => 200 - factor * 2,
        _ => return None,
    };
    let mut tables = [[0; 64]; 2];
    for (value, base) in tables.as_flattened_mut().iter_mut().zip(LUMA.iter().chain(&CHROMA)) {
        let scaled = (u32::from(*base) * scale + 50) / 100;
        *value = u8::try_from(scaled.clamp(1, 255)).unwrap_or(u8::MAX);
    }
    Some(tables)
}

/// Luma quantization of ITU-T T.81 table K.1, in zigzag order.
const LUMA: [u8; 64] = [
    16, 11, 12, 14, 12, 10, 16, 14, 13, 14, 18, 17, 16, 19, 24, 40, 26, 24, 22, 22, 24, 49, 35, 37,
    29, 40, 58, 51, 61, 60, 57, 51, 56, 55, 64, 72, 92, 78, 64, 68, 87, 69, 55, 56, 80, 109, 81,
    87, 95, 98, 103, 104, 103, 62, 77, 113, 121, 112, 100, 120, 92, 101, 103, 99,
];

/// Chroma quantization of ITU-T T.81 table K.2, in zigzag order.
const CHROMA: [u8; 64] = [
    17, 18, 18, 24, 21, 24, 47, 26, 26, 47, 99, 66, 56, 66, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
    99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99, 99,
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn headers_are_these_bytes() {
        let main =
            Main { type_specific: 0, offset: 0x01_0203, kind: 65, q: 255, width: 640, height: 480 };
        let restart = Restart { interval: 0x1122, first: true, last: true, count: 0x3FFF };
        let mut out = [0; 12];
        main.emit(&mut out).unwrap();
        restart.emit(&mut out[8..]).unwrap();
        assert_eq!(out, [0, 1, 2, 3, 65, 255, 80, 60, 0x11, 0x22, 0xFF, 0xFF]);
        let payload = Payload::parse(&out).unwrap();
        assert_eq!((payload.main, payload.restart), (main, Some(restart)));
        assert_eq!((payload.tables, payload.data.len()), (None, 0));
    }

    #[test]
    fn what_a_picture_is_sent_as_says_what_it_is() {
        for (sampling, restart_interval, kind) in [
            (Sampling::S422, 0, 0),
            (Sampling::S420, 0, 1),
            (Sampling::S422, 7, 64),
            (Sampling::S420, 7, 65),
        ] {
            let tables = [[1; 64]; 2];
            let picture =
                Parameters { width: 634, height: 2040, sampling, restart_interval, tables };
            let main = Main::of(&picture, 9);
            assert_eq!((main.kind, main.q, main.offset, main.type_specific), (kind, 255, 9, 0));
            assert_eq!((main.sampling(), main.size()), (Some(sampling), Some((640, 2040))));
            let large = Main::of(&Parameters { height: 2041, ..picture }, 9);
            assert_eq!((large.width, large.height, large.size()), (0, 0, None));
        }
        let main = Main { type_specific: 0, offset: 0, kind: 0, q: 1, width: 8, height: 0 };
        assert_eq!(main.size(), None);
        for kind in (2..64).chain(66..=255) {
            assert_eq!(Main { kind, ..main }.sampling(), None, "type {kind}");
        }
    }

    #[test]
    fn values_that_do_not_fit_are_refused() {
        let main = Main { type_specific: 0, offset: 0, kind: 0, q: 1, width: 8, height: 8 };
        for wrong in [
            Main { width: 2048, ..main },
            Main { height: 12, ..main },
            Main { offset: 1 << 24, ..main },
        ] {
            assert!(matches!(wrong.emit(&mut [0; 8]), Err(Error::Malformed(_))), "{wrong:?}");
        }
        assert_eq!(main.emit(&mut [0; 7]), Err(Error::Space { needed: 8, actual: 7 }));
    }

    #[test]
    fn tables_come_with_the_first_packet() {
        let mut bytes = [0; 8 + 132 + 1];
        bytes[5] = 128;
        emit_tables(&[[7; 64]; 2], &mut bytes[8..]).unwrap();
        let tables = Payload::parse(&bytes).unwrap().tables.unwrap();
        assert_eq!((tables.precision, tables.data), (0, &[7; 128][..]));
        assert!(matches!(Payload::parse(&bytes[..139]), Err(Error::Truncated { .. })));
        bytes[3] = 1;
        assert_eq!(Payload::parse(&bytes).unwrap().tables, None);
    }

    #[test]
    fn one_table_is_that_of_all_components_and_of_three_two_are_taken() {
        let mut data = [1; 256];
        data[64..128].fill(2);
        data[128..].fill(3);
        let of = |precision, len| Tables { precision, data: &data[..len] }.luma_and_chroma();
        assert_eq!(of(0, 64), Some([[1; 64]; 2]));
        let two = of(0, 128).unwrap();
        assert_eq!(two, [[1; 64], [2; 64]]);
        assert_eq!(of(0, 192), Some(two));
        assert_eq!([of(0, 0), of(0, 63), of(0, 256), of(1, 128), of(3, 192)], [None; 5]);
    }

    #[test]
    fn q_scales_the_standard_tables() {
        assert_eq!(tables_for_q(50).unwrap(), [LUMA, CHROMA]);
        // Section 4.2: below 50, S = 5000 / Q; 16 at 25 is 32, 99 at 10 is beyond 8 bits.
        assert_eq!((tables_for_q(25).unwrap()[0][0], tables_for_q(10).unwrap()[0][63]), (32, 255));
        assert_eq!((tables_for_q(99).unwrap()[0][0], tables_for_q(75).unwrap()[0][0]), (1, 8));
        assert!([0, 100, 127, 128, 255].iter().all(|q| tables_for_q(*q).is_none()));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(payload) = Payload::parse(&bytes) {
                prop_assert!(payload.data.len() + MAIN_LEN <= bytes.len());
            }
        }
    }
}
