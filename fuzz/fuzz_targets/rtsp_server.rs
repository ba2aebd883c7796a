//! What a client sends to an RTSP server, one that sends as well as one that is sent to: requests, pipelined, cut and
//! wrong, interleaved packets between them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket_media::clock::Monotonic;
use streamsocket_rtsp::answer::{Lease, Refusal};
use streamsocket_rtsp::conversation::{Conversation, Gate, Role, Turn, Wanted};
use streamsocket_rtsp::publication::Publication;
use streamsocket_rtsp::transport::{Granted, Offer, Transport};
use streamsocket_rtsp::users::User;

/// What a connection comes to, in words: what was asked, which packets came, how it ended.
fn converse(bytes: &[u8], piece: usize, guarded: bool, role: Role) -> Vec<String> {
    let local = "192.0.2.1:8554".parse().expect("an address");
    let peer = "192.0.2.9".parse().expect("an address");
    let mut conversation = Conversation::of(role, local, peer, [7; 16], Monotonic(0));
    let mut published = None;
    let mut gate = Gate::default();
    if guarded {
        gate.users.set(User::new("anna", "correct horse").expect("a user"));
    }
    let (mut heard, mut now) = (Vec::new(), Monotonic(0));
    for mut piece in bytes.chunks(piece) {
        while !piece.is_empty() {
            let room = conversation.room();
            assert!(room.len() <= 64 << 10, "it keeps {} bytes", room.len());
            let len = room.len().min(piece.len());
            room[..len].copy_from_slice(&piece[..len]);
            conversation.filled(len);
            piece = &piece[len..];
            loop {
                match conversation.take(&mut gate, now) {
                    Turn::Asked(request) => {
                        heard.push(format!("{:?} {:?}", request.wanted, request.session));
                        assert!(!guarded || matches!(request.wanted, Wanted::Options));
                        heard.push(format!("{:?}", publish(&mut published, &request.wanted)));
                        answer(&request);
                    }
                    Turn::Answered(bytes, _) => heard.push(String::from_utf8_lossy(&bytes).into()),
                    Turn::Packet { channel, bytes } => heard.push(format!("{channel} {bytes:?}")),
                    Turn::Later(until) => now = until,
                    Turn::Nothing => break,
                    Turn::Broken(_, broken) => {
                        heard.push(broken.to_string());
                        return heard;
                    }
                }
            }
        }
    }
    heard
}

/// What becomes of what a client sends itself.
fn publish(published: &mut Option<Publication>, wanted: &Wanted) -> Option<Result<(), Refusal>> {
    if let Wanted::Announce(target, Some(sdp)) = wanted {
        let controls = sdp.lines().filter_map(|line| line.strip_prefix("a=control:"));
        *published = Some(Publication::new(target.clone(), controls.take(8)));
    }
    let publication = published.as_mut()?;
    let was_recording = publication.is_recording();
    Some(match wanted {
        Wanted::Contribute(target, _) => publication.track(target).map(|track| {
            assert!(!was_recording);
            publication.set_up(track);
            assert_eq!(publication.track(target), Err(Refusal::Order));
        }),
        Wanted::Record(target) => {
            let begun = publication.record(target);
            assert!(begun.is_err() || !was_recording);
            begun
        }
        _ => return None,
    })
}

/// Whatever was asked is answered by one answer, whose lines are its own.
fn answer(request: &streamsocket_rtsp::conversation::Request) {
    let lease = Lease { session: "0123", timeout: std::time::Duration::from_secs(60) };
    let answer = match &request.wanted {
        Wanted::Describe(target) => request.described(&target.base, "v=0\r\n"),
        Wanted::Setup(_, offers) => match offers.first() {
            Some(Transport { profile, way: Offer::Tcp { channels: Some(channels) } }) => {
                let way = Granted::Tcp { channels: *channels };
                request.set_up(lease, &Transport { profile: *profile, way })
            }
            _ => request.refused(Refusal::Transport),
        },
        Wanted::Contribute(_, offers) => match offers.first() {
            Some(Transport { profile, way: Offer::Udp { client } }) => {
                let way = Granted::Udp { client: *client, server: [6000, 6001], source: None };
                request.contributes(lease, &Transport { profile: *profile, way })
            }
            _ => request.refused(Refusal::Method),
        },
        _ => request.done(Some(lease)),
    };
    let text = String::from_utf8(answer).expect("an answer is text");
    let (head, body) = text.split_once("\r\n\r\n").expect("an answer has an end");
    assert!(head.starts_with("RTSP/1.0 ") && !head.contains("\n\n"), "{head}");
    assert!(head.split("\r\n").all(|line| !line.contains(['\r', '\n'])), "{head}");
    assert!(matches!(body, "" | "v=0\r\n"), "{body}");
}

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (piece, guarded, bytes) = input;
    for role in [Role::Sends, Role::Takes] {
        let whole = converse(bytes, bytes.len().max(1), guarded, role);
        assert_eq!(converse(bytes, usize::from(piece) + 1, guarded, role), whole);
    }
});
