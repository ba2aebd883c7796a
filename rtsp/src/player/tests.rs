use super::*;
use crate::answer::{Begins, Lease};
use crate::conversation::{Conversation, Gate, Request, Turn, Wanted};
use crate::users::User;
use streamsocket_wire::rtp::{RtpTime, Sequence};

const NOW: Monotonic = Monotonic(1_000_000_000);

/// A server of two tracks, of which one has repair packets, as far as a conversation goes.
struct Server {
    conversation: Conversation,
    gate: Gate,
    asked: Vec<String>,
}

impl Server {
    fn new(users: &[(&str, &str)]) -> Self {
        let local = "192.0.2.1:8554".parse().unwrap();
        let peer = "192.0.2.9".parse().unwrap();
        let mut gate = Gate::default();
        users.iter().for_each(|(name, password)| {
            gate.users.set(User::new(name, password).unwrap());
        });
        let conversation = Conversation::new(local, peer, [5; 16], NOW);
        Self { conversation, gate, asked: Vec::new() }
    }

    fn answer(&mut self, request: &Request) -> Vec<u8> {
        self.asked.push(format!("{:?} {:?}", request.wanted, request.session));
        let lease = Lease { session: "abc", timeout: Duration::from_secs(30) };
        match &request.wanted {
            Wanted::Describe(_) => request.described("rtsp://pi/Door", "v=0\r\n"),
            Wanted::Setup(target, _) if target.repair => {
                request.refused(crate::answer::Refusal::NotFound)
            }
            Wanted::Setup(_, offers) => request.set_up(lease, &grant(&offers[0])),
            Wanted::Play(_) => {
                let (url, sequence, time) = ("rtsp://pi/x".into(), Sequence(1), RtpTime(2));
                request.played(lease, &[Begins { url, sequence, time }])
            }
            Wanted::Contribute(_, offers) => request.contributes(lease, &grant(&offers[0])),
            _ => request.done(Some(lease)),
        }
    }

    /// Takes all that the player sends, and answers.
    fn exchange(&mut self, player: &mut Player) {
        let sent = std::mem::take(player.out());
        for piece in sent.chunks(1000) {
            self.conversation.room()[..piece.len()].copy_from_slice(piece);
            self.conversation.filled(piece.len());
        }
        loop {
            let answer = match self.conversation.take(&mut self.gate, NOW) {
                Turn::Asked(request) => self.answer(&request),
                Turn::Answered(bytes, _) => bytes,
                Turn::Nothing => break,
                other => panic!("{other:?}"),
            };
            feed(player, &answer);
        }
    }
}

fn grant(offer: &Transport<Offer>) -> Transport<Granted> {
    let way = match offer.way {
        Offer::Udp { client } => Granted::Udp { client, server: [7000, 7001], source: None },
        Offer::Tcp { channels } => Granted::Tcp { channels: channels.unwrap() },
        Offer::Multicast | Offer::Other => panic!("{offer:?}"),
    };
    Transport { profile: offer.profile, way }
}

fn feed(player: &mut Player, bytes: &[u8]) {
    for piece in bytes.chunks(1000) {
        player.room()[..piece.len()].copy_from_slice(piece);
        player.filled(piece.len());
    }
}

fn player(address: &str) -> Player {
    let address = Address::parse(address, "rtsp", DEFAULT_PORT).unwrap();
    Player::new(&address, "test", NOW)
}

fn wishes(offer: impl Fn(u8) -> Offer) -> Vec<Wish> {
    let wish = |nth, control: &str, dispensable| Wish {
        control: control.into(),
        profile: Profile::Avp,
        offer: offer(nth),
        dispensable,
    };
    vec![
        wish(0, "rtsp://pi/Door/trackID=v", false),
        wish(1, "rtsp://pi/Door/trackID=v/repair", true),
        wish(2, "trackID=a", false),
    ]
}

/// What comes until it plays.
fn play(server: &mut Server, player: &mut Player, offer: impl Fn(u8) -> Offer) -> Vec<String> {
    let mut news = Vec::new();
    loop {
        match player.take(NOW).unwrap() {
            News::Nothing if !player.out().is_empty() => server.exchange(player),
            News::Nothing => panic!("{news:?}"),
            News::Described(text) => {
                news.push(text);
                player.want(wishes(&offer), NOW);
            }
            News::Playing => return news,
            other => news.push(format!("{other:?}")),
        }
    }
}

