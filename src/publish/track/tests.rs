use super::*;
use crate::publish::sink::{SinkOptions, Sinks};
use crate::settings::Endpoint;
use std::net::UdpSocket;
use streamsocket_media::{Bytes, Unit};
use streamsocket_net::BATCH_MAX;
use streamsocket_srtp::master_key::{MASTER_LEN, MasterKey};
use streamsocket_srtp::open::PacketOpener;
use streamsocket_srtp::suite::Suite;
use streamsocket_stream::send::pacer::Pace;
use streamsocket_wire::jpeg_scan::scan;
use streamsocket_wire::rtp::{self, RtpTime, Sequence};
use streamsocket_wire::sdp::Medium;
use turbojpeg::{Compressor, Image, PixelFormat, Subsamp};

const AT: Monotonic = Monotonic(5_000_000_000);

/// A receiver of media packets on this machine, and a sink that goes there.
fn receiver() -> (UdpSocket, Sink) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let rtp = socket.local_addr().unwrap();
    let elsewhere = "127.0.0.1:9".parse().unwrap();
    let to = Endpoint { rtp, rtcp: elsewhere, fec: elsewhere };
    let opening = SinkOptions { interface: None, ttl: 1, fec: false, quiet: true };
    (socket, Sink::udp(to, opening).unwrap())
}

fn heard(socket: &UdpSocket) -> Vec<Vec<u8>> {
    let mut packet = [0; 2048];
    std::iter::from_fn(|| socket.recv(&mut packet).ok().map(|len| packet[..len].to_vec())).collect()
}

fn opened(ssrc: u32, tier: Option<&str>, sinks: Sinks) -> OpenedTrack {
    let sending = Sending {
        packet_size: 1400,
        pace: Pace::Off,
        ntp64_id: Some(1),
        av_offset: 0,
        bitrate: None,
    };
    let ssrc = Ssrc(ssrc);
    OpenedTrack {
        id: TrackId { medium: Medium::Video, index: 0, tier: tier.map(Into::into) },
        beginning: Beginning { ssrc, sequence: Sequence(7), time: RtpTime(ssrc.0), sealed: None },
        sending: Outgoing::Pictures { sending, interval: 33_333_333 },
        transport: Transport::new(ssrc, 1_000_000, sinks),
        fec: None,
        protection: None,
    }
}

/// A track of mono sound at 8000 Hz, 40 sample frames a packet.
fn sound(sinks: Sinks, fec: Option<(Share, Encoder)>) -> Track {
    let sending = SoundSending {
        format: AudioFormat { rate: 8_000, channels: 1 },
        form: Form::new(false, 1),
        packet_size: 1400,
    };
    let medium = Medium::Audio;
    let opened = opened(1, None, sinks);
    let sending = Outgoing::Sound(sending);
    let id = TrackId { medium, ..opened.id.clone() };
    OpenedTrack { id, sending, fec, ..opened }.begin(None, AT)
}

/// A picture of some packets.
fn picture(capture: Monotonic) -> ReadyPicture {
    let (width, height) = (320, 240);
    let pixels: Vec<u8> =
        (0..width * height * 3).map(|at| u8::try_from(at * at % 251).unwrap()).collect();
    let image =
        Image { pixels: &pixels[..], width, pitch: width * 3, height, format: PixelFormat::RGB };
    let mut compressor = Compressor::new().unwrap();
    compressor.set_subsamp(Subsamp::Sub2x1).unwrap();
    let jpeg = compressor.compress_to_vec(image).unwrap();
    let scanned = scan(&jpeg).unwrap();
    ReadyPicture { unit: Unit::jpeg(Bytes::from(jpeg), capture), scanned }
}

#[test]
fn sinks_get_the_same_packets_as_long_as_they_are_attached() {
    let ((one, first), (other, second)) = (receiver(), receiver());
    let mut sinks = Sinks::default();
    let token = sinks.attach(first).unwrap();
    let mut track = opened(1, None, sinks).begin(None, AT);
    track.transport_mut().attach(second).unwrap();
    let wall = WallClock::new(AT, 0);
    track.send_picture(picture(AT), AT, &wall).unwrap();
    let packets = heard(&one);
    assert!(packets.len() > 3 && packets == heard(&other));
    assert!(track.transport_mut().detach(token).is_some());
    let later = Monotonic(AT.0 + 40_000_000);
    track.send_picture(picture(later), later, &wall).unwrap();
    assert_eq!((heard(&one).len(), heard(&other).len()), (0, packets.len()));
    assert_eq!(track.counts().packets, 2 * packets.len() as u64);
}

