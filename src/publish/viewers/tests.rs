use super::*;
use crate::statistics::Statistics;
use streamsocket_control::{ANSWER_MAX, Answer};
use streamsocket_stream::session::viewers::Proof;
use streamsocket_wire::rtp::Ssrc;

fn viewer(ssrc: u32, cname: &[u8], left: Option<(u32, u32)>) -> Viewer {
    let block = ReportBlock {
        ssrc: Ssrc(1),
        fraction_lost: 64,
        lost: 9,
        highest: 0,
        jitter: 90,
        last_sr: 0,
        delay: 0,
    };
    Viewer {
        ssrc: Ssrc(ssrc),
        address: "192.0.2.7:40000".parse().unwrap(),
        cname: heapless::Vec::from_slice(cname).unwrap(),
        heard: Monotonic(0),
        block: Some(block),
        left,
        round_trip: Some(1_500_000),
        proof: Proof::Proven,
    }
}

#[test]
fn who_takes_both_streams_is_one_viewer() {
    let mut list = ViewerList::default();
    let (video, audio) =
        ([viewer(1, b"x@y", Some((1, 200))), viewer(2, b"", None)], [viewer(3, b"x@y", None)]);
    let now = Monotonic(2_000_000_000);
    StreamViewers {
        viewers: video.iter(),
        rate: 90_000,
        track: TrackName { media: MediumName::Video, tier: None, ssrc: 1 },
        list: &mut list,
    }
    .add(now);
    StreamViewers {
        viewers: audio.iter(),
        rate: 48_000,
        track: TrackName { media: MediumName::Audio, tier: None, ssrc: 2 },
        list: &mut list,
    }
    .add(now);
    let list = list.into_list();
    assert_eq!(list.len(), 2);
    let json = serde_json::to_value(&list).unwrap();
    assert_eq!(json[0]["tracks"][0]["media"], "video");
    assert_eq!(json[0]["tracks"][1]["media"], "audio");
    assert_eq!(json[0]["tracks"][1]["loss_percent"], 25.0);
    assert_eq!(list[1].tracks.len(), 1);
    let text = text(&list, 10);
    let first = text.lines().nth(1).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(first, "192.0.2.7 x@y multicast 25.00 % to 0.50 % 1.0 ms 1.5 ms 2 s");
    assert!(text.ends_with("and about 8 more\n"), "{text}");
}

#[test]
fn all_viewers_of_many_tracks_fit_an_answer() {
    let mut list = ViewerList::default();
    for ssrc in 0..5 {
        let viewers: Vec<_> = (0..1024_u32)
            .map(|index| {
                let own = [ssrc % 2, index].map(u32::to_be_bytes).concat();
                let cname = [&[0xFF; 56][..], &own].concat();
                let mut viewer = viewer(index, &cname, Some((1, 3)));
                viewer.address = "[2001:db8:1111:2222:3333:4444:5555:6666]:40000".parse().unwrap();
                viewer
            })
            .collect();
        let tier = Some("a".repeat(16));
        let track = TrackName { media: MediumName::Video, tier, ssrc: u32::MAX - ssrc };
        StreamViewers { viewers: viewers.iter(), rate: 90_000, track, list: &mut list }
            .add(Monotonic(123_456_789));
    }
    let viewer_list = list.into_list();
    let receptions = viewer_list.iter().map(|viewer| viewer.tracks.len()).sum::<usize>();
    assert_eq!((viewer_list.len(), receptions), (LISTED_MAX, RECEPTIONS_MAX));
    let answer = Answer::figures(Answer::Status, &Statistics { viewer_list, ..Default::default() });
    let answer = serde_json::to_vec(&answer).unwrap().len();
    println!("{answer} bytes");
    assert!(answer < ANSWER_MAX, "{answer}");
}
