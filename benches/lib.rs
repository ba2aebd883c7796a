//! The stages that a picture goes through, one by one and without any socket, to be measured: the same
//! work for divan, which takes the time, and for callgrind, which counts instructions.

#![allow(clippy::expect_used, clippy::missing_panics_doc, reason = "it measures or ends")]

pub mod delay;
mod sealing;

use sealing::Sealing;
use std::path::Path;
use std::process::Command;
use streamsocket_convert::{Planes, Rearranger, encodable};
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{Layout, RawFormat};
use streamsocket_srtp::suite::Suite;
use streamsocket_stream::receive::jpeg::JpegDepayloader;
use streamsocket_stream::receive::repair::Repair;
use streamsocket_stream::receive::source_packet::SourcePacket;
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::jpeg::{CaptureTime, JpegPayloader};
use streamsocket_stream::send::repair::{Block, Encoder, Packets, Share};
use streamsocket_wire::jpeg_scan::{Scanned, Scanner, scan};
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::repair;
use streamsocket_wire::rtp::{self, ExtendedTime, RtpTime, Sequence, Ssrc};
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

/// What a stage is called, and in which order they come.
pub const STAGES: [&str; 11] = [
    "planes",
    "rearrange",
    "scan",
    "packetize",
    "encode",
    "reassemble",
    "decode",
    "seal-cm",
    "open-cm",
    "seal-gcm",
    "open-gcm",
];

/// Bytes of the picture: as many as a webcam's of 1920x1080.
const PICTURE_BYTES: usize = 230_000;

/// As the daemon's default.
const PACKET_SIZE: usize = 1400;

/// Packets of the picture that get lost for the decoder: 5 %.
const LOST_EACH: usize = 20;

/// A raw picture as most webcams give it, in the narrow range that most say theirs is in.
const RAW: RawFormat = RawFormat {
    layout: Layout::Yuyv,
    width: 1280,
    height: 720,
    stride: 2 * 1280,
    full_range: false,
};

/// A picture whose units have two rows, which no encoder here makes.
const TWO_ROWS_A_UNIT: &[u8] = include_bytes!("../convert/src/data/83x61.jpg");

const MEDIA: Ssrc = Ssrc(5);

/// JPEGs of noise, about so many bytes each: 4:2:2 with the default Huffman tables.
#[must_use]
#[allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a picture's size, about"
)]
pub fn noise(bytes: usize, pictures: usize) -> Vec<Vec<u8>> {
    // Noise takes as many bytes for each pixel, wherever it is: measured, 4:2:2 at quality 90.
    const BYTES_A_PIXEL: f64 = 1.55;
    let pixels = bytes as f64 / BYTES_A_PIXEL;
    let blocks = |pixels: f64| (pixels / 16.0).round().max(1.0) as usize * 16;
    let height = blocks((pixels * 9.0 / 16.0).sqrt());
    let width = blocks(pixels / height as f64);
    noise_of_size((width, height), 90, pictures)
}

/// The same of a size, at a quality of 1 to 100.
#[must_use]
pub fn noise_of_size(
    (width, height): (usize, usize),
    quality: i32,
    pictures: usize,
) -> Vec<Vec<u8>> {
    let mut random = random();
    let mut compressor = Compressor::new().expect("a compressor");
    compressor.set_subsamp(Subsamp::Sub2x1).expect("it knows 4:2:2");
    compressor.set_quality(quality).expect("it knows quality");
    let mut picture = || {
        let pixels: Vec<u8> = (0..width * height * 3).map(|_| random()).collect();
        let format = PixelFormat::RGB;
        let image = Image { pixels: &pixels[..], width, height, pitch: width * 3, format };
        compressor.compress_to_vec(image).expect("a picture")
    };
    (0..pictures).map(|_| picture()).collect()
}

/// Bytes that look like chance, the same in each run.
fn random() -> impl FnMut() -> u8 {
    let mut state = 1_u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[5]
    }
}

