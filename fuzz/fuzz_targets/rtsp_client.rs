//! What a server answers whom a client asks, and the packets that it sends between: of cameras and of strangers.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket_media::clock::Monotonic;
use streamsocket_rtsp::address::Address;
use streamsocket_rtsp::player::{DEFAULT_PORT, News, Player, Wish};
use streamsocket_rtsp::transport::{Offer, Profile};
use streamsocket_subscribe::plan::Plan;

/// What a session comes to, in words.
fn play(answers: &[u8], piece: usize) -> Vec<String> {
    let address = Address::parse("rtsp://anna:secret@pi/Door", "rtsp", DEFAULT_PORT);
    let address = address.expect("an address");
    let mut player = Player::new(&address, "fuzz", Monotonic(0));
    let mut news = Vec::new();
    for mut piece in answers.chunks(piece) {
        while !piece.is_empty() {
            let room = player.room();
            assert!(room.len() <= 512 << 10, "it keeps {} bytes", room.len());
            let len = room.len().min(piece.len());
            room[..len].copy_from_slice(&piece[..len]);
            player.filled(len);
            piece = &piece[len..];
            loop {
                match player.take(Monotonic(0)) {
                    Ok(News::Nothing) => break,
                    Ok(News::Described(sdp)) => {
                        let server = "192.0.2.1:554".parse().expect("an address");
                        let _ = Plan::from_server(&sdp, address.clone(), server);
                        news.push(sdp);
                        let tcp = |nth: u8| Offer::Tcp { channels: Some([2 * nth, 2 * nth + 1]) };
                        let wish = |nth, dispensable| Wish {
                            control: format!("trackID={nth}"),
                            profile: Profile::of(dispensable),
                            offer: tcp(nth),
                            dispensable,
                        };
                        player.want(vec![wish(0, false), wish(1, true)], Monotonic(0));
                    }
                    Ok(News::Packet { channel, at }) => {
                        news.push(format!("{channel} {:?}", player.packet(at)));
                    }
                    Ok(other) => news.push(format!("{other:?}")),
                    Err(failure) => {
                        news.push(failure.to_string());
                        return news;
                    }
                }
            }
            // A request is lines of its own, whatever the server has said.
            let out = std::mem::take(player.out());
            assert!(out.len() <= 1 << 20);
            assert!(!out.windows(2).any(|pair| pair[1] == b'\n' && pair[0] != b'\r'), "{out:?}");
        }
    }
    news
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, answers) = input;
    let whole = play(answers, answers.len().max(1));
    assert_eq!(play(answers, usize::from(piece) + 1), whole);
});
