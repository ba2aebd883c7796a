//! The wire format of USB/IP (Linux, Documentation/usb/usbip_protocol.rst), as far as vhci-hcd
//! speaks it with a device: transfers submitted, taken back and answered. All fields are
//! big-endian. What a transfer means is not decided here.

use std::fmt;

/// Bytes of every header, whatever the command.
pub(crate) const HEADER_LEN: usize = 48;

/// Bytes of the descriptor of one isochronous packet.
pub(crate) const PACKET_LEN: usize = 16;

/// Bytes of a transfer at most. uvcvideo asks for 32 packets of 3072; more is no request.
const TRANSFER_MAX: u32 = 1 << 20;

/// Packets of a transfer at most: what the kernel itself allows (`USBIP_MAX_ISO_PACKETS`).
const PACKETS_MAX: u32 = 1024;

const SUBMIT: u32 = 1;
const UNLINK: u32 = 2;
const SUBMIT_REPLY: u32 = 3;
const UNLINK_REPLY: u32 = 4;

/// The kernel counts errors below zero; these are `EPIPE`, which stands for a stall, and
/// `ECONNRESET`, for a transfer that was taken back.
pub(crate) const STALL: i32 = -32;
pub(crate) const TAKEN_BACK: i32 = -104;

/// The header that all commands share: five words whose meaning the command decides, and eight
/// bytes that are a SETUP packet in a submission and zero elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Header {
    command: u32,
    sequence: u32,
    device: u32,
    /// 1: towards the host.
    direction: u32,
    endpoint: u32,
    words: [u32; 5],
    setup: [u8; 8],
}

impl Header {
    fn parse(bytes: &[u8; HEADER_LEN]) -> Self {
        let word = |index: usize| word_at(bytes, 4 * index);
        let mut setup = [0; 8];
        setup.copy_from_slice(&bytes[40..]);
        Self {
            command: word(0),
            sequence: word(1),
            device: word(2),
            direction: word(3),
            endpoint: word(4),
            words: [word(5), word(6), word(7), word(8), word(9)],
            setup,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let fixed = [self.command, self.sequence, self.device, self.direction, self.endpoint];
        for word in fixed.into_iter().chain(self.words) {
            out.extend(word.to_be_bytes());
        }
        out.extend(self.setup);
    }
}

fn word_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// A transfer that the host asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Submit {
    pub sequence: u32,
    pub endpoint: u32,
    /// Bytes that the host has room for.
    pub length: u32,
    /// The SETUP packet, of use on endpoint 0 alone.
    pub setup: [u8; 8],
    /// What the host sends along.
    pub data: Vec<u8>,
    /// Isochronous packets: none on endpoint 0.
    pub packets: Vec<Packet>,
}

/// One isochronous packet of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packet {
    /// Where it lies in the host's buffer.
    pub offset: u32,
    /// Bytes that it may have.
    pub length: u32,
}

/// What the host says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Submit(Submit),
    /// The transfer `victim` is not wanted any more.
    Unlink {
        sequence: u32,
        victim: u32,
    },
}

/// Why the stream cannot be understood any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Error {
    Command(u32),
    Length(u32),
    Packets(u32),
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command(command) => write!(out, "USB/IP command {command} is unknown"),
            Self::Length(length) => write!(out, "a transfer of {length} bytes is too long"),
            Self::Packets(packets) => write!(out, "a transfer of {packets} packets is too long"),
        }
    }
}

impl Request {
    /// The request at the start of `bytes` and its length, or `None` while it is incomplete.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Error> {
        let Some(head) = bytes.first_chunk::<HEADER_LEN>() else { return Ok(None) };
        let header = Header::parse(head);
        match header.command {
            SUBMIT => Submit::parse(&header, bytes),
            UNLINK => {
                let (sequence, victim) = (header.sequence, header.words[0]);
                Ok(Some((Self::Unlink { sequence, victim }, HEADER_LEN)))
            }
            other => Err(Error::Command(other)),
        }
    }
}

impl Submit {
    fn parse(header: &Header, bytes: &[u8]) -> Result<Option<(Request, usize)>, Error> {
        let [_, length, _, packets, _] = header.words;
        // Transfers on endpoint 0 have no packets, which some kernels write as -1.
        let packets = if header.endpoint == 0 { 0 } else { packets };
        if length > TRANSFER_MAX {
            return Err(Error::Length(length));
        }
        if packets > PACKETS_MAX {
            return Err(Error::Packets(packets));
        }
        let outward = if header.direction == 0 { length as usize } else { 0 };
        let data_end = HEADER_LEN + outward;
        let end = data_end + packets as usize * PACKET_LEN;
        let (Some(data), Some(table)) = (bytes.get(HEADER_LEN..data_end), bytes.get(data_end..end))
        else {
            return Ok(None);
        };
        let packets = table
            .chunks_exact(PACKET_LEN)
            .map(|packet| Packet { offset: word_at(packet, 0), length: word_at(packet, 4) })
            .collect();
        let submit = Self {
            sequence: header.sequence,
            endpoint: header.endpoint,
            length,
            setup: header.setup,
            data: data.to_vec(),
            packets,
        };
        Ok(Some((Request::Submit(submit), end)))
    }
}

/// Answers a control transfer: `data` goes to the host, `length` is what was transferred either
/// way.
pub(crate) fn answer(out: &mut Vec<u8>, sequence: u32, status: i32, length: u32, data: &[u8]) {
    reply(SUBMIT_REPLY, sequence, status, length, 0).write(out);
    out.extend_from_slice(data);
}