/// All stages, ready to work: each call does what one picture takes.
pub struct Stages {
    jpeg: Vec<u8>,
    frame: Scanned,
    scanner: Scanner,
    payloader: JpegPayloader,
    packets: FramePackets,
    encoder: Encoder,
    converter: Converter,
    receiver: Receiver,
    cm: Sealing,
    gcm: Sealing,
}

/// What makes pictures that can be sent, without the library's part.
#[derive(Debug)]
struct Converter {
    raw: Vec<u8>,
    planes: Planes,
    rearranger: Rearranger,
    out: Vec<u8>,
}

impl Default for Converter {
    fn default() -> Self {
        let mut random = random();
        let raw = (0..usize::from(RAW.width) * 2 * usize::from(RAW.height)).map(|_| random());
        Self {
            raw: raw.collect(),
            planes: Planes::default(),
            rearranger: Rearranger::default(),
            out: Vec::new(),
        }
    }
}

/// What the receiving stages have and get.
#[derive(Debug)]
struct Receiver {
    datagrams: Vec<Vec<u8>>,
    repairs: Vec<Vec<u8>>,
    depayloader: JpegDepayloader,
    decoder: Repair,
    spare: Vec<u8>,
    /// Pictures that came before.
    number: u64,
}

impl Default for Stages {
    fn default() -> Self {
        let jpeg = noise(PICTURE_BYTES, 1).remove(0);
        let frame = scan(&jpeg).expect("a picture for RTP");
        let mut payloader = JpegPayloader::new(MEDIA, Sequence(0), PACKET_SIZE, Some(1));
        let mut packets = FramePackets::with_capacity(256);
        payloader.packetize(&frame, stamp(), &mut packets).expect("a usual picture");
        let datagrams = packets.range(0..packets.len());
        let datagrams: Vec<Vec<u8>> =
            datagrams.map(|it| [it.header, &jpeg[it.payload]].concat()).collect();
        let [cm, gcm] = Suite::ALL.map(|suite| Sealing::new(suite, &datagrams));
        let receiver = Receiver {
            datagrams,
            repairs: Vec::new(),
            depayloader: JpegDepayloader::new(None),
            decoder: Repair::default(),
            spare: Vec::new(),
            number: 0,
        };
        let encoder = Encoder::new(Ssrc(9), Sequence(0), MEDIA);
        let scanner = Scanner::default();
        let converter = Converter::default();
        let mut stages = Self {
            jpeg,
            frame,
            scanner,
            payloader,
            packets,
            encoder,
            converter,
            receiver,
            cm,
            gcm,
        };
        stages.encode();
        let made = (0..stages.encoder.len()).filter_map(|index| stages.encoder.get(index));
        stages.receiver.repairs = made.map(<[u8]>::to_vec).collect();
        // The first packets of a stream say from where on anything is missed.
        stages.receiver.decoder.keep(0, &[]);
        stages
    }
}

impl Stages {
    /// Does what the stage of this name does for a picture, once.
    pub fn work(&mut self, stage: &str) {
        match stage {
            "planes" => self.planes(),
            "rearrange" => self.rearrange(),
            "scan" => self.scan(),
            "packetize" => self.packetize(),
            "encode" => self.encode(),
            "reassemble" => self.reassemble(),
            "decode" => self.decode(),
            "seal-cm" => self.cm.seal(),
            "open-cm" => self.cm.open(),
            "seal-gcm" => self.gcm.seal(),
            "open-gcm" => self.gcm.open(),
            _ => unreachable!("{stage} is no stage"),
        }
    }

    fn planes(&mut self) {
        let Converter { raw, planes, .. } = &mut self.converter;
        assert!(encodable(&RAW, raw, planes).is_some(), "the picture is whole");
    }

