//! Finds the pictures in concatenated JPEG files (ITU-T T.81 annex B), in pieces of any size.
//!
//! Marker segments are skipped by their length, so that a thumbnail inside EXIF data ends no
//! picture. What a picture contains is not judged here, and its entropy-coded data is only searched
//! for its end.

use streamsocket_wire::jpeg_scan::without_markers;

/// Longest picture, in bytes: several times a 4K frame of a camera. A longer one is damage, and
/// would otherwise fill the memory.
pub const FRAME_MAX: usize = 8 << 20;

/// Where in the stream the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between pictures.
    Search,
    /// Between pictures, after an 0xFF.
    SearchCode,
    /// Where the 0xFF of a marker belongs.
    Marker,
    /// After that 0xFF.
    Code,
    /// At the length of a segment.
    LengthHigh { scan: bool },
    /// At the second byte of that length.
    LengthLow { scan: bool, high: u8 },
    /// Within a segment.
    Segment { scan: bool, left: usize },
    /// In entropy-coded data.
    Scan,
    /// In entropy-coded data, after an 0xFF.
    ScanCode,
}

/// What became of a piece of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    /// Bytes of the piece that are done with; feed the rest next.
    pub consumed: usize,
    /// Whether the buffer now holds a whole picture, to be taken before more is fed.
    pub complete: bool,
}

/// Splits a stream into pictures.
#[derive(Debug)]
pub struct Splitter {
    state: State,
    begun: u64,
    dropped: u64,
}

impl Default for Splitter {
    fn default() -> Self {
        Self { state: State::Search, begun: 0, dropped: 0 }
    }
}

impl Splitter {
    /// Pictures that began so far: it changes when the first byte of one has been fed.
    #[must_use]
    pub const fn begun(&self) -> u64 {
        self.begun
    }

    /// Pictures that were given up: damaged, cut off, without a scan, or longer than [`FRAME_MAX`].
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Takes the next piece of the stream and appends what belongs to the picture to `frame`, which
    /// must be empty when a picture begins. Stops at the end of a picture.
    pub fn feed(&mut self, input: &[u8], frame: &mut Vec<u8>) -> Fed {
        let mut consumed = 0;
        while let Some((&byte, _)) = input[consumed..].split_first() {
            let rest = &input[consumed..];
            match self.state {
                State::Search => consumed += self.search(rest),
                State::Segment { scan, left } => {
                    let taken = left.min(rest.len());
                    frame.extend_from_slice(&rest[..taken]);
                    consumed += taken;
                    self.state = after_segment(scan, left - taken);
                }
                State::Scan => {
                    let passed = without_markers(rest);
                    let end = rest[passed..].iter().position(|byte| *byte == 0xFF);
                    let taken = end.map_or(rest.len(), |at| passed + at + 1);
                    frame.extend_from_slice(&rest[..taken]);
                    consumed += taken;
                    if end.is_some() {
                        self.state = State::ScanCode;
                    }
                }
                _ => {
                    consumed += 1;
                    if self.step(byte, frame) {
                        return Fed { consumed, complete: true };
                    }
                }
            }
            if frame.len() > FRAME_MAX {
                self.give_up(frame);
            }
        }
        Fed { consumed, complete: false }
    }

    /// The stream has ended, or is abandoned: an unfinished picture is dropped.
    pub fn finish(&mut self, frame: &mut Vec<u8>) {
        if matches!(self.state, State::Search | State::SearchCode) {
            self.state = State::Search;
        } else {
            self.give_up(frame);
        }
    }

    /// Looks for the first 0xFF between pictures; returns the bytes passed.
    fn search(&mut self, rest: &[u8]) -> usize {
        match rest.iter().position(|byte| *byte == 0xFF) {
            Some(at) => {
                self.state = State::SearchCode;
                at + 1
            }
            None => rest.len(),
        }
    }