/// Answers a request to take a transfer back.
pub(crate) fn answer_unlink(out: &mut Vec<u8>, sequence: u32, status: i32) {
    reply(UNLINK_REPLY, sequence, status, 0, 0).write(out);
}

/// Answers an isochronous transfer: `data` holds the packets without the room that they left,
/// `filled` how many bytes each has.
pub(crate) fn answer_packets(
    out: &mut Vec<u8>,
    sequence: u32,
    packets: &[Packet],
    filled: &[u32],
    data: &[u8],
) {
    let count = packets.len().try_into().unwrap_or(PACKETS_MAX);
    let length = filled.iter().sum();
    reply(SUBMIT_REPLY, sequence, 0, length, count).write(out);
    out.extend_from_slice(data);
    for (packet, filled) in packets.iter().zip(filled) {
        const GOOD: u32 = 0;
        for word in [packet.offset, packet.length, *filled, GOOD] {
            out.extend(word.to_be_bytes());
        }
    }
}

/// Replies name neither the device nor the endpoint: the sequence number is enough.
fn reply(command: u32, sequence: u32, status: i32, length: u32, packets: u32) -> Header {
    let words = [u32::from_be_bytes(status.to_be_bytes()), length, 0, packets, 0];
    Header { command, sequence, words, ..Header::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission(endpoint: u32, direction: u32, length: u32, packets: u32) -> Vec<u8> {
        let mut bytes = Vec::new();
        let setup = [0x80, 6, 0, 1, 0, 0, 64, 0];
        let words = [0, length, 0, packets, 1];
        let header = Header {
            command: SUBMIT,
            sequence: 7,
            device: 65537,
            direction,
            endpoint,
            words,
            setup,
        };
        header.write(&mut bytes);
        bytes
    }

    #[test]
    fn a_header_survives_the_wire() {
        let bytes = submission(2, 1, 3072, 32);
        let header = Header::parse(bytes.first_chunk().unwrap());
        let mut again = Vec::new();
        header.write(&mut again);
        assert_eq!(again, bytes);
        assert_eq!(header.words, [0, 3072, 0, 32, 1]);
        assert_eq!(bytes[..8], [0, 0, 0, 1, 0, 0, 0, 7]);
    }

    #[test]
    fn a_submission_is_taken_apart_once_all_of_it_is_there() {
        let mut bytes = submission(1, 1, 6144, 2);
        for word in [0u32, 3072, 0, 0, 3072, 3072, 0, 0] {
            bytes.extend(word.to_be_bytes());
        }
        for len in 0..bytes.len() {
            assert_eq!(Request::parse(&bytes[..len]), Ok(None), "{len} bytes");
        }
        bytes.extend([1, 2, 3]);
        let (request, len) = Request::parse(&bytes).unwrap().unwrap();
        let Request::Submit(submit) = request else { panic!("no submission: {request:?}") };
        assert_eq!(len, bytes.len() - 3);
        let packets = [Packet { offset: 0, length: 3072 }, Packet { offset: 3072, length: 3072 }];
        assert_eq!(submit.packets, packets);
        assert_eq!((submit.sequence, submit.endpoint, submit.length), (7, 1, 6144));
    }

    #[test]
    fn data_comes_along_towards_the_device_only() {
        let mut bytes = submission(0, 0, 3, u32::MAX);
        bytes.extend([9, 8, 7]);
        let (request, len) = Request::parse(&bytes).unwrap().unwrap();
        let Request::Submit(submit) = request else { panic!("no submission: {request:?}") };
        assert_eq!((submit.data.as_slice(), len), ([9, 8, 7].as_slice(), HEADER_LEN + 3));
        let bytes = submission(0, 1, 64, 0);
        assert_eq!(Request::parse(&bytes).unwrap().unwrap().1, HEADER_LEN);
    }

    #[test]
    fn what_no_host_would_ask_for_is_refused() {
        assert_eq!(Request::parse(&submission(1, 1, u32::MAX, 1)), Err(Error::Length(u32::MAX)));
        assert_eq!(Request::parse(&submission(1, 1, 1, 1025)), Err(Error::Packets(1025)));
        let mut bytes = submission(1, 1, 1, 1);
        bytes[3] = 9;
        assert_eq!(Request::parse(&bytes), Err(Error::Command(9)));
    }

    #[test]
    fn a_reply_counts_what_its_packets_hold() {
        let packets = [Packet { offset: 0, length: 8 }, Packet { offset: 8, length: 8 }];
        let mut out = Vec::new();
        answer_packets(&mut out, 5, &packets, &[3, 0], &[1, 2, 3]);
        let header = Header::parse(out.first_chunk().unwrap());
        assert_eq!((header.command, header.sequence), (SUBMIT_REPLY, 5));
        assert_eq!(header.words, [0, 3, 0, 2, 0]);
        assert_eq!(out.len(), HEADER_LEN + 3 + 2 * PACKET_LEN);
        assert_eq!(word_at(&out, HEADER_LEN + 3 + 8), 3);
        assert_eq!(word_at(&out, HEADER_LEN + 3 + PACKET_LEN + 8), 0);
    }

    #[test]
    fn errors_are_negative_numbers_on_the_wire() {
        let mut out = Vec::new();
        answer_unlink(&mut out, 6, TAKEN_BACK);
        assert_eq!(out[..4], [0, 0, 0, 4]);
        assert_eq!(out[20..24], (-104i32).to_be_bytes());
    }
}
