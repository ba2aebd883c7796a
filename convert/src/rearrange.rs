//! Recodes 4:2:2 sampled as 2x2,1x2,1x2 as 2x1,1x1,1x1, which RTP has a type for: the same
//! coefficients in another order. Only the Huffman codes are parsed (ITU-T T.81 annex F).

use streamsocket_wire::jpeg_header::HUFFMAN_DEFAULT;

/// Sampling factors of such pictures.
pub const FACTORS: [u8; 3] = [0x22, 0x12, 0x12];

/// Sampling factors of the result.
const FACTORS_WANTED: [u8; 3] = [0x21, 0x11, 0x11];

/// For each block of a unit its component, and which of the two new units it goes to.
const UNIT: [(usize, usize); 8] = [(0, 0), (0, 0), (0, 1), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)];

/// A block: its DC coefficient, and where the codes of the others lie.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    first: i32,
    begin: usize,
    end: usize,
}

/// Buffers that are reused for the next picture.
#[derive(Debug)]
pub struct Rearranger {
    codes: [Codes; 4],
    coded: Vec<u8>,
    row: Vec<[Block; 8]>,
}

impl Default for Rearranger {
    fn default() -> Self {
        Self { codes: Codes::default_tables(), coded: Vec::new(), row: Vec::new() }
    }
}

impl Rearranger {
    /// Writes the recoded picture to `out`. It must have the default Huffman tables and no restart
    /// markers, as the library writes it; `None` if it has not, or is damaged.
    pub fn rearrange(&mut self, jpeg: &[u8], out: &mut Vec<u8>) -> Option<()> {
        let headers = Headers::read(jpeg)?;
        out.clear();
        out.extend_from_slice(jpeg.get(..headers.coded)?);
        for (component, factors) in FACTORS_WANTED.into_iter().enumerate() {
            *out.get_mut(headers.factors + 3 * component)? = factors;
        }
        unstuff(jpeg.get(headers.coded..)?, &mut self.coded);
        let (columns, rows) = (headers.width.div_ceil(16), headers.height.div_ceil(16));
        let mut reader = Bits { bytes: &self.coded, at: 0 };
        let mut writer = Writer { out, held: 0, count: 0 };
        let (mut read, mut written) = ([0; 3], [0; 3]);
        for y in 0..rows {
            self.row.clear();
            for _ in 0..columns {
                let mut unit = [Block::default(); 8];
                for (block, (component, _)) in unit.iter_mut().zip(UNIT) {
                    *block = self.codes.block(component, &mut reader, &mut read[component])?;
                }
                self.row.push(unit);
            }
            // Of an odd number of rows the last half is padding.
            let halves = headers.height.div_ceil(8) - 2 * y;
            for half in 0..halves.min(2) {
                for unit in &self.row {
                    for (block, (component, _)) in
                        unit.iter().zip(UNIT).filter(|(_, (_, of))| *of == half)
                    {
                        let difference = block.first.wrapping_sub(written[component]);
                        written[component] = block.first;
                        self.codes[usize::from(component > 0)].write(difference, &mut writer)?;
                        reader.copy(block.begin..block.end, &mut writer);
                    }
                }
            }
        }
        writer.finish();
        out.extend_from_slice(&[0xFF, 0xD9]);
        Some(())
    }
}

/// Decodes blocks with the Huffman tables: DC of luma and chroma, then AC of both.
trait Blocks {
    fn block(&self, component: usize, reader: &mut Bits<'_>, before: &mut i32) -> Option<Block>;
}

impl Blocks for [Codes; 4] {
    fn block(&self, component: usize, reader: &mut Bits<'_>, before: &mut i32) -> Option<Block> {
        let chroma = usize::from(component > 0);
        let size = self[chroma].read(reader)?;
        // The library's values are small; wrong ones must do no harm.
        *before = before.wrapping_add(reader.value(size)?);
        let begin = reader.at;
        let mut coefficient = 1;
        while coefficient < 64 {
            let code = self[2 + chroma].read(reader)?;
            let (run, size) = (code >> 4, code & 15);
            match (run, size) {
                (0, 0) => break,
                (15, 0) => coefficient += 16,
                (_, 0) => return None,
                _ => {
                    coefficient += usize::from(run) + 1;
                    reader.skip(size)?;
                }
            }
        }
        (coefficient <= 64).then_some(Block { first: *before, begin, end: reader.at })
    }
}

/// Where what has to be changed stands.
struct Headers {
    width: usize,
    height: usize,
    /// Of the first component; the others three bytes on.
    factors: usize,
    coded: usize,
}

impl Headers {
    fn read(jpeg: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u16::from_be_bytes([*jpeg.get(at)?, *jpeg.get(at + 1)?]));
        let (mut at, mut frame) = (2, None);
        loop {
            let (marker, len) = (word(at)?, usize::from(word(at + 2)?));
            match marker {
                0xFFC0 => frame = Some(at),
                0xFFDA => break,
                _ => {}
            }
            at += 2 + len;
        }
        let frame = frame?;
        let factors = frame + 11;
        let sampled = [0, 3, 6].map(|component| jpeg.get(factors + component).copied());
        (sampled == FACTORS.map(Some)).then_some(())?;
        Some(Self {
            height: word(frame + 5)?.into(),
            width: word(frame + 7)?.into(),
            factors,
            coded: at + 2 + usize::from(word(at + 2)?),
        })
    }
}