#[test]
fn a_session_is_described_set_up_and_played_with_and_without_a_password() {
    for (address, users) in [
        ("rtsp://pi:8554/Door", &[][..]),
        ("rtsp://anna:correct%20horse@pi:8554/Door", &[("anna", "correct horse")]),
    ] {
        let (mut server, mut player) = (Server::new(users), player(address));
        let udp =
            |nth| Offer::Udp { client: [5000 + 2 * u16::from(nth), 5001 + 2 * u16::from(nth)] };
        let news = play(&mut server, &mut player, udp);
        assert_eq!(news[0], "v=0\r\n");
        assert!(
            news[1].contains("Granted(0, Some(Udp { client: [5000, 5001], server: [7000, 7001]")
        );
        assert_eq!(news[2], "Granted(1, None)", "repair packets are dispensable");
        assert!(news[3].contains("Granted(2, Some(Udp { client: [5004, 5005]"), "{news:?}");
        let asked = server.asked.join("\n");
        assert!(
            asked.contains("track: Some(\"a\")") && asked.ends_with("Some(\"abc\")"),
            "{asked}"
        );
        // Half of the timeout later it is alive, by the method that the server has named.
        let due = player.deadline();
        assert_eq!(due, NOW + Duration::from_secs(15));
        player.look(Monotonic(due.0 - 1)).unwrap();
        assert!(player.out().is_empty());
        player.look(due).unwrap();
        assert!(player.out().starts_with(b"GET_PARAMETER rtsp://pi/Door/ RTSP/1.0\r\n"));
        server.exchange(&mut player);
        assert!(matches!(player.take(NOW), Ok(News::Nothing)));
        player.leave(NOW);
        server.exchange(&mut player);
        assert!(server.asked.last().unwrap().starts_with("Teardown"));
    }
}

#[test]
fn packets_come_between_answers() {
    let (mut server, mut player) = (Server::new(&[]), player("rtsp://pi/"));
    play(&mut server, &mut player, |nth| Offer::Tcp { channels: Some([2 * nth, 2 * nth + 1]) });
    feed(&mut player, b"$\x04\x00\x03abcOPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n$\x05\x00\x01x");
    let Ok(News::Packet { channel: 4, at }) = player.take(NOW) else { panic!() };
    assert_eq!(player.packet(at), b"abc");
    let Ok(News::Packet { channel: 5, .. }) = player.take(NOW) else { panic!() };
    assert!(player.out().starts_with(b"RTSP/1.0 200 OK\r\nCSeq: 9\r\n"), "{:?}", player.out());
}

