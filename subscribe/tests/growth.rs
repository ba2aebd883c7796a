//! A frame that comes in two halves by the loopback interface: the first is handed on before the second has been sent, and
//! the whole when it is there.

#![allow(clippy::unwrap_used, reason = "a test's way to fail")]

use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_stream::send::frame_packets::FramePackets;
use streamsocket_stream::send::jpeg::{CaptureTime, JpegPayloader};
use streamsocket_subscribe::counters::Counters;
use streamsocket_subscribe::keys::KeyRing;
use streamsocket_subscribe::latency::TargetLatency;
use streamsocket_subscribe::outlet::{
    CompleteFrame, EncodedSound, FrameId, Growth, Outlet, PacketSamples,
};
use streamsocket_subscribe::plan::Plan;
use streamsocket_subscribe::subscription::Subscription;
use streamsocket_wire::jpeg::{Parameters, Sampling};
use streamsocket_wire::jpeg_scan::Scanned;
use streamsocket_wire::ntp::NtpTime;
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};

/// Coded bytes of the frame.
const LEN: usize = 100_000;

/// What comes out of a frame: bytes from this offset on; of the complete one, the file.
struct Handed(Sender<(FrameId, usize, Vec<u8>)>);

impl Outlet for Handed {
    fn frame(&mut self, frame: CompleteFrame<'_>) {
        let _ = self.0.send((frame.id, 0, frame.file().to_vec()));
    }

    fn growth(&mut self, growth: Growth<'_>) {
        let _ = self.0.send((growth.id, growth.offset, growth.bytes.to_vec()));
    }

    fn samples(&mut self, samples: PacketSamples<'_>) {
        unreachable!("samples of a session without sound: {samples:?}");
    }

    fn encoded(&mut self, sound: EncodedSound<'_>) {
        unreachable!("sound of a session without sound: {sound:?}");
    }

    fn hole(&mut self, _: usize, _: Monotonic) {
        unreachable!("a hole in no sound");
    }
}

/// The packets of a frame whose coded data never looks like a marker.
fn packets() -> Vec<Vec<u8>> {
    let data: Vec<u8> = (0..=250).cycle().take(LEN).collect();
    let (sampling, tables) = (Sampling::S422, [[5; 64], [9; 64]]);
    let picture = Parameters { width: 640, height: 480, sampling, restart_interval: 0, tables };
    let frame = Scanned { picture, ended: true, data: 0..LEN };
    let stamp = CaptureTime { time: RtpTime(1), ntp: NtpTime(1) };
    let mut packets = FramePackets::default();
    let mut payloader = JpegPayloader::new(Ssrc(1), Sequence(0), 1400, None);
    payloader.packetize(&frame, stamp, &mut packets).unwrap();
    let all = packets.range(0..packets.len());
    all.map(|packet| [packet.header, &data[packet.payload.clone()]].concat()).collect()
}

#[test]
fn half_a_frame_is_handed_on_before_the_other_half_is_there() {
    let any = || UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (rtp, rtcp) = (any(), any());
    let mut plan = Plan::at(rtp, None);
    plan.audio = None;
    let video = plan.video.as_mut().unwrap();
    (video.rtp, video.rtcp, video.repair) = (rtp, rtcp, None);
    let (sender, handed) = channel();
    let (counters, latency) = (Arc::new(Counters::default()), TargetLatency::Fixed(500));
    let (outlet, keys) = (Box::new(Handed(sender)), KeyRing::default());
    let opened = Subscription::open(&plan, None, latency, outlet, counters, keys);
    let (mut subscription, stop) = opened.unwrap();
    let thread = std::thread::spawn(move || subscription.run());

    let (socket, packets) = (UdpSocket::bind("127.0.0.1:0").unwrap(), packets());
    let send = |packets: &[Vec<u8>]| {
        packets.iter().for_each(|packet| assert!(socket.send_to(packet, rtp).is_ok()));
    };
    let next = || handed.recv_timeout(Duration::from_secs(5)).unwrap();
    let (first, second) = packets.split_at(packets.len() / 2);
    send(first);
    let (mut file, mut id) = (Vec::new(), None);
    // How many parts it comes in is the kernel's business; what is too small for one waits.
    while file.len() < LEN / 2 - 12_000 {
        let (of, offset, bytes) = next();
        assert_eq!((offset, *id.get_or_insert(of)), (file.len(), of));
        file.extend(bytes);
    }
    send(second);
    let whole = loop {
        let (of, offset, bytes) = next();
        assert_eq!(id, Some(of));
        if bytes.len() > LEN {
            break bytes;
        }
        assert_eq!(offset, file.len());
        file.extend(bytes);
    };
    stop.stop();
    thread.join().unwrap().unwrap();
    assert!(whole.starts_with(&file), "{} of {} bytes", file.len(), whole.len());
}