    /// Takes one byte in a state that bytes are looked at singly in; true when it ends a picture.
    fn step(&mut self, byte: u8, frame: &mut Vec<u8>) -> bool {
        if self.state == State::SearchCode {
            match byte {
                0xD8 => self.begin(frame),
                0xFF => {}
                _ => self.state = State::Search,
            }
            return false;
        }
        frame.push(byte);
        match (self.state, byte) {
            (State::Marker, 0xFF) => self.state = State::Code,
            (State::Code | State::ScanCode, 0xFF) => {} // a fill byte (B.1.1.2)
            (State::Code | State::ScanCode, 0xD8) => {
                self.give_up(frame);
                self.begin(frame);
            }
            (State::ScanCode, 0x00 | 0x01 | 0xD0..=0xD7) => self.state = State::Scan,
            (State::ScanCode, 0xD9) => {
                self.state = State::Search;
                return true;
            }
            (State::Code, 0x01 | 0xD0..=0xD7) => self.state = State::Marker,
            (State::Code, 0x00 | 0xD9) => self.give_up(frame),
            (State::Code | State::ScanCode, code) => {
                self.state = State::LengthHigh { scan: code == 0xDA };
            }
            (State::LengthHigh { scan }, high) => self.state = State::LengthLow { scan, high },
            (State::LengthLow { scan, high }, low) => {
                match usize::from(u16::from_be_bytes([high, low])).checked_sub(2) {
                    Some(left) => self.state = after_segment(scan, left),
                    None => self.give_up(frame),
                }
            }
            _ => self.give_up(frame),
        }
        false
    }

    fn begin(&mut self, frame: &mut Vec<u8>) {
        frame.clear();
        frame.extend_from_slice(&[0xFF, 0xD8]);
        self.begun += 1;
        self.state = State::Marker;
    }

    fn give_up(&mut self, frame: &mut Vec<u8>) {
        frame.clear();
        self.dropped += 1;
        self.state = State::Search;
    }
}

/// The state when so many bytes of a segment are left.
const fn after_segment(scan: bool, left: usize) -> State {
    match (left, scan) {
        (0, true) => State::Scan,
        (0, false) => State::Marker,
        _ => State::Segment { scan, left },
    }
}

