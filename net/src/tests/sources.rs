//! Whose packets are heard.

use super::*;

#[test]
fn source_specific_join_hears_its_source_only() {
    let lo = loopback();
    let wanted = IpAddr::from([127, 0, 0, 1]);
    let elsewhere = IpAddr::from([127, 0, 0, 99]);
    let mut hears = ReceiveSocket::open(group(15), Some(&lo), Some(wanted)).unwrap();
    let to = hears.local_addr().unwrap();
    let deaf = ReceiveSocket::open(to, Some(&lo), Some(elsewhere)).unwrap();
    let mut sender = SendSocket::open(to, Some(&lo), TTL).unwrap();
    let packets = packets(&[10]);
    sender.send(&mut gathered(&packets)).unwrap();
    assert_eq!(collect(&mut hears, 1), packets);
    assert!(!is_readable(&deaf, 0));
}

#[test]
fn all_of_several_sources_are_heard() {
    let lo = loopback();
    let sources = [1, 99].map(|last| IpAddr::from([127, 0, 0, last]));
    let group = SocketAddr::from((Ipv4Addr::new(232, 1, 1, 1), 0));
    let mut hears = ReceiveSocket::open(group, Some(&lo), sources).unwrap();
    let to = hears.local_addr().unwrap();
    for last in [98, 99, 1] {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 0, 0, last), 0)).unwrap();
        socket2::SockRef::from(&socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        socket.send_to(&[last], to).unwrap();
    }
    assert_eq!(collect(&mut hears, 2), [[99], [1]]);
    hears.leave();
    hears.rejoin().unwrap();
}

#[test]
fn source_of_a_unicast_stream_is_sorted_out() {
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let elsewhere = IpAddr::from([127, 0, 0, 99]);
    let mut receiver = ReceiveSocket::open(local, None, Some(elsewhere)).unwrap();
    let to = receiver.local_addr().unwrap();
    let mut sender = SendSocket::open(to, None, TTL).unwrap();
    sender.send(&mut gathered(&packets(&[10]))).unwrap();
    await_some(&receiver);
    let taken = receiver.receive(&mut |received| panic!("from {}", received.from)).unwrap();
    let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert_eq!((taken, receiver.strangers()), (1, Some((from, 1))));
}

#[test]
fn what_one_call_took_is_sent_on_as_it_is_but_for_that_of_others() {
    let lo = loopback();
    let local = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let wanted = IpAddr::from([127, 0, 0, 1]);
    let mut between = ReceiveSocket::open(local, None, Some(wanted)).unwrap();
    let to = between.local_addr().unwrap();
    let (mut hears, mut on) = pair(17);
    let packets = packets(&[1200, 1200, 1200, 700, 30, 30, 1400]);
    UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 99), 0)).unwrap().send_to(b"x", to).unwrap();
    SendSocket::open(to, Some(&lo), TTL).unwrap().send(&mut gathered(&packets)).unwrap();
    await_some(&between);
    let (mut sent, mut batches) = (0, 0);
    while let Some(taken) = between.take().unwrap() {
        let datagrams = taken.datagrams().map(|it| Datagram { header: it.data, payload: &[] });
        sent += on.send(&mut { datagrams }).unwrap().packets;
        batches += 1;
    }
    assert_eq!((sent, batches), (packets.len(), 1));
    assert_eq!(collect(&mut hears, packets.len()), packets);
    assert_eq!(between.strangers(), Some((IpAddr::from([127, 0, 0, 99]), 1)));
}
