use super::*;
use std::net::UdpSocket;

const OPENING: SinkOptions<'static> =
    SinkOptions { interface: None, ttl: 1, fec: true, quiet: true };

/// A receiver on this machine, and the endpoint to reach it at.
fn receiver() -> (UdpSocket, Endpoint) {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_nonblocking(true).unwrap();
    let rtp = socket.local_addr().unwrap();
    (socket, Endpoint { rtp, rtcp: rtp, fec: rtp })
}

fn sink(to: Endpoint) -> Sink {
    Sink::udp(to, OPENING).unwrap()
}

fn send(sinks: &mut Sinks, byte: u8) {
    for sink in sinks.iter_mut() {
        sink.send(&mut std::iter::once(Datagram { header: &[byte], payload: &[] }));
    }
}

/// What has arrived, a byte a packet.
fn heard(socket: &UdpSocket) -> Vec<u8> {
    let mut byte = [0];
    std::iter::from_fn(|| socket.recv(&mut byte).ok().map(|_| byte[0])).collect()
}

#[test]
fn a_sink_takes_what_is_sent_while_it_is_attached() {
    let ((one, to_one), (other, to_other)) = (receiver(), receiver());
    let mut sinks = Sinks::default();
    let first = sinks.attach(sink(to_one)).unwrap();
    send(&mut sinks, 1);
    let second = sinks.attach(sink(to_other)).unwrap();
    send(&mut sinks, 2);
    let detached = sinks.detach(first).unwrap();
    assert_eq!(detached.sent().packets, 2);
    send(&mut sinks, 3);
    assert_eq!((heard(&one), heard(&other)), (vec![1, 2], vec![2, 3]));
    assert_eq!(sinks.iter().map(Sink::destination).collect::<Vec<_>>(), [to_other.rtp]);
    assert!(sinks.detach(second).is_some());
    assert_eq!(sinks.iter().count(), 0);
}

#[test]
fn a_token_names_no_sink_that_came_later() {
    let (_socket, to) = receiver();
    let mut sinks = Sinks::default();
    let old = sinks.attach(sink(to)).unwrap();
    assert!(sinks.detach(old).is_some());
    let new = sinks.attach(sink(to)).unwrap();
    assert_ne!(old, new);
    assert!(sinks.detach(old).is_none());
    assert_eq!(sinks.iter().count(), 1);
    assert!(sinks.detach(new).is_some());
}

#[test]
fn there_are_only_so_many() {
    let (_socket, to) = receiver();
    let mut sinks = Sinks::default();
    let tokens: Vec<_> = (0..SINKS_MAX).map(|_| sinks.attach(sink(to)).unwrap()).collect();
    let error = sinks.attach(sink(to)).unwrap_err().to_string();
    assert!(error.contains("64 places already"), "{error}");
    assert!(sinks.detach(tokens[7]).is_some());
    assert!(sinks.attach(sink(to)).is_ok());
}

#[test]
fn a_socket_that_cannot_be_opened_anew_keeps_no_other_where_it_is() {
    let media = UdpSocket::bind("[::1]:0").unwrap();
    let (_repair, Endpoint { fec, .. }) = receiver();
    let rtp = media.local_addr().unwrap();
    let mut sink = sink(Endpoint { rtp, rtcp: rtp, fec });
    let datagram = || std::iter::once(Datagram { header: &[1], payload: &[] });
    sink.send(&mut datagram());
    // Repair packets go by IPv4, of which the interface has no address any more.
    let interface = Interface { address: None, ..Interface::named("lo").unwrap() };
    assert!(sink.reopen(&interface, 1).is_err());
    sink.send(&mut datagram());
    let from = || media.recv_from(&mut [0]).unwrap().1;
    assert_ne!(from(), from());
}
