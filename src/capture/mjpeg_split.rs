//! Finds the pictures in concatenated JPEG files (ITU-T T.81 annex B), in pieces of any size.
//!
//! Marker segments are skipped by their length, so that a thumbnail inside EXIF data ends no
//! picture. A length may be wrong, or its picture cut off: where no marker follows a segment, what it
//! covered is looked through once more for the pictures that it would have swallowed. What a picture
//! contains is not judged here, and its entropy-coded data is only searched for its end: EOI, or the
//! beginning of the next picture where a camera leaves EOI away.

use std::mem;
use std::ops::RangeInclusive;
use streamsocket_wire::jpeg_scan::next_marker;

/// Longest picture, in bytes: several times a 4K frame of a camera. A longer one is damage, and
/// would otherwise fill the memory.
pub const FRAME_MAX: usize = 8 << 20;

/// What every picture begins with: SOI, and the prefix of the marker behind it.
const BEGIN: [u8; 3] = [0xFF, 0xD8, 0xFF];

/// Lengths that the header of a scan can have: of one to four components (B.2.3).
const SCAN_HEADER: RangeInclusive<usize> = 8..=14;

/// Where in the stream the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Between pictures.
    Search,
    /// Between pictures, after an 0xFF.
    SearchCode,
    /// Behind the [`BEGIN`] of a picture that ended the one before.
    Begun,
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
    /// In entropy-coded data, after the marker SOI.
    ScanBegin,
}

/// What became of a piece of the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fed {
    /// Bytes of the piece that are done with; feed the rest next.
    pub consumed: usize,
    /// Whether the buffer now holds a whole picture, to be taken before more is fed.
    pub complete: bool,
}

/// What came of one byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    More,
    Complete,
    /// The headers contradict themselves.
    Broken,
}

/// Splits a stream into pictures.
#[derive(Debug)]
pub struct Splitter {
    state: State,
    begun: u64,
    dropped: u64,
    /// Whether pictures of this stream end with EOI.
    ended: bool,
    /// Where in the picture the last marker is that has a segment, which may be wrong.
    doubtful: usize,
    /// What a wrong segment covered, from `again_at` on: it comes before what is fed.
    again: Vec<u8>,
    again_at: usize,
    /// Bytes that may be looked at again: as many as have been fed since, so that a stream that is made
    /// to have all of it looked at again and again costs no more than twice its bytes.
    credit: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            state: State::Search,
            begun: 0,
            dropped: 0,
            ended: false,
            doubtful: 0,
            again: Vec::new(),
            again_at: 0,
            credit: FRAME_MAX,
        }
    }
}

impl Splitter {
    /// Pictures that began so far: it changes when the first byte of one has been fed.
    #[must_use]
    pub const fn begun(&self) -> u64 {
        self.begun
    }

