//! The sender: the real clocks, payloaders and pacer, with a camera and a sound card that are off.

use crate::scenario::Scenario;
use crate::world::{Chance, Clock, Link, MS, Of, SECOND, Time, until_clock};
use std::collections::VecDeque;
use streamsocket_media::clock::WallClock;
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::jpeg::JpegPayloader;
use streamsocket_stream::send::l16::{L16Payloader, L16Stream};
use streamsocket_stream::send::pacer::{Load, Pace, Pacer};
use streamsocket_stream::send::payloader::{Out, Payload, Payloader};
use streamsocket_stream::send::rtp_clock::VideoClock;
use streamsocket_wire::jpeg_scan::{Scanned, scan};
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};
use turbojpeg::{Image, PixelFormat, Subsamp, compress};

/// Sample frames a second: few, so that a day is short.
pub(crate) const RATE: u32 = 8000;

/// Sample frames of a packet.
const FRAMES: i64 = 40;

/// Sample frames that the card hands over at a time: those of two packets.
const PERIOD: usize = 80;

/// Sound that is lost in an overrun.
const OVERRUN: Time = 80 * MS;

const INTERVAL: i64 = 33_333_333;

/// What was captured when, in the order it was sent: RTP time and true time.
pub(crate) type Truth = VecDeque<(u32, Time)>;

/// The sender.
pub(crate) struct Sender {
    clock: Clock,
    wall: WallClock,
    looked: Time,
    chance: Chance,
    video: Video,
    audio: Audio,
    /// What was captured when: pictures, sound.
    pub(crate) truth: [Truth; 2],
}

struct Video {
    payloader: Payloader,
    pacer: Pacer,
    packets: FramePackets,
    pictures: Vec<Vec<u8>>,
    showing: usize,
    frames: i64,
}

struct Audio {
    payloader: L16Payloader,
    ppm: i64,
    /// Sample frames that the card has taken since the beginning.
    samples: i64,
    overruns: i64,
}

/// Pictures as JPEGs of about so many bytes: noise of some size.
fn picture(side: usize) -> Vec<u8> {
    let mut chance = Chance::new(side as u64);
    let pixels: Vec<u8> = (0..side * side).map(|_| chance.below(256).to_le_bytes()[0]).collect();
    let format = PixelFormat::GRAY;
    let image = Image { pixels: &pixels[..], width: side, pitch: side, height: side, format };
    let mut rgb = Image {
        pixels: vec![0; side * side * 3],
        width: side,
        pitch: side * 3,
        height: side,
        format: PixelFormat::RGB,
    };
    for (out, gray) in rgb.pixels.chunks_mut(3).zip(image.pixels) {
        out.fill(*gray);
    }
    compress(rgb.as_deref(), 50, Subsamp::Sub2x2).unwrap().to_vec()
}

impl Sender {
    /// A sender that begins at `now`.
    pub(crate) fn new(scenario: &Scenario, now: Time, number: u32) -> Self {
        let clock = Clock { began: 5 * SECOND, ppm: scenario.sender_ppm };
        let began = clock.at(now);
        let ssrc = |of: u32| Ssrc(100 * number + of);
        // Just before they wrap.
        let (sequence, time) = (Sequence(65_500), RtpTime(u32::MAX - 20_000));
        let sides = if scenario.large_frames { vec![40, 96, 192] } else { vec![32] };
        let stream = L16Stream { ssrc: ssrc(2), rate: RATE, channels: 1, ntp64_id: Some(1) };
        Self {
            clock,
            wall: WallClock::new(began, began.0 + scenario.wall_at(now)),
            looked: now,
            chance: Chance::new(u64::from(number) + scenario.seed),
            video: Video {
                payloader: Payloader::Jpeg {
                    payloader: JpegPayloader::new(ssrc(1), sequence, 420, Some(1)),
                    clock: VideoClock::new(began, time),
                },
                pacer: Pacer::new(Pace::default(), INTERVAL),
                packets: FramePackets::with_capacity(64),
                pictures: sides.into_iter().map(picture).collect(),
                showing: 0,
                frames: now / INTERVAL + 1,
            },
            audio: Audio {
                payloader: L16Payloader::new(stream, sequence, time),
                ppm: scenario.card_ppm,
                samples: now * i64::from(RATE) / SECOND,
                overruns: now / (60 * SECOND),
            },
            truth: Default::default(),
        }
    }

