//! The stream of pictures: when a frame is due, which payloads it is cut into (UVC section
//! 2.4.3.3), and what goes wrong with it on purpose. Time comes in as an argument.
//!
//! The clip moves on by one picture a frame, whether or not frames were late: so what is missing
//! at the other end was lost there.

use crate::clip::Clip;
use crate::report::MILLISECOND;
use crate::usbip::Packet;
use std::fmt;

/// bmHeaderInfo of a payload (UVC section 2.4.3.3).
const FID: u8 = 1;
const EOF: u8 = 1 << 1;
const ERR: u8 = 1 << 6;
const EOH: u8 = 1 << 7;

/// bHeaderLength: no time stamps.
const HEADER_LEN: u8 = 2;

/// Between two pieces of a slow frame: what an emulated processor can keep up with.
const SLOW_STEP: i64 = 4 * MILLISECOND;

/// What to do wrong with one frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// Say that it is damaged.
    pub error: bool,
    /// Leave its second half out.
    pub truncate: bool,
    /// Put the next picture behind it.
    pub double: bool,
    /// Pull the plug in the middle of it.
    pub unplug: bool,
}

impl fmt::Display for Faults {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = [
            (self.error, "error"),
            (self.truncate, "truncate"),
            (self.double, "double"),
            (self.unplug, "unplug"),
        ];
        let names: Vec<_> = named.into_iter().filter(|it| it.0).map(|it| it.1).collect();
        out.write_str(&names.join(" "))
    }
}

/// A stream from its start to its stop.
#[derive(Debug)]
pub(crate) struct Stream {
    /// Nanoseconds.
    interval: i64,
    /// When the next frame starts.
    next: i64,
    /// Nanoseconds that a frame takes; 0: it is sent at once.
    slow: i64,
    picture: u64,
    id: u8,
    frame: Option<Frame>,
}

/// A frame that is being sent.
#[derive(Debug)]
struct Frame {
    data: Vec<u8>,
    sent: usize,
    flags: u8,
    start: i64,
    /// Pieces that it is sent in, and how many are.
    pieces: usize,
    piece: usize,
    /// Where the plug is pulled.
    unplug_at: Option<usize>,
}

/// What became of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It carries a part of a frame, or all of it.
    Sent,
    /// The same, and now the plug is to be pulled.
    Unplug,
}

impl Stream {
    /// Starts with the first picture an interval (nanoseconds) from now.
    pub(crate) const fn new(interval: i64, now: i64) -> Self {
        Self { interval, next: now + interval, slow: 0, picture: 0, id: 0, frame: None }
    }

    /// Has frames take that many nanoseconds, from the next one on.
    pub(crate) const fn set_slow(&mut self, slow: i64) {
        self.slow = slow;
    }

    /// When the next transfer can be filled.
    pub(crate) fn due(&self) -> i64 {
        self.frame.as_ref().map_or(self.next, |frame| frame.due(self.slow))
    }

    /// True between two frames.
    pub(crate) const fn between_frames(&self) -> bool {
        self.frame.is_none()
    }

    /// Starts the frame that is due.
    pub(crate) fn start_frame(&mut self, clip: &Clip, faults: Faults, now: i64) {
        self.skip(now);
        let mut data = clip.picture(self.picture).to_vec();
        self.picture += 1;
        if faults.double {
            data.extend_from_slice(clip.picture(self.picture));
            self.picture += 1;
        }
        if faults.truncate {
            data.truncate(data.len() / 2);
        }
        self.id ^= FID;
        let error = if faults.error { ERR } else { 0 };
        let pieces = usize::try_from(self.slow / SLOW_STEP).unwrap_or(0) + 1;
        self.frame = Some(Frame {
            sent: 0,
            flags: EOH | error | self.id,
            start: now,
            pieces,
            piece: 0,
            unplug_at: faults.unplug.then_some(data.len() / 2),
            data,
        });
    }

    /// Lets the frames pass that are due, without sending them.
    pub(crate) fn skip(&mut self, now: i64) {
        if self.next <= now {
            self.next += ((now - self.next) / self.interval + 1) * self.interval;
        }
    }

    /// Fills a transfer with what is due of the frame: bytes into `data`, their count for each
    /// packet into `filled`.
    pub(crate) fn fill(
        &mut self,
        packets: &[Packet],
        data: &mut Vec<u8>,
        filled: &mut Vec<u32>,
    ) -> Outcome {
        let Some(frame) = &mut self.frame else {
            filled.resize(packets.len(), 0);
            return Outcome::Sent;
        };
        let enough = frame.end_of_piece();
        for packet in packets {
            let len =
                if frame.sent < enough { frame.payload(packet.length as usize, data) } else { 0 };
            // Not longer than the packet, whose length has 32 bits.
            filled.push(u32::try_from(len).unwrap_or(0));
        }
        if frame.sent >= enough {
            frame.piece += 1;
        }
        let unplug = frame.unplug_at.is_some_and(|at| frame.sent >= at);
        if frame.sent == frame.data.len() {
            self.frame = None;
        }
        if unplug { Outcome::Unplug } else { Outcome::Sent }
    }
}