#[test]
fn what_goes_wrong_is_said() {
    let fail = |mut player: Player, mut server: Server| loop {
        match player.take(NOW) {
            Ok(News::Nothing) => server.exchange(&mut player),
            Ok(other) => panic!("{other:?}"),
            Err(failure) => return failure.to_string(),
        }
    };
    let users = [("anna", "correct horse")];
    let without = fail(player("rtsp://pi/"), Server::new(&users));
    assert!(without.contains("rtsp://NAME:PASSWORD@HOST/"), "{without}");
    let wrong = fail(player("rtsp://anna:wrong@pi/"), Server::new(&users));
    assert_eq!(wrong, "does not take this name and password");
    for (answer, why) in [
        ("RTSP/1.0 404 Not Found\r\nCSeq: 2\r\n\r\n", "has nothing at this address (404)"),
        ("RTSP/1.0 500 Oh\tno\r\nCSeq: 2\r\n\r\n", "answers 500 Oh no"),
        ("RTSP/1.0 401 x\r\nCSeq: 2\r\nWWW-Authenticate: Odd x\r\n\r\n", "in a way that is not"),
        ("HTTP/1.1 200 OK\r\n\r\n", "does not speak RTSP"),
        ("RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 99999\r\n\r\n", "a body that is too long"),
    ] {
        let mut player = player("rtsp://a:b@pi/");
        feed(&mut player, b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n");
        feed(&mut player, answer.as_bytes());
        let failure = player.take(NOW).unwrap_err().to_string();
        assert!(failure.contains(why), "{failure}");
    }
    let mut player = player("rtsp://pi/");
    assert_eq!(player.look(NOW + PATIENCE), Err(Failure::Silent));
}

#[test]
fn controls_are_absolute_or_behind_the_session() {
    for (base, control, url) in [
        ("rtsp://pi/a/", "trackID=1", "rtsp://pi/a/trackID=1"),
        ("rtsp://pi/a", "trackID=1", "rtsp://pi/a/trackID=1"),
        ("rtsp://pi/a", "RTSP://other/b", "RTSP://other/b"),
        ("rtsp://pi/a", "*", "rtsp://pi/a"),
        ("rtsp://pi/a", "", "rtsp://pi/a"),
        ("rtsp://pi/a?b", "streamid=0", "rtsp://pi/a?b/streamid=0"),
    ] {
        assert_eq!(resolved(base, control), url);
    }
}

#[test]
fn what_is_to_be_sealed_is_asked_for_and_nothing_else_taken() {
    for (given, taken) in [(Profile::Savp, true), (Profile::Avp, false)] {
        let (mut server, mut player) = (Server::new(&[]), player("rtsp://pi/Door"));
        while !matches!(player.take(NOW).unwrap(), News::Described(_)) {
            server.exchange(&mut player);
        }
        let offer = Offer::Tcp { channels: Some([0, 1]) };
        let wish =
            Wish { control: "trackID=v".into(), profile: Profile::Savp, offer, dispensable: false };
        player.want(vec![wish], NOW);
        let asked = String::from_utf8(std::mem::take(player.out())).unwrap();
        assert!(asked.contains("Transport: RTP/SAVP/TCP;unicast;interleaved=0-1\r\n"), "{asked}");
        let cseq = asked.lines().find(|line| line.starts_with("CSeq")).unwrap();
        let transport = Transport { profile: given, way: Granted::Tcp { channels: [0, 1] } };
        let answer = format!("RTSP/1.0 200 OK\r\n{cseq}\r\nTransport: {transport}\r\n\r\n");
        feed(&mut player, answer.as_bytes());
        match player.take(NOW) {
            Ok(News::Granted(0, Some(Granted::Tcp { channels: [0, 1] }))) => assert!(taken),
            Err(Failure::NoTransport) => assert!(!taken),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn who_sends_announces_sets_up_and_records() {
    let address = Address::parse("rtsp://anna:something@pi:8554/lesson/Anna", "rtsp", 554).unwrap();
    let wish = |track: &str, offer| Wish {
        control: format!("rtsp://pi:8554/lesson/Anna/trackID={track}"),
        profile: Profile::Avp,
        offer,
        dispensable: false,
    };
    let wishes = vec![
        wish("v", Offer::Udp { client: [5000, 5001] }),
        wish("a", Offer::Tcp { channels: Some([2, 3]) }),
    ];
    let mut player = Player::sending(&address, "test", "v=0\r\n".into(), wishes, NOW);
    let mut server = Server::new(&[("anna", "something")]);
    let mut news = Vec::new();
    for _ in 0..20 {
        server.exchange(&mut player);
        match player.take(NOW).unwrap() {
            News::Nothing => {}
            other => news.push(format!("{other:?}")),
        }
    }
    assert_eq!(news.len(), 3, "{news:?}");
    assert!(news[0].contains("client: [5000, 5001]") && news[1].contains("channels: [2, 3]"));
    assert_eq!(news[2], "Playing");
    let asked: Vec<_> = server.asked.iter().map(|it| it.split('(').next().unwrap()).collect();
    assert_eq!(asked[asked.len() - 4..], ["Announce", "Contribute", "Contribute", "Record"]);
    assert!(server.asked.iter().any(|it| it.contains("\"v=0\\r\\n\"")), "{:?}", server.asked);
    // Its packets tell it nothing of whether anybody is there.
    assert!(player.deadline() <= NOW + ALIVE_SENDING);
    player.leave(NOW);
    assert!(String::from_utf8_lossy(player.out()).starts_with("TEARDOWN "));
}