/// The coded data without the zeros that keep it from looking like markers, up to the first marker.
fn unstuff(data: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut bytes = data.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte == 0xFF && bytes.next() != Some(0) {
            break;
        }
        out.push(byte);
    }
}

/// A Huffman table, both ways.
#[derive(Clone, Copy, Debug)]
struct Codes {
    /// By length less one: the first code that is too large, in the highest bits of 16, and what to
    /// subtract of a code for its place among the values.
    lengths: [(u32, i32); 16],
    values: [u8; 256],
    /// By value: the code and its length.
    codes: [(u16, u8); 256],
}

impl Codes {
    /// First coefficients of luma and chroma, then the others of both.
    fn default_tables() -> [Self; 4] {
        let mut tables =
            [Self { lengths: [(0, 0); 16], values: [0; 256], codes: [(0, 0); 256] }; 4];
        let mut rest = &HUFFMAN_DEFAULT[4..];
        // In the segment: of luma both, then of chroma both.
        for index in [0, 2, 1, 3] {
            let (counts, values) = rest[1..].split_at(16);
            let len: usize = counts.iter().map(|count| usize::from(*count)).sum();
            tables[index] = Self::new(counts, &values[..len]);
            rest = &values[len..];
        }
        tables
    }

    /// Of the numbers of codes by length, and the values in the order of their codes (C.2).
    fn new(counts: &[u8], sorted: &[u8]) -> Self {
        let (mut lengths, mut values, mut codes) = ([(0, 0); 16], [0; 256], [(0, 0); 256]);
        values[..sorted.len()].copy_from_slice(sorted);
        let (mut code, mut place) = (0_u16, 0_u16);
        for ((length, count), bits) in lengths.iter_mut().zip(counts).zip(1_u8..) {
            let offset = i32::from(place) - i32::from(code);
            for _ in 0..*count {
                codes[usize::from(values[usize::from(place)])] = (code, bits);
                (code, place) = (code + 1, place + 1);
            }
            *length = (u32::from(code) << (16 - bits), offset);
            code = code.wrapping_shl(1);
        }
        Self { lengths, values, codes }
    }

    fn read(&self, reader: &mut Bits<'_>) -> Option<u8> {
        let ahead = reader.ahead();
        let (bits, (_, offset)) =
            (1_u8..).zip(self.lengths).find(|(_, (limit, _))| ahead < *limit)?;
        reader.skip(bits)?;
        let code = i32::try_from(ahead >> (16 - bits)).ok()?;
        self.values.get(usize::try_from(code + offset).ok()?).copied()
    }

    /// Writes a difference of first coefficients (F.1.2.1).
    fn write(&self, difference: i32, writer: &mut Writer<'_>) -> Option<()> {
        let size = 32 - difference.unsigned_abs().leading_zeros();
        let (code, bits) = *self.codes.get(usize::try_from(size).ok()?)?;
        if bits == 0 {
            return None;
        }
        writer.put(code.into(), bits.into());
        let value = if difference < 0 { difference.wrapping_sub(1) } else { difference };
        let bits = u32::from_ne_bytes(value.to_ne_bytes());
        writer.put(bits & ((1 << size) - 1), size);
        Some(())
    }
}

/// Bits to be read.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    /// The next 16 bits; ones beyond the end.
    fn ahead(&self) -> u32 {
        let byte = |index: usize| u32::from(self.bytes.get(index).copied().unwrap_or(0xFF));
        let first = self.at / 8;
        let three = byte(first) << 16 | byte(first + 1) << 8 | byte(first + 2);
        three >> (8 - self.at % 8) & 0xFFFF
    }

    fn skip(&mut self, bits: u8) -> Option<()> {
        self.at += usize::from(bits);
        (self.at <= self.bytes.len() * 8).then_some(())
    }

    /// A value of this size (F.2.2.1).
    fn value(&mut self, size: u8) -> Option<i32> {
        if size == 0 {
            return Some(0);
        }
        let raw = i32::try_from(self.ahead() >> 16_u8.checked_sub(size)?).ok()?;
        self.skip(size)?;
        Some(if raw < 1 << (size - 1) { raw - (1 << size) + 1 } else { raw })
    }

    /// Copies a range of bits.
    fn copy(&self, range: std::ops::Range<usize>, writer: &mut Writer<'_>) {
        let mut from = Bits { bytes: self.bytes, at: range.start };
        while from.at < range.end {
            let count = (range.end - from.at).min(16);
            writer.put(from.ahead() >> (16 - count), u32::try_from(count).unwrap_or(16));
            from.at += count;
        }
    }
}

/// Bits as coded data: with a zero behind each byte that looks like a marker (B.1.1.5).
struct Writer<'a> {
    out: &'a mut Vec<u8>,
    held: u64,
    count: u32,
}

impl Writer<'_> {
    /// Writes the lowest `count` bits, 16 at most.
    fn put(&mut self, bits: u32, count: u32) {
        self.held = self.held << count | u64::from(bits);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let [.., byte] = (self.held >> self.count).to_be_bytes();
            self.out.push(byte);
            if byte == 0xFF {
                self.out.push(0);
            }
        }
    }

    /// Fills the last byte up with ones.
    fn finish(&mut self) {
        if self.count > 0 {
            let missing = 8 - self.count;
            self.put((1 << missing) - 1, missing);
        }
    }
}