impl Frame {
    /// When the next piece is due: the first at once, the last when the time is over.
    fn due(&self, slow: i64) -> i64 {
        if self.pieces == 1 {
            return self.start;
        }
        let part = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        self.start + slow * part(self.piece) / part(self.pieces - 1)
    }

    /// Bytes of the frame that are sent once this piece is.
    fn end_of_piece(&self) -> usize {
        let end = self.data.len() * (self.piece + 1) / self.pieces;
        let end = end.min(self.data.len());
        self.unplug_at.map_or(end, |at| end.min(at.max(1)))
    }

    /// Appends a payload of `room` bytes at most; returns its length.
    fn payload(&mut self, room: usize, out: &mut Vec<u8>) -> usize {
        let header = usize::from(HEADER_LEN);
        if room <= header {
            return 0;
        }
        let len = (self.data.len() - self.sent).min(room - header);
        let end = self.sent + len;
        let last = if end == self.data.len() { EOF } else { 0 };
        out.extend([HEADER_LEN, self.flags | last]);
        out.extend_from_slice(&self.data[self.sent..end]);
        self.sent = end;
        header + len
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Size;

    /// 64x48: 6144 bytes a picture.
    fn clip() -> Clip {
        Clip::ramp(Size { width: 64, height: 48 })
    }

    fn packets(count: usize) -> Vec<Packet> {
        vec![Packet { offset: 0, length: 1026 }; count]
    }

    /// Sends a frame; returns its bytes and the header of each payload.
    fn frame(stream: &mut Stream, faults: Faults) -> (Vec<u8>, Vec<u8>) {
        stream.start_frame(&clip(), faults, stream.due());
        let (mut bytes, mut headers) = (Vec::new(), Vec::new());
        while !stream.between_frames() {
            let (mut data, mut filled) = (Vec::new(), Vec::new());
            let outcome = stream.fill(&packets(4), &mut data, &mut filled);
            let mut rest = data.as_slice();
            for len in filled.into_iter().filter(|len| *len > 0) {
                let (payload, behind) = rest.split_at(len as usize);
                assert_eq!(payload[0], 2);
                headers.push(payload[1]);
                bytes.extend_from_slice(&payload[2..]);
                rest = behind;
            }
            assert!(rest.is_empty());
            if outcome == Outcome::Unplug {
                break;
            }
        }
        (bytes, headers)
    }

    #[test]
    fn the_frame_id_toggles_and_the_last_payload_says_so() {
        let mut stream = Stream::new(100, 0);
        let (bytes, headers) = frame(&mut stream, Faults::default());
        assert_eq!(bytes, clip().picture(0));
        assert_eq!(headers, [0x81, 0x81, 0x81, 0x81, 0x81, 0x83]);
        let (bytes, headers) = frame(&mut stream, Faults::default());
        assert_eq!(bytes, clip().picture(1));
        assert_eq!(headers, [0x80, 0x80, 0x80, 0x80, 0x80, 0x82]);
    }

    #[test]
    fn faults_damage_one_frame_each() {
        let mut stream = Stream::new(100, 0);
        let (_, headers) = frame(&mut stream, Faults { error: true, ..Faults::default() });
        assert!(headers.iter().all(|header| header & ERR != 0));
        let (bytes, headers) = frame(&mut stream, Faults { truncate: true, ..Faults::default() });
        assert_eq!(bytes, clip().picture(1)[..3072]);
        assert_eq!(headers.last().unwrap() & (EOF | ERR), EOF);
        let (bytes, _) = frame(&mut stream, Faults { double: true, ..Faults::default() });
        assert_eq!(bytes, [clip().picture(2), clip().picture(3)].concat());
        assert_eq!(frame(&mut stream, Faults::default()).0, clip().picture(4));
    }

    #[test]
    fn the_plug_is_pulled_in_the_middle_of_a_frame() {
        let mut stream = Stream::new(100, 0);
        let (bytes, headers) = frame(&mut stream, Faults { unplug: true, ..Faults::default() });
        assert_eq!(bytes.len(), 3 * 1024);
        assert!(headers.iter().all(|header| header & EOF == 0));
    }

    #[test]
    fn a_late_frame_does_not_shift_those_after_it() {
        let mut stream = Stream::new(100, 0);
        assert_eq!(stream.due(), 100);
        stream.start_frame(&clip(), Faults::default(), 350);
        assert_eq!(stream.due(), 350);
        while !stream.between_frames() {
            stream.fill(&packets(9), &mut Vec::new(), &mut Vec::new());
        }
        assert_eq!(stream.due(), 400);
    }

    #[test]
    fn a_slow_frame_takes_its_time() {
        let mut stream = Stream::new(SLOW_STEP, 0);
        stream.set_slow(3 * SLOW_STEP);
        let start = stream.due();
        stream.start_frame(&clip(), Faults::default(), start);
        let mut times = Vec::new();
        while !stream.between_frames() {
            times.push(stream.due() - start);
            stream.fill(&packets(9), &mut Vec::new(), &mut Vec::new());
        }
        assert_eq!(times, [0, SLOW_STEP, 2 * SLOW_STEP, 3 * SLOW_STEP]);
    }
}
