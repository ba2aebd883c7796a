use super::*;
use crate::answer::{Begins, Lease, Refusal};
use crate::transport::{Granted, Profile, Transport};
use crate::users::User;
use http_auth::{PasswordClient, PasswordParams};
use std::cell::Cell;
use streamsocket_wire::rtp::{RtpTime, Sequence};

const NOW: Monotonic = Monotonic(1_000_000_000);

fn conversation() -> Conversation {
    let local = "192.0.2.1:8554".parse().unwrap();
    Conversation::new(local, "192.0.2.9".parse().unwrap(), [3; 16], NOW)
}

fn send(conversation: &mut Conversation, bytes: &[u8]) {
    for piece in bytes.chunks(1000) {
        conversation.room()[..piece.len()].copy_from_slice(piece);
        conversation.filled(piece.len());
    }
}

fn request(lines: &str) -> Request {
    let mut conversation = conversation();
    send(&mut conversation, lines.as_bytes());
    match conversation.take(&mut Gate::default(), NOW) {
        Turn::Asked(request) => request,
        other => panic!("{lines:?}: {other:?}"),
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn requests_become_what_they_ask_for() {
    let base = "rtsp://192.0.2.1:8554";
    for (lines, wanted) in [
        ("OPTIONS *", Wanted::Options),
        ("DESCRIBE rtsp://192.0.2.1:8554/", Wanted::Describe(Target::parse(base, ""))),
        ("PLAY *", Wanted::Play(Target::parse(base, ""))),
        ("PAUSE rtsp://192.0.2.1/", Wanted::Pause),
        ("TEARDOWN rtsp://192.0.2.1/", Wanted::Teardown),
        ("GET_PARAMETER rtsp://192.0.2.1/", Wanted::Alive),
        ("SET_PARAMETER rtsp://192.0.2.1/", Wanted::Alive),
    ] {
        let request = request(&format!(
            "{lines} RTSP/1.0\r\nCSeq: 4\r\nSession: ab;timeout=9\r\nUser-Agent: x\ty\r\n\r\n"
        ));
        assert_eq!(request.wanted, wanted);
        assert_eq!((request.session.as_deref(), request.cseq.as_str()), (Some("ab"), "4"));
        assert_eq!(request.agent.as_deref(), Some("x?y"));
    }
    let setup = request(
        "SETUP rtsp://pi/trackID=v RTSP/1.0\r\nCSeq: 5\r\nTransport: RTP/AVP;unicast;client_port=7000-7001\r\n\r\n",
    );
    let Wanted::Setup(target, offers) = setup.wanted else { panic!() };
    assert_eq!(target.track.as_deref(), Some("v"));
    assert_eq!(offers.len(), 1);
    assert_eq!(offers[0].way, Offer::Udp { client: [7000, 7001] });
}

#[test]
fn what_cannot_be_asked_is_answered_here() {
    for (lines, status) in [
        ("REDIRECT rtsp://pi/ RTSP/1.0\r\nCSeq: 1\r\n\r\n", "501 "),
        ("PLAY rtsp://pi/ RTSP/2.0\r\nCSeq: 1\r\n\r\n", "505 "),
        ("PLAY rtsp://pi/ RTSP/1.0\r\n\r\n", "400 "),
        ("PLAY rtsp://pi/ RTSP/1.0\r\nCSeq: x\r\n\r\n", "400 "),
        ("PLAY rtsp://pi/ RTSP/1.0\r\nCSeq: 1\r\nRequire: implicit-play\r\n\r\n", "551 "),
    ] {
        let mut conversation = conversation();
        send(&mut conversation, lines.as_bytes());
        let Turn::Answered(bytes, Duration::ZERO) = conversation.take(&mut Gate::default(), NOW)
        else {
            panic!("{lines}")
        };
        let answer = text(&bytes);
        assert!(answer.starts_with(&format!("RTSP/1.0 {status}")), "{answer}");
        assert_eq!(answer.contains("Unsupported: implicit-play"), status == "551 ");
    }
    let mut conversation = conversation();
    send(
        &mut conversation,
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n$\x01\x00\x02ab\x16\x03\x01\r\n\r\n",
    );
    let mut gate = Gate::default();
    assert!(matches!(conversation.take(&mut gate, NOW), Turn::Answered(it, _) if it.is_empty()));
    let next = conversation.take(&mut gate, NOW);
    assert!(matches!(next, Turn::Packet { channel: 1, bytes: b"ab" }), "{next:?}");
    let Turn::Broken(bytes, Broken::Unreadable) = conversation.take(&mut gate, NOW) else {
        panic!()
    };
    assert!(text(&bytes).starts_with("RTSP/1.0 400 "));
}

#[test]
fn answers_say_what_players_need() {
    let request = request("PLAY rtsp://pi/ RTSP/1.0\r\nCSeq: 7\r\n\r\n");
    let lease = Lease { session: "abc", timeout: Duration::from_secs(60) };
    let begins = |track: &str, sequence| Begins {
        url: format!("rtsp://pi/trackID={track}"),
        sequence: Sequence(sequence),
        time: RtpTime(9),
    };
    let played = text(&request.played(lease, &[begins("v", 3), begins("a", 4)]));
    assert!(played.starts_with("RTSP/1.0 200 OK\r\n") && played.contains("\r\nCSeq: 7\r\n"));
    assert!(played.contains("\r\nSession: abc;timeout=60\r\n"), "{played}");
    let info = "\r\nRTP-Info: url=rtsp://pi/trackID=v;seq=3;rtptime=9,url=rtsp://pi/trackID=a;seq=4;rtptime=9\r\n";
    assert!(played.contains(info), "{played}");
    let granted = Transport { profile: Profile::Avp, way: Granted::Tcp { channels: [0, 1] } };
    let set_up = text(&request.set_up(lease, &granted));
    assert!(set_up.contains("\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1\r\n"), "{set_up}");
    let described = text(&request.described("rtsp://pi", "v=0\r\n"));
    assert!(described.contains("\r\nContent-Base: rtsp://pi/\r\n"), "{described}");
    assert!(described.ends_with("\r\nContent-Length: 5\r\n\r\nv=0\r\n"), "{described}");
    assert!(text(&request.done(None)).contains("\r\nPublic: OPTIONS, DESCRIBE, "));
    for why in [
        Refusal::Forbidden,
        Refusal::NotFound,
        Refusal::Full,
        Refusal::NoSession,
        Refusal::Order,
        Refusal::Aggregate,
        Refusal::Transport,
        Refusal::Failed,
        Refusal::Paused,
    ] {
        assert!(text(&request.refused(why)).contains("\r\nCSeq: 7\r\n"), "{why:?}");
    }
}

#[test]
fn whoever_has_no_password_is_asked_for_one_and_a_wrong_one_takes_longer_each_time() {
    let mut gate = Gate::default();
    gate.users.set(User::new("anna", "correct horse").unwrap());
    let mut conversation = conversation();
    let clock = Cell::new(NOW);
    let mut ask = |gate: &mut Gate, authorization: &str| {
        let head = format!("DESCRIBE rtsp://pi/ RTSP/1.0\r\nCSeq: 1\r\n{authorization}\r\n");
        send(&mut conversation, head.as_bytes());
        let mut waited = 0;
        loop {
            match conversation.take(gate, clock.get()) {
                Turn::Answered(bytes, after) => return (text(&bytes), after.as_millis(), waited),
                Turn::Asked(request) => return (format!("{:?}", request.user), 0, waited),
                Turn::Later(until) => {
                    waited += until.since(clock.get()).as_millis();
                    clock.set(until);
                }
                other => panic!("{other:?}"),
            }
        }
    };
    let (refusal, after, _) = ask(&mut gate, "");
    assert!(refusal.starts_with("RTSP/1.0 401 ") && after == 0, "{refusal}");
    let challenges: Vec<_> =
        refusal.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: ")).collect();
    assert_eq!(challenges.len(), 2);
    let mut client = PasswordClient::builder().challenges(challenges[1]).build().unwrap();
    let mut answer = |password: &str| {
        let (username, uri, method) = ("anna", "rtsp://pi/", "DESCRIBE");
        let said = client.respond(&PasswordParams { username, password, uri, method, body: None });
        format!("Authorization: {}\r\n", said.unwrap())
    };
    // A guess is judged only when the answer to the one before is out, the right one, too.
    let times = |(_, after, waited)| (after, waited);
    assert_eq!(times(ask(&mut gate, &answer("wrong one"))), (250, 0));
    assert_eq!(times(ask(&mut gate, &answer("wrong one"))), (500, 250));
    assert_eq!(ask(&mut gate, &answer("correct horse")), ("Some(\"anna\")".into(), 0, 500));
    // Others at his address do not hold up who has got it right.
    gate.failures.failed("192.0.2.9".parse().unwrap(), "anna", clock.get());
    assert_eq!(ask(&mut gate, &answer("correct horse")), ("Some(\"anna\")".into(), 0, 0));
    // What the server can do is no secret.
    send(&mut conversation, b"OPTIONS * RTSP/1.0\r\nCSeq: 9\r\n\r\n");
    assert!(matches!(conversation.take(&mut gate, NOW), Turn::Asked(_)));
}

fn publisher() -> Conversation {
    let local = "192.0.2.1:8554".parse().unwrap();
    Conversation::of(Role::Takes, local, "192.0.2.9".parse().unwrap(), [3; 16], NOW)
}

#[test]
fn who_publishes_announces_sets_up_and_records() {
    let mut conversation = publisher();
    let mut ask = |lines: &str, body: &str| {
        let length = body.len();
        let whole = format!("{lines}\r\nCSeq: 4\r\nContent-Length: {length}\r\n\r\n{body}");
        send(&mut conversation, whole.as_bytes());
        match conversation.take(&mut Gate::default(), NOW) {
            Turn::Asked(request) => request,
            other => panic!("{lines:?}: {other:?}"),
        }
    };
    let target = || Target::parse("rtsp://pi/lesson/anna", "");
    let announce = "ANNOUNCE rtsp://pi/lesson/anna RTSP/1.0\r\nContent-Type: ";
    for (kind, body, described) in [
        ("application/sdp", "v=0\r\n", Some("v=0\r\n".to_owned())),
        ("Application/SDP; charset=utf-8", "v=0\r\n", Some("v=0\r\n".to_owned())),
        ("text/parameters", "v=0\r\n", None),
    ] {
        let request = ask(&format!("{announce}{kind}"), body);
        assert_eq!(request.wanted, Wanted::Announce(target(), described), "{kind}");
    }
    let transport = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record";
    let setup = ask(&format!("SETUP rtsp://pi/lesson/anna RTSP/1.0\r\n{transport}"), "");
    let Wanted::Contribute(_, offers) = &setup.wanted else { panic!("{:?}", setup.wanted) };
    assert_eq!(offers[0].way, Offer::Tcp { channels: Some([0, 1]) });
    let granted = Transport { profile: Profile::Avp, way: Granted::Tcp { channels: [0, 1] } };
    let lease = Lease { session: "ab", timeout: Duration::from_secs(60) };
    let answered = text(&setup.contributes(lease, &granted));
    assert!(answered.contains("interleaved=0-1;mode=record\r\n"), "{answered}");
    let record = ask("RECORD rtsp://pi/lesson/anna RTSP/1.0\r\nRange: npt=0-", "");
    assert_eq!(record.wanted, Wanted::Record(target()));
    let can = text(&record.done(None));
    assert!(can.contains("Public: OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, "), "{can}");
    let cannot = text(&record.refused(Refusal::Method));
    assert!(cannot.starts_with("RTSP/1.0 405 ") && cannot.contains("Allow: OPTIONS, DESCRIBE"));
}

#[test]
fn what_a_publisher_sends_in_one_piece_is_bounded() {
    let head = |length: usize| {
        format!(
            "ANNOUNCE rtsp://pi/a RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n"
        )
    };
    let heard = |mut conversation: Conversation, length: usize| {
        send(&mut conversation, head(length).as_bytes());
        send(&mut conversation, &vec![b'x'; length.min(20_000)]);
        match conversation.take(&mut Gate::default(), NOW) {
            Turn::Asked(_) => "asked".to_owned(),
            Turn::Broken(bytes, Broken::LongBody) => text(&bytes).lines().next().unwrap().into(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(heard(publisher(), 16 << 10), "asked");
    assert_eq!(heard(publisher(), (16 << 10) + 1), "RTSP/1.0 413 Request Entity Too Large");
    assert_eq!(heard(publisher(), usize::MAX), "RTSP/1.0 413 Request Entity Too Large");
    // Whoever sends takes no descriptions, and says so of shorter ones.
    assert_eq!(heard(conversation(), 5000), "RTSP/1.0 413 Request Entity Too Large");
}