    /// When it has something to do.
    pub(crate) fn next(&self) -> Time {
        let paced = self.video.pacer.deadline().map_or(Time::MAX, |due| self.clock.when(due) + 1);
        self.next_sound().min(self.next_picture()).min(paced)
    }

    fn next_picture(&self) -> Time {
        self.video.frames * INTERVAL
    }

    fn sample(&self, number: i64) -> Time {
        let nominal = i128::from(number) * i128::from(SECOND) / i128::from(RATE);
        until_clock(i64::try_from(nominal).unwrap(), self.audio.ppm)
    }

    fn next_sound(&self) -> Time {
        self.sample(self.audio.samples + i64::try_from(PERIOD).unwrap())
    }

    /// Does what is to be done at `now`.
    pub(crate) fn turn(&mut self, now: Time, scenario: &Scenario, link: &mut Link) {
        if now - self.looked >= SECOND {
            self.looked = now;
            let mono = self.clock.at(now);
            self.wall.observe(mono, mono.0 + scenario.wall_at(now));
        }
        if now >= self.next_sound() {
            self.sound(now, scenario, link);
        }
        if now >= self.next_picture() {
            self.picture(now, link);
        }
        let due = self.video.pacer.due(self.clock.at(now));
        self.video.send(due, now, link);
    }

    fn sound(&mut self, now: Time, scenario: &Scenario, link: &mut Link) {
        let first = self.audio.samples;
        let captured = self.sample(first);
        let mut captures = [captured, self.sample(first + FRAMES)].into_iter();
        // A card's stamps jitter by a millisecond and are late now and then.
        let late = if self.chance.below(1000) == 0 { 30 * MS } else { self.chance.below(MS) };
        let audio = &mut self.audio;
        let truth = &mut self.truth[1];
        audio.payloader.push(&[1; PERIOD], self.clock.at(captured + late), &self.wall, |packet| {
            let bytes = [packet.header, packet.payload].concat();
            let time = u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]);
            truth.push_back((time, captures.next().unwrap()));
            link.send(now, Of::Audio, bytes);
        });
        audio.samples += i64::try_from(PERIOD).unwrap();
        if scenario.overruns && now / (60 * SECOND) > audio.overruns {
            audio.overruns = now / (60 * SECOND);
            audio.samples += OVERRUN * i64::from(RATE) / SECOND;
            audio.payloader.mark_discontinuity();
        }
    }

    fn picture(&mut self, now: Time, link: &mut Link) {
        let rest = self.video.pacer.flush();
        self.video.send(rest, now, link);
        let due = self.next_picture();
        self.video.frames += 1;
        let video = &mut self.video;
        video.showing = usize::try_from(video.frames).unwrap() % video.pictures.len();
        let scanned: Scanned = scan(&video.pictures[video.showing]).unwrap();
        let bytes = scanned.data.len();
        let (mut out, at) =
            (Out { frame: &mut video.packets, each: &mut |_| {} }, self.clock.at(due));
        let payload = Payload::Jpeg(&scanned);
        let capture = video.payloader.push(payload, at, &self.wall, &mut out).unwrap();
        let load = Load { media: video.packets.len(), repairs: 0, bytes };
        video.pacer.begin(self.clock.at(now), capture, load);
        self.truth[0].push_back((video.payloader.rtp_time(capture).0, due));
    }
}

impl Video {
    fn send(&mut self, range: std::ops::Range<usize>, now: Time, link: &mut Link) {
        for packet in self.packets.range(range) {
            let payload = &self.pictures[self.showing][packet.payload];
            link.send(now, Of::Video, [packet.header, payload].concat());
        }
    }
}