#[test]
fn a_picture_has_one_capture_time_on_all_tracks() {
    let wall = WallClock::new(AT, 1_700_000_000_000_000_000);
    let capture = Monotonic(AT.0 - 20_000_000);
    let times: Vec<_> = [(1, None), (2, Some("low"))]
        .map(|(ssrc, tier)| {
            let (socket, sink) = receiver();
            let mut sinks = Sinks::default();
            sinks.attach(sink).unwrap();
            let mut track = opened(ssrc, tier, sinks).begin(None, AT);
            track.send_picture(picture(capture), AT, &wall).unwrap();
            let packets = heard(&socket);
            let packet = rtp::Packet::parse(&packets[0]).unwrap();
            let time = packet.header().time.0.wrapping_sub(ssrc);
            (time, packet.extension().and_then(|extension| extension.ntp64(1)))
        })
        .into();
    assert!(times[0].1.is_some());
    assert_eq!(times[0], times[1]);
}

#[test]
fn a_track_goes_on_if_its_place_and_source_do() {
    let sinks = |sink| {
        let mut sinks = Sinks::default();
        sinks.attach(sink).unwrap();
        sinks
    };
    let ((_one, first), (_other, second)) = (receiver(), receiver());
    let there = first.destination();
    let again = |ssrc, tier| {
        let to = Endpoint { rtp: there, rtcp: there, fec: there };
        let opening = SinkOptions { interface: None, ttl: 1, fec: false, quiet: true };
        opened(ssrc, tier, sinks(Sink::udp(to, opening).unwrap()))
    };
    let track = opened(1, None, sinks(first)).begin(None, AT);
    assert!(again(1, None).continues(&track));
    assert!(!again(2, None).continues(&track));
    assert!(!again(1, Some("low")).continues(&track));
    assert!(!opened(1, None, sinks(second)).continues(&track));
}

#[test]
fn the_packets_of_a_chunk_of_sound_leave_in_order_and_their_repair_packets_behind_them() {
    let media = UdpSocket::bind("127.0.0.1:0").unwrap();
    media.set_nonblocking(true).unwrap();
    let to = media.local_addr().unwrap();
    let mut sinks = Sinks::default();
    let opening = SinkOptions { interface: None, ttl: 1, fec: true, quiet: true };
    // Both to one socket, which so tells their order.
    let to = Endpoint { rtp: to, rtcp: "127.0.0.1:9".parse().unwrap(), fec: to };
    sinks.attach(Sink::udp(to, opening).unwrap()).unwrap();
    let encoder = Encoder::new(Ssrc(9), Sequence(0), Ssrc(1));
    let mut track = sound(sinks, Some(("20".parse().unwrap(), encoder)));
    let wall = WallClock::new(AT, 0);
    let samples = vec![1; 40 * 16];
    track.send_samples(Chunk { samples: &samples, capture: AT }, AT, &wall);
    let heard: Vec<_> = heard(&media)
        .iter()
        .map(|bytes| rtp::Packet::parse(bytes).unwrap().header())
        .map(|header| (header.ssrc.0, header.sequence.0))
        .collect();
    let media = (7..23).map(|sequence| (1, sequence));
    // Two blocks of 8, 6 repair packets for each, of which the last has sent its first two.
    let repairs = (0..8).map(|sequence| (9, sequence));
    assert_eq!(heard, media.chain(repairs).collect::<Vec<_>>());
    assert_eq!((track.counts().packets, track.transport().fec_packets()), (16, 8));
}