    /// As often as makes as many bytes as the other stages' picture has.
    fn rearrange(&mut self) {
        let Converter { rearranger, out, .. } = &mut self.converter;
        for _ in 0..PICTURE_BYTES / TWO_ROWS_A_UNIT.len() {
            rearranger.rearrange(TWO_ROWS_A_UNIT, out).expect("it is rearranged in tests");
        }
    }

    fn scan(&mut self) {
        let frame = self.scanner.scan(&self.jpeg).expect("it has been scanned");
        assert_eq!(frame.data, self.frame.data);
    }

    fn packetize(&mut self) {
        let made = self.payloader.packetize(&self.frame, stamp(), &mut self.packets);
        made.expect("it has been packetized");
    }

    fn encode(&mut self) {
        let packets = u16::try_from(self.packets.len()).expect("a usual picture");
        let repairs = "20".parse::<Share>().expect("a share").of_frame(packets.into());
        let longest = self.packets.get(0).expect("a packet").len();
        let block = Block { first: Sequence(0), time: RtpTime(0), packets, repairs, longest };
        let made = self.encoder.make(block, &Cut { packets: &self.packets, jpeg: &self.jpeg });
        assert!(made && self.encoder.len() == usize::from(repairs));
    }

    fn reassemble(&mut self) {
        let Receiver { datagrams, depayloader, spare, number, .. } = &mut self.receiver;
        *number += 1;
        for datagram in datagrams {
            let packet = rtp::Packet::parse(datagram).expect("it has been written");
            depayloader.push(&SourcePacket {
                sequence: packet.header().sequence.0.into(),
                time: ExtendedTime(i64::try_from(*number * 3000).expect("few")),
                marker: packet.header().marker,
                ntp: None,
                payload: packet.payload(),
                arrival: Monotonic(0),
            });
        }
        let frame = depayloader.poll(Monotonic(0), &|_| None, spare);
        assert!(frame.is_some(), "the picture is whole");
    }

    /// As if each picture were the first: the numbers go on where those of the one before end.
    fn decode(&mut self) {
        let Receiver { datagrams, repairs, decoder, .. } = &mut self.receiver;
        decoder.reset();
        // From here on something can be missed.
        decoder.keep(1 << 16, &datagrams[0]);
        for (datagram, sequence) in datagrams.iter().zip(1_u64 << 16..).skip(1) {
            if sequence % LOST_EACH as u64 != 0 {
                decoder.keep(sequence, datagram);
            }
        }
        for packet in repairs {
            let packet = rtp::Packet::parse(packet).expect("it has been written");
            let (header, shard) = repair::Header::parse(packet.payload()).expect("as well");
            decoder.push(&header, shard, (1 << 16) + datagrams.len() as u64);
        }
        let mut made = 0;
        decoder.poll(MEDIA, &mut |_, _| made += 1);
        assert!(made > 0, "nothing was lost");
    }
}

/// The packets of a picture, which read from it.
struct Cut<'a> {
    packets: &'a FramePackets,
    jpeg: &'a [u8],
}

impl Packets for Cut<'_> {
    fn packet(&self, index: usize) -> (&[u8], &[u8]) {
        let packet = self.packets.get(index).expect("it was cut into so many");
        (packet.header, &self.jpeg[packet.payload])
    }
}

fn stamp() -> CaptureTime {
    CaptureTime { time: RtpTime(0), ntp: NtpTime(0) }
}

/// Instructions that a stage takes for a picture, as callgrind counts them: the same whatever else the machine
/// does. `program` is `instructions`.
#[must_use]
pub fn instructions(program: &Path, stage: &str) -> u64 {
    let counted = |times: u64| -> u64 {
        let mut valgrind = Command::new("valgrind");
        valgrind.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        valgrind.arg(program).args([stage, &times.to_string()]);
        let output = valgrind.output().expect("valgrind: scripts/setup test installs it");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let line = said.lines().find_map(|line| line.split_once("Collected : ")).expect("a count");
        line.1.trim().parse().expect("a number")
    };
    // What comes before, and the first time, are in both.
    (counted(7) - counted(2)) / 5
}
