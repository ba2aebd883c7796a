//! A subscription to sound that comes by the loopback interface, with a packet lost and repaired: sockets, poll, repair
//! and order, without a program around them.

#![allow(clippy::unwrap_used, reason = "a test's way to fail")]

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::send::l16::{AudioPacket, PAYLOAD_TYPE};
use streamsocket_stream::send::repair::{Encoder, Share, SoundRepair};
use streamsocket_subscribe::counters::Counters;
use streamsocket_subscribe::keys::KeyRing;
use streamsocket_subscribe::latency::TargetLatency;
use streamsocket_subscribe::outlet::{CompleteFrame, EncodedSound, Outlet, PacketSamples};
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::subscription::Subscription;
use streamsocket_wire::repair;
use streamsocket_wire::rtp::{HEADER_LEN, Header, RtpTime, Sequence, Ssrc};

/// Sample frames of a packet: 5 ms of one channel.
const FRAMES: usize = 240;

const PACKETS: u16 = 40;

/// After so many packets, 5 ms apart, the source is known. The others follow at once, so that a busy machine does not
/// make them late.
const KNOWN: u16 = 8;

/// The packet that does not come.
const LOST: u16 = 21;

/// What comes out: the samples' value, or minus the length of a hole.
struct Heard(Sender<i64>);

impl Outlet for Heard {
    fn frame(&mut self, frame: CompleteFrame<'_>) {
        unreachable!("a frame of a session without video: {frame:?}");
    }

    fn samples(&mut self, samples: PacketSamples<'_>) {
        assert_eq!(samples.buffer.len(), FRAMES);
        let _ = self.0.send(samples.buffer[0].into());
    }

    fn encoded(&mut self, sound: EncodedSound<'_>) {
        unreachable!("sound of a codec in L16: {sound:?}");
    }

    fn hole(&mut self, frames: usize, _: Monotonic) {
        let _ = self.0.send(-i64::try_from(frames).unwrap());
    }
}

/// Three ports that are free.
fn free_ports() -> [SocketAddr; 3] {
    let any = || UdpSocket::bind("127.0.0.1:0").unwrap();
    [any(), any(), any()].map(|socket| socket.local_addr().unwrap())
}

/// The header of a packet of sound, and its payload: samples that all have its number.
fn packet(number: u16) -> ([u8; HEADER_LEN], Vec<u8>) {
    let (mut header, time) = ([0; HEADER_LEN], u32::from(number) * 240);
    let fields = Header {
        marker: false,
        payload_type: PAYLOAD_TYPE,
        sequence: Sequence(number),
        time: RtpTime(time),
        ssrc: Ssrc(7),
        has_extension: false,
    };
    fields.emit(&mut header).unwrap();
    (header, number.to_be_bytes().repeat(FRAMES))
}

#[test]
fn what_is_lost_on_the_way_is_repaired_and_heard_in_order() {
    let [rtp, rtcp, repairs] = free_ports();
    let mut plan = Plan::at(rtp, Some((48_000, 1)));
    plan.video = None;
    let audio = plan.audio.as_mut().unwrap();
    (audio.rtp, audio.rtcp) = (rtp, rtcp);
    audio.repair = Some((repairs, repair::PAYLOAD_TYPE));
    let counters = Arc::new(Counters::default());
    let (sender, heard) = channel();
    let outlet = Box::new(Heard(sender));
    let latency = TargetLatency::Fixed(500);
    let keys = KeyRing::default();
    let opened = Subscription::open(&plan, None, latency, outlet, Arc::clone(&counters), keys);
    let (mut subscription, stop) = opened.unwrap();
    let thread = std::thread::spawn(move || subscription.run());

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut repair =
        SoundRepair::new(Share::default(), Encoder::new(Ssrc(8), Sequence(0), Ssrc(7)));
    let mut values = Vec::new();
    for number in 0..PACKETS {
        let (header, payload) = packet(number);
        if number != LOST {
            socket.send_to(&[&header[..], &payload].concat(), rtp).unwrap();
        }
        let (sequence, time) = (Sequence(number), RtpTime(u32::from(number) * 240));
        let sent = AudioPacket { header: &header, payload: &payload, sequence, time };
        repair.push(&sent, |packet| assert!(socket.send_to(packet, repairs).is_ok()));
        if number < KNOWN {
            values.extend(heard.recv_timeout(Duration::from_millis(5)));
        }
    }
    let last = i64::from(PACKETS) - 1;
    while values.last() != Some(&last) {
        values.push(heard.recv_timeout(Duration::from_secs(5)).unwrap());
    }
    stop.stop();
    thread.join().unwrap().unwrap();

    let first = values[0];
    assert!(first < i64::from(LOST), "{values:?}");
    assert!(values.iter().copied().eq(first..=last), "{values:?}");
    let audio = &counters.audio;
    assert_eq!((audio.packets_lost.get(), audio.samples_lost.get()), (1, 0));
    assert!(audio.packets_repaired.get() >= 1);
}
