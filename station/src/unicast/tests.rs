use super::*;
use std::net::{TcpListener, TcpStream, UdpSocket};

#[test]
fn what_is_left_of_a_flood_is_said_and_read_in_the_next_turns() {
    let flooding = UdpSocket::bind("127.0.0.1:0").unwrap();
    let to = flooding.local_addr().unwrap();
    let pair = UnicastSocket::pair("127.0.0.1:0".parse().unwrap(), [to, to]).unwrap();
    let at = pair[1].local_addr().unwrap();
    let mut unicast = Unicast::default();
    unicast.add(UnicastSink::new(UnicastId(1), UnicastWay::Udp(Box::new(pair)), Form::Media));
    for _ in 0..40 {
        flooding.send_to(b"report", at).unwrap();
    }
    let mut read = 0;
    let heard: Vec<_> = (0..4)
        .map(|_| {
            unicast.receive(UnicastId(1), &mut |_, _, _| {
                read += 1;
                None
            })
        })
        .collect();
    assert_eq!(heard.iter().map(|it| it.left).collect::<Vec<_>>(), [true, true, false, false]);
    assert_eq!(heard.iter().map(|it| it.viewer).collect::<Vec<_>>(), [true, true, true, false]);
    assert_eq!(read, 40);
}

#[test]
fn who_begins_to_watch_gets_the_picture_that_is_being_sent_whole() {
    let viewer = UdpSocket::bind("127.0.0.1:0").unwrap();
    viewer.set_nonblocking(true).unwrap();
    let to = viewer.local_addr().unwrap();
    let pair = UnicastSocket::pair("127.0.0.1:0".parse().unwrap(), [to, to]).unwrap();
    let mut unicast = Unicast::default();
    unicast.add(UnicastSink::new(UnicastId(1), UnicastWay::Udp(Box::new(pair)), Form::Media));
    let packets = |of: &'static [u8]| of.chunks(1).map(|header| Datagram { header, payload: &[] });
    let came = || {
        let mut came = [0; 16];
        let each = std::iter::from_fn(|| viewer.recv(&mut came).ok().map(|_| came[0]));
        String::from_utf8(each.collect()).unwrap()
    };
    unicast.begin(Medium::Video);
    unicast.send(&packets(b"ab"), Form::Media);
    assert!(!unicast.has_new() && came().is_empty());
    unicast.play(UnicastId(1), true);
    assert!(unicast.has_new());
    unicast.send_first(&packets(b"abcd"), Form::Media);
    unicast.send(&packets(b"cd"), Form::Media);
    assert_eq!((came().as_str(), unicast.has_new()), ("abcd", false));
    // The next one comes as to everybody.
    unicast.begin(Medium::Video);
    unicast.send(&packets(b"ef"), Form::Media);
    assert_eq!(came(), "ef");
}

#[test]
fn a_picture_without_an_end_fills_no_connection_and_a_large_one_goes_whole() {
    const PICTURE: usize = 8 << 20;
    let payload = [7; 1400];
    let packets = || std::iter::repeat_n(Datagram { header: &[0; 12], payload: &payload }, 64);
    for (mut unicast, len, left_out) in
        [(Unicast::holding(1 << 20), 4 << 20, 1), (Unicast::default(), PICTURE, 0)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // It reads nothing.
        let _far = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let near = listener.accept().unwrap().0;
        near.set_nonblocking(true).unwrap();
        streamsocket_net::tcp::prepare(&near).unwrap();
        let connection = Connection::new(near);
        let way = UnicastWay::Interleaved { connection: connection.clone(), channels: [0, 1] };
        unicast.add(UnicastSink::new(UnicastId(1), way, Form::Media));
        unicast.play(UnicastId(1), true);
        unicast.begin(Medium::Video);
        let batches = len / (64 * 1412);
        (0..batches).for_each(|_| unicast.send(&packets(), Form::Media));
        let sink = unicast.get(UnicastId(1)).unwrap();
        assert_eq!(sink.left_out(), left_out);
        assert!(connection.outbox().waiting() <= if left_out == 0 { PICTURE * 2 } else { 1 << 20 });
        assert_eq!(sink.sent().packets == batches as u64 * 64, left_out == 0);
    }
}

#[test]
fn who_sends_from_another_port_is_sent_to_there_unless_the_ports_are_fixed() {
    for fixed in [false, true] {
        let [agreed, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let to = agreed.local_addr().unwrap();
        let pair = UnicastSocket::pair("127.0.0.1:0".parse().unwrap(), [to, to]).unwrap();
        let at = pair[0].local_addr().unwrap();
        let (id, way) = (UnicastId(1), UnicastWay::Udp(Box::new(pair)));
        let new = if fixed { UnicastSink::fixed } else { UnicastSink::new };
        let mut unicast = Unicast::default();
        unicast.add(new(id, way, Form::Media));
        unicast.play(id, true);
        other.send_to(b"x", at).unwrap();
        unicast.receive(id, &mut |_, _, _| None);
        unicast.begin(Medium::Audio);
        unicast.send(&std::iter::once(Datagram { header: b"sound", payload: &[] }), Form::Media);
        let gets = if fixed { agreed } else { other };
        gets.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
        assert_eq!(gets.recv(&mut [0; 16]).unwrap(), 5, "fixed: {fixed}");
    }
}