/// Width and height of a JPEG in pixels, from its frame header (B.2.2); `None` if there is none
/// before the first scan.
#[must_use]
pub fn picture_size(jpeg: &[u8]) -> Option<(u16, u16)> {
    let mut rest = jpeg.strip_prefix(&[0xFF, 0xD8])?;
    loop {
        let (&[prefix, code], tail) = rest.split_first_chunk()?;
        match (prefix, code) {
            (0xFF, 0xFF) => rest = &rest[1..],
            (0xFF, 0x01 | 0xD0..=0xD7) => rest = tail,
            (0xFF, 0xC0..=0xC3 | 0xC5..=0xC7 | 0xC9..=0xCB | 0xCD..=0xCF) => {
                let &[_, _, _, high, low, wide, narrow] = tail.first_chunk()?;
                return Some((u16::from_be_bytes([wide, narrow]), u16::from_be_bytes([high, low])));
            }
            (0xFF, 0x02..=0xBF | 0xC4 | 0xC8 | 0xCC | 0xDB..) => {
                let length = usize::from(u16::from_be_bytes(*tail.first_chunk()?));
                rest = tail.get(length..)?;
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A thumbnail's markers inside APP1, fill bytes, a stuffed byte and a restart in the scan.
    const PICTURE: &[u8] = &[
        0xFF, 0xD8, // SOI
        0xFF, 0xE1, 0, 8, 0xFF, 0xD8, 1, 2, 0xFF, 0xD9, // APP1
        0xFF, 0xFF, 0xC0, 0, 11, 8, 0, 48, 0, 64, 1, 1, 0x11, 0, // SOF0, after a fill byte
        0xFF, 0xDA, 0, 8, 1, 1, 0, 0, 63, 0, // SOS
        1, 2, 0xFF, 0, 3, 0xFF, 0xD0, 4, 0xFF, 0xFF, 0xD9, // data, EOI after a fill byte
    ];

    /// All pictures of a stream that arrives in these pieces.
    fn split(splitter: &mut Splitter, pieces: &[&[u8]]) -> Vec<Vec<u8>> {
        let mut frame = Vec::new();
        let mut frames = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while !rest.is_empty() {
                let fed = splitter.feed(rest, &mut frame);
                assert!(fed.complete || fed.consumed == rest.len());
                rest = &rest[fed.consumed..];
                if fed.complete {
                    frames.push(std::mem::take(&mut frame));
                }
            }
        }
        splitter.finish(&mut frame);
        frames
    }

    #[test]
    fn every_cut_gives_the_same_pictures() {
        let stream = [&[0, 0xFF, 7][..], PICTURE, &[0, 0xFF, 0xFF], PICTURE].concat();
        for first in 0..=stream.len() {
            for second in first..=stream.len() {
                let mut splitter = Splitter::default();
                let pieces = [&stream[..first], &stream[first..second], &stream[second..]];
                assert_eq!(split(&mut splitter, &pieces), [PICTURE, PICTURE]);
                assert_eq!((splitter.begun(), splitter.dropped()), (2, 0));
            }
        }
    }

    #[test]
    fn a_picture_cut_anywhere_is_dropped_and_whole_ones_follow() {
        // A cut length may swallow 64 kB of what follows; more than that must come through.
        let after = PICTURE.repeat(2000);
        for cut in 2..PICTURE.len() {
            let stream = [PICTURE, &PICTURE[..cut], &after].concat();
            let mut splitter = Splitter::default();
            let frames = split(&mut splitter, &[&stream]);
            let whole = frames.iter().filter(|frame| *frame == PICTURE).count();
            assert!(whole > 2000 - 65_536 / PICTURE.len(), "cut at {cut}: {whole}");
            // Where the next picture's bytes fit what is missing, nobody could tell.
            assert!(frames.len() - whole <= 1, "cut at {cut}");

            let mut splitter = Splitter::default();
            let at_the_end = [PICTURE, &PICTURE[..cut]].concat();
            assert_eq!(split(&mut splitter, &[&at_the_end]), [PICTURE]);
            assert_eq!(splitter.dropped(), 1, "cut at {cut}");
        }
    }

    #[test]
    fn damage_is_dropped() {
        for damage in [
            &[0xFF, 0xD8, 0xFF, 0xD9][..],
            &[0xFF, 0xD8, 0x12],
            &[0xFF, 0xD8, 0xFF, 0x00],
            &[0xFF, 0xD8, 0xFF, 0xE0, 0, 1],
        ] {
            let mut splitter = Splitter::default();
            assert_eq!(split(&mut splitter, &[damage, PICTURE]), [PICTURE]);
            assert_eq!(splitter.dropped(), 1, "{damage:02x?}");
        }
    }

    #[test]
    fn an_endless_picture_is_bounded() {
        let mut splitter = Splitter::default();
        let mut frame = Vec::new();
        splitter.feed(&PICTURE[..PICTURE.len() - 3], &mut frame);
        let data = vec![1; 1 << 20];
        for _ in 0..9 {
            splitter.feed(&data, &mut frame);
            assert!(frame.len() <= FRAME_MAX + data.len());
        }
        assert_eq!((splitter.dropped(), frame.len()), (1, 0));
        assert_eq!(split(&mut splitter, &[PICTURE]), [PICTURE]);
    }

    #[test]
    fn the_size_is_that_of_the_picture_not_of_its_thumbnail() {
        assert_eq!(picture_size(PICTURE), Some((64, 48)));
        for cut in 0..22 {
            assert_eq!(picture_size(&PICTURE[..cut]), None);
        }
        assert_eq!(picture_size(&PICTURE[2..]), None);
    }
}