    /// Pictures that were given up: damaged, cut off in their headers, without a scan, or longer than
    /// [`FRAME_MAX`].
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Whether all that was fed belongs to pictures that are complete.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.again_at == self.again.len() && matches!(self.state, State::Search | State::SearchCode)
    }

    /// Takes the next piece of the stream and appends what belongs to the picture to `frame`, which
    /// must be empty when a picture begins. Stops at the end of a picture.
    pub fn feed(&mut self, input: &[u8], frame: &mut Vec<u8>) -> Fed {
        if self.look_again(frame) {
            return Fed { consumed: 0, complete: true };
        }
        let mut consumed = 0;
        loop {
            let (walked, step) = self.walk(&input[consumed..], frame);
            consumed += walked;
            self.credit = self.credit.saturating_add(walked).min(FRAME_MAX);
            let complete = match step {
                Step::More => return Fed { consumed, complete: false },
                Step::Complete => true,
                Step::Broken => {
                    self.go_back(frame);
                    self.look_again(frame)
                }
            };
            if complete {
                return Fed { consumed, complete };
            }
        }
    }

    /// The stream has ended. True if the buffer now holds a picture, to be taken; this is to be asked
    /// again then. What has no EOI is cut off if other pictures have one, and else may be whole.
    pub fn end(&mut self, frame: &mut Vec<u8>) -> bool {
        loop {
            if self.look_again(frame) {
                return true;
            }
            match self.state {
                State::Search | State::SearchCode => {
                    self.state = State::Search;
                    return false;
                }
                State::Scan | State::ScanCode | State::ScanBegin if !self.ended => {
                    if self.state == State::ScanBegin {
                        frame.truncate(frame.len() - 2);
                    }
                    self.state = State::Search;
                    trim_fill(frame);
                    return true;
                }
                State::Begun => self.begin(&BEGIN, State::Code, frame),
                _ => self.go_back(frame),
            }
        }
    }

    /// The stream is abandoned: an unfinished picture is dropped.
    pub fn abandon(&mut self, frame: &mut Vec<u8>) {
        self.again.clear();
        self.again_at = 0;
        if !self.is_between() {
            self.give_up(frame);
        }
        self.state = State::Search;
    }

    /// Walks through what a wrong segment covered. True at the end of a picture.
    fn look_again(&mut self, frame: &mut Vec<u8>) -> bool {
        while self.again_at < self.again.len() {
            let again = mem::take(&mut self.again);
            let (walked, step) = self.walk(&again[self.again_at..], frame);
            self.again = again;
            self.again_at += walked;
            match step {
                Step::More => {}
                Step::Complete => return true,
                Step::Broken => self.go_back(frame),
            }
        }
        false
    }

    /// Walks up to the end of a picture, or to where one is broken; returns the bytes passed.
    fn walk(&mut self, input: &[u8], frame: &mut Vec<u8>) -> (usize, Step) {
        let mut consumed = 0;
        while let Some((&byte, _)) = input[consumed..].split_first() {
            let rest = &input[consumed..];
            match self.state {
                State::Search => consumed += self.search(rest),
                State::Begun => self.begin(&BEGIN, State::Code, frame),
                State::Segment { scan, left } => {
                    let taken = left.min(rest.len());
                    frame.extend_from_slice(&rest[..taken]);
                    consumed += taken;
                    self.state = after_segment(scan, left - taken);
                }
                State::Scan => {
                    let end = next_marker(rest);
                    let taken = rest.len().min(end + 1);
                    frame.extend_from_slice(&rest[..taken]);
                    consumed += taken;
                    if end < rest.len() {
                        self.state = State::ScanCode;
                    }
                }
                _ => {
                    consumed += 1;
                    let step = self.step(byte, frame);
                    if step != Step::More {
                        return (consumed, step);
                    }
                }
            }
            if frame.len() > FRAME_MAX {
                self.give_up(frame);
            }
        }
        (consumed, Step::More)
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

    /// Takes one byte in a state that bytes are looked at singly in.
    fn step(&mut self, byte: u8, frame: &mut Vec<u8>) -> Step {
        if self.state == State::SearchCode {
            match byte {
                0xD8 => self.begin(&BEGIN[..2], State::Marker, frame),
                0xFF => {}
                _ => self.state = State::Search,
            }
            return Step::More;
        }
        frame.push(byte);
        match (self.state, byte) {
            (State::ScanBegin, 0xFF) => {
                frame.truncate(frame.len() - BEGIN.len());
                trim_fill(frame);
                self.state = State::Begun;
                return Step::Complete;
            }
            // Damage in the coded data: nothing begins here.
            (State::ScanBegin, _) => self.state = State::Scan,
            (State::Marker, 0xFF) => self.state = State::Code,
            (State::Code | State::ScanCode, 0xFF) => {} // a fill byte (B.1.1.2)
            (State::ScanCode, 0xD8) => self.state = State::ScanBegin,
            (State::ScanCode, 0x00 | 0x01 | 0xD0..=0xD7) => self.state = State::Scan,
            (State::ScanCode, 0xD9) => {
                self.ended = true;
                self.state = State::Search;
                return Step::Complete;
            }
            (State::Code, 0x01 | 0xD0..=0xD7) => self.state = State::Marker,
            (State::Code, 0x00 | 0xD8 | 0xD9) => return Step::Broken,
            (State::Code | State::ScanCode, code) => {
                self.doubtful = frame.len() - 2;
                self.state = State::LengthHigh { scan: code == 0xDA };
            }
            (State::LengthHigh { scan }, high) => self.state = State::LengthLow { scan, high },
            (State::LengthLow { scan, high }, low) => {
                let length = usize::from(u16::from_be_bytes([high, low]));
                if length < 2 || scan && !SCAN_HEADER.contains(&length) {
                    return Step::Broken;
                }
                self.state = after_segment(scan, length - 2);
            }
            _ => return Step::Broken,
        }
        Step::More
    }

    /// A picture has begun with these bytes.
    fn begin(&mut self, bytes: &[u8], state: State, frame: &mut Vec<u8>) {
        frame.clear();
        frame.extend_from_slice(bytes);
        self.begun += 1;
        self.doubtful = 2;
        self.state = state;
    }

    fn give_up(&mut self, frame: &mut Vec<u8>) {
        frame.clear();
        self.dropped += 1;
        self.state = State::Search;
    }

    /// Gives the picture up, and has what follows its last doubtful marker looked at again from where the
    /// next picture may begin.
    fn go_back(&mut self, frame: &mut Vec<u8>) {
        let covered = frame.get(self.doubtful..).unwrap_or_default();
        if let Some(begin) = beginning(covered).map(|at| self.doubtful + at) {
            let left = self.again.get(self.again_at..).unwrap_or_default();
            let len = frame.len() - begin + left.len();
            if let Some(credit) = self.credit.checked_sub(len) {
                self.credit = credit;
                frame.drain(..begin);
                frame.extend_from_slice(left);
                mem::swap(frame, &mut self.again);
                self.again_at = 0;
            }
        }
        self.give_up(frame);
    }
}

/// Where the first picture begins, if only with its first bytes, which may be the last ones here.
fn beginning(bytes: &[u8]) -> Option<usize> {
    let whole = bytes.windows(BEGIN.len()).position(|window| window == BEGIN);
    let cut = || [2, 1].into_iter().find(|len| bytes.ends_with(&BEGIN[..*len]));
    whole.or_else(|| cut().map(|len| bytes.len() - len))
}

/// Fill bytes belong to the marker behind them.
fn trim_fill(frame: &mut Vec<u8>) {
    while frame.last() == Some(&0xFF) {
        frame.pop();
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
mod tests;
