//! JPEGs for tests: of an encoder, and of chance, with everything that an encoder can be asked for and does
//! not offer.

use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// Numbers that look like chance, the same for the same seed.
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(2) | 1)
    }

    /// Below `end`.
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    pub(super) fn byte(&mut self) -> u8 {
        u8::try_from(self.below(256)).unwrap()
    }
}

/// Large smooth shapes and some noise, encoded.
pub(super) fn encoded(width: usize, height: usize, subsamp: Subsamp, progressive: bool) -> Vec<u8> {
    let mut chance = Chance::new(1);
    let mut pixels = Vec::with_capacity(width * height * 3);
    for i in 0..width * height {
        let (x, y, noise) = (i % width, i / width, chance.byte() / 8);
        pixels.extend([x * 3, y * 2, x + y].map(|v| u8::try_from(v % 220).unwrap() + noise));
    }
    let format = PixelFormat::RGB;
    let image = Image { pixels: &pixels[..], width, pitch: width * 3, height, format };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(subsamp).unwrap();
    compressor.set_quality(80).unwrap();
    compressor.set_progressive(progressive).unwrap();
    compressor.compress_to_vec(image).unwrap()
}

/// A picture whose coefficients are chance.
#[derive(Clone, Copy)]
pub(super) struct Drawn {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Luma samples per chroma sample; none if grey.
    pub(super) factors: Option<(usize, usize)>,
    /// MCUs between restart markers; none if 0.
    pub(super) restart: usize,
    pub(super) seed: u64,
}

/// Symbols of the AC table, each with a code of its own index in 4 bits: the end of a block is likely.
const AC: [u8; 15] =
    [0x00, 0x01, 0x02, 0x11, 0x21, 0x03, 0xF0, 0x31, 0x12, 0x04, 0x01, 0x05, 0x41, 0x0A, 0x02];

impl Drawn {
    pub(super) fn file(&self) -> Vec<u8> {
        let mut file = vec![0xFF, 0xD8];
        segment(&mut file, 0xDB, &[&[0][..], &[3; 64]].concat());
        let (across, down) = self.factors.unwrap_or((1, 1));
        let sampling = u8::try_from(across << 4 | down).unwrap();
        let [width, height] = [self.width, self.height].map(|v| u16::try_from(v).unwrap());
        let components = if self.factors.is_some() { 3_u8 } else { 1 };
        let mut frame = [&[8][..], &height.to_be_bytes(), &width.to_be_bytes()].concat();
        let mut scan = vec![components];
        frame.push(components);
        for id in 1..=components {
            frame.extend([id, if id == 1 { sampling } else { 0x11 }, 0]);
            scan.extend([id, 0]);
        }
        scan.extend([0, 63, 0]);
        segment(&mut file, 0xC0, &frame);
        let lengths = |count| [&[0, 0, 0, count][..], &[0; 12]].concat();
        segment(
            &mut file,
            0xC4,
            &[&[0x00][..], &lengths(10), &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]].concat(),
        );
        segment(&mut file, 0xC4, &[&[0x10][..], &lengths(15), &AC].concat());
        if self.restart > 0 {
            segment(&mut file, 0xDD, &u16::try_from(self.restart).unwrap().to_be_bytes());
        }
        segment(&mut file, 0xDA, &scan);
        let blocks = if self.factors.is_some() { across * down + 2 } else { 1 };
        let mcus = self.width.div_ceil(8 * across) * self.height.div_ceil(8 * down);
        self.scan(mcus, blocks, &mut file);
        file.extend([0xFF, 0xD9]);
        file
    }

    fn scan(&self, mcus: usize, blocks: usize, file: &mut Vec<u8>) {
        let (mut chance, mut bits) = (Chance::new(self.seed), Bits::default());
        for mcu in 0..mcus {
            if self.restart > 0 && mcu > 0 && mcu % self.restart == 0 {
                bits.end(file);
                let number = u8::try_from((mcu / self.restart - 1) % 8).unwrap();
                file.extend([0xFF, 0xD0 + number]);
            }
            for _ in 0..blocks {
                block(&mut chance, &mut bits, file);
            }
        }
        bits.end(file);
    }
}

/// A block of up to 64 coefficients.
fn block(chance: &mut Chance, bits: &mut Bits, file: &mut Vec<u8>) {
    let size = chance.below(10);
    bits.put(size, 4, file);
    bits.put(chance.below(1 << size), size, file);
    let mut k = 1;
    while k < 64 {
        let code = chance.below(AC.len());
        let (run, size) = (usize::from(AC[code] >> 4), usize::from(AC[code] & 15));
        if AC[code] != 0 && k + run >= 64 {
            continue;
        }
        bits.put(code, 4, file);
        bits.put(chance.below(1 << size), size, file);
        if AC[code] == 0 {
            return;
        }
        k += run + 1;
    }
}

fn segment(file: &mut Vec<u8>, marker: u8, content: &[u8]) {
    file.extend([0xFF, marker]);
    file.extend(u16::try_from(content.len() + 2).unwrap().to_be_bytes());
    file.extend(content);
}

/// Bits on their way into a scan.
#[derive(Default)]
struct Bits {
    value: usize,
    count: usize,
}

impl Bits {
    fn put(&mut self, value: usize, count: usize, file: &mut Vec<u8>) {
        self.value = self.value << count | value;
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = u8::try_from(self.value >> self.count & 0xFF).unwrap();
            file.push(byte);
            if byte == 0xFF {
                file.push(0);
            }
        }
        self.value &= (1 << self.count) - 1;
    }

    /// Fills the last byte up with ones.
    fn end(&mut self, file: &mut Vec<u8>) {
        let left = (8 - self.count) % 8;
        self.put((1 << left) - 1, left, file);
    }
}
