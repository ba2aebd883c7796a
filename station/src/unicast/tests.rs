use super::*;
use std::net::UdpSocket;

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