#[test]
fn packets_of_sound_wait_for_the_end_of_their_chunk_or_a_system_call_s_worth() {
    let (socket, sink) = receiver();
    let mut sinks = Sinks::default();
    sinks.attach(sink).unwrap();
    let mut transport = Transport::new(Ssrc(1), 1_000_000, sinks);
    let mut packets = SoundPackets::new(None, None);
    let packet = |byte| AudioPacket {
        header: &[0; 12],
        payload: byte,
        sequence: Sequence(0),
        time: RtpTime(0),
    };
    packets.push(packet(&[1]), AT, &mut transport);
    packets.push(packet(&[2, 2]), AT, &mut transport);
    assert_eq!(heard(&socket).len(), 0);
    packets.send(&mut transport);
    let lengths = |packets: Vec<Vec<u8>>| packets.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(heard(&socket)), [13, 14]);
    packets.send(&mut transport);
    assert_eq!(heard(&socket).len(), 0, "they were sent twice");
    let taken = (1..=2 * BATCH_MAX).find(|_| {
        packets.push(packet(&[3]), AT, &mut transport);
        !heard(&socket).is_empty()
    });
    assert_eq!(taken, Some(BATCH_MAX));
}

fn protection(key: u8) -> Protection {
    let keys = vec![MasterKey::new(&[key; MASTER_LEN])];
    Protection { keys, suite: Suite::AesCm128HmacSha1_80 }
}

/// What these packets are before they are sealed, as who has that key opens them; each is another one.
fn unsealed(opener: &mut PacketOpener, packets: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let open = |packet: &Vec<u8>| {
        let mut out = Vec::new();
        opener.open(packet, &mut out).map(|()| out)
    };
    packets.iter().map(open).collect::<Result<_, _>>().unwrap()
}

#[test]
fn a_protected_track_sends_the_same_packets_sealed() {
    let ((one, plain), (other, sealed)) = (receiver(), receiver());
    let [plain, sealed] = [plain, sealed].map(|sink| {
        let mut sinks = Sinks::default();
        sinks.attach(sink).unwrap();
        sinks
    });
    let mut plain = opened(1, None, plain).begin(None, AT);
    let protection = protection(7);
    let sealed = OpenedTrack { protection: Some(protection.clone()), ..opened(1, None, sealed) };
    let (mut sealed, wall) = (sealed.begin(None, AT), WallClock::new(AT, 0));
    for track in [&mut plain, &mut sealed] {
        track.send_picture(picture(AT), AT, &wall).unwrap();
    }
    let Protection { keys, suite } = protection;
    let (expected, packets) = (heard(&one), heard(&other));
    assert!(packets.iter().zip(&expected).all(|(it, plain)| it.len() == plain.len() + 10));
    assert_eq!(unsealed(&mut PacketOpener::new(&keys[0], suite), &packets), expected);
}

#[test]
fn no_index_is_used_twice_when_a_key_or_a_track_is_exchanged() {
    let (socket, sink) = receiver();
    let there = sink.destination();
    let wall = WallClock::new(AT, 0);
    let begin = |sink, kept: Option<Beginning>| {
        let mut sinks = Sinks::default();
        sinks.attach(sink).unwrap();
        let opened = OpenedTrack { protection: Some(protection(7)), ..opened(1, None, sinks) };
        let beginning = Beginning { sequence: Sequence(65_530), ..opened.beginning };
        OpenedTrack { beginning, ..opened }.begin(kept, AT)
    };
    let mut track = begin(sink, None);
    let suite = protection(7).suite;
    let mut opener = PacketOpener::new(&protection(7).keys[0], suite);
    track.send_picture(picture(AT), AT, &wall).unwrap();
    unsealed(&mut opener, &heard(&socket));
    assert_eq!(track.rollovers(), Some(1));
    // Another track takes its place and goes on, with the same key.
    let to = Endpoint { rtp: there, rtcp: there, fec: there };
    let opening = SinkOptions { interface: None, ttl: 1, fec: false, quiet: true };
    let kept = track.kept(AT);
    assert_eq!(kept.sealed, Some(Sealed { rollovers: 1, reports: 0 }));
    let mut track = begin(Sink::udp(to, opening).unwrap(), Some(kept));
    let later = Monotonic(AT.0 + 40_000_000);
    track.send_picture(picture(later), later, &wall).unwrap();
    unsealed(&mut opener, &heard(&socket));
    // And so it does with another key.
    track.protect(&protection(8), later);
    let mut next = PacketOpener::new(&protection(8).keys[0], suite);
    next.follow(1, opener.newest(1).unwrap());
    let last = Monotonic(later.0 + 40_000_000);
    track.send_picture(picture(last), last, &wall).unwrap();
    unsealed(&mut next, &heard(&socket));
    assert_eq!(next.newest(1).map(|index| index >> 16), Some(1));
}
