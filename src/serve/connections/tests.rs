use super::*;
use std::net::TcpListener;

/// A connection's near end; the far end is gone, which nobody reads.
fn stream(listener: &TcpListener) -> TcpStream {
    TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    listener.accept().unwrap().0
}

fn from(host: u16) -> SocketAddr {
    format!("[::ffff:192.0.2.{}]:{}", host % 250, 1000 + host).parse().unwrap()
}

#[test]
fn one_address_does_not_take_all_places_and_whoever_is_refused_takes_few() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut connections = Connections::default();
    let mut admit = |peer, served: bool| {
        let now = Monotonic(1);
        connections.admit(stream(&listener), peer, |_| served, |_| true, now)
    };
    let refused = (0..20).filter_map(|host| admit(from(host), false));
    assert_eq!(refused.count(), REFUSED_MAX);
    let own = (0..200).filter_map(|_| admit(from(100), true));
    assert_eq!(own.count(), OF_ADDRESS_MAX);
    assert!(admit(from(101), true).is_some());
}

#[test]
fn whoever_is_vouched_for_is_judged_by_where_he_is() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut connections = Connections::default();
    let near = |peer: IpAddr| peer.is_loopback();
    let connection = "127.0.0.1:4711".parse().unwrap();
    let now = Monotonic(1);
    let place = connections.admit(stream(&listener), connection, near, |_| true, now).unwrap();
    assert!(connections.get(place).is_some_and(|it| it.served && !it.private));
    let local = "[::ffff:192.0.2.1]:8322".parse().unwrap();
    let vouch = Vouch { connection, peer: from(9), local };
    let other = Vouch { connection: "127.0.0.1:4712".parse().unwrap(), ..vouch };
    assert!(!connections.vouch(&other, near) && connections.vouch(&vouch, near));
    let open = connections.get(place).unwrap();
    assert!(!open.served && open.private);
    assert_eq!(open.peer, "192.0.2.9:1009".parse().unwrap());
    assert_eq!(open.local, "192.0.2.1:8322".parse().unwrap());
    assert!(!connections.vouch(&vouch, near), "once");
}

#[test]
fn connections_are_taken_so_many_in_a_while() {
    let mut connections = Connections::default();
    let taken = (0..100).filter(|_| connections.may_admit(Monotonic(5))).count();
    assert_eq!(taken, ADMISSIONS as usize);
    let again = connections.admits_again();
    assert_eq!(again, Monotonic(5) + WHILE);
    assert!(connections.may_admit(again));
}
