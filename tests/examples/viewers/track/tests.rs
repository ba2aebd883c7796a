use super::{Arrival, Faults, Item, Landed, Next, Track};
use crate::playlist::Media;

const MS: i64 = 1_000_000;
/// 2026-01-02T15:04:05Z.
const BEGIN: i64 = 1_767_366_245_000 * MS;

/// Segments of two parts of 500 ms from number 5 on, of which the last is open; `whole` are without their parts.
fn live(from: u64, whole: u64, parts: u64, begin_ms: u64) -> String {
    let mut text = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.0,HOLD-BACK=3.0\n#EXT-X-MEDIA-SEQUENCE:{from}\n"
    );
    for number in 0..whole {
        let ms = begin_ms + number * 1000;
        let date = format!("2026-01-02T15:04:{:02}.{:03}Z", 5 + ms / 1000, ms % 1000);
        text += &format!("#EXT-X-PROGRAM-DATE-TIME:{date}\n#EXTINF:1,\n{}.mp4\n", from + number);
    }
    for part in 0..parts {
        let (number, index) = (from + whole + part / 2, part % 2);
        let independent = if index == 0 { ",INDEPENDENT=YES" } else { "" };
        text += &format!("#EXT-X-PART:DURATION=0.5,URI=\"{number}.{index}.mp4\"{independent}\n");
        if index == 1 {
            text += &format!("#EXTINF:1,\n{number}.mp4\n");
        }
    }
    let next = from * 2 + whole * 2 + parts;
    text + &format!("#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"{}.{}.mp4\"\n", next / 2, next % 2)
}

fn take(track: &mut Track, text: &str) -> Option<Landed> {
    track.take(&Media::read(text).unwrap())
}

fn load(track: &mut Track) -> Item {
    match track.next() {
        Next::Load(item) => item,
        Next::Wait => panic!("nothing to load: {track:?}"),
    }
}

/// The addresses of all that is to be loaded now, which comes at this time.
fn load_all(track: &mut Track, at: i64) -> Vec<String> {
    let mut uris = Vec::new();
    while let Next::Load(item) = track.next() {
        track.came(&item, Arrival { first: at, last: at });
        uris.push(item.uri);
    }
    uris
}

#[test]
fn a_viewer_begins_at_a_key_picture_far_enough_from_the_end() {
    let mut track = Track::new(false);
    take(&mut track, &live(5, 3, 3, 0));
    assert_eq!(track.awaited(), Some((9, 1)));
    // 8.0 begins 1.5 s before the end, 9.0 half a second.
    assert_eq!(load_all(&mut track, 0), ["8.0.mp4", "8.1.mp4", "9.0.mp4", "9.1.mp4"]);
    assert_eq!(track.next(), Next::Wait);
    // Without parts it is a whole segment.
    let mut track = Track::new(true);
    take(&mut track, &live(5, 3, 3, 0));
    assert_eq!(load_all(&mut track, 0), ["6.mp4", "7.mp4", "8.mp4"]);
    assert_eq!(track.awaited(), Some((9, 0)));
    // Less than what it is to be behind: the oldest.
    let mut track = Track::new(false);
    take(&mut track, &live(5, 1, 0, 0));
    assert_eq!(load_all(&mut track, 0), ["5.mp4", "6.0.mp4"]);
}

#[test]
fn what_is_hinted_at_is_loaded_once_and_timed_when_it_is_listed() {
    let mut track = Track::new(false);
    take(&mut track, &live(5, 3, 2, 0));
    for old in ["8.0.mp4", "8.1.mp4"] {
        let item = load(&mut track);
        assert_eq!((item.uri.as_str(), item.old), (old, true));
    }
    let hinted = load(&mut track);
    assert_eq!(hinted, Item { uri: "9.0.mp4".into(), captured: None, whole: false, old: false });
    let arrival = Arrival { first: 1, last: 2 };
    assert_eq!(track.came(&hinted, arrival), None);
    assert_eq!(track.next(), Next::Wait);
    let captured = (BEGIN + 4000 * MS, BEGIN + 4500 * MS);
    let landed = Landed { captured, arrival, old: false };
    assert_eq!(take(&mut track, &live(5, 3, 3, 0)), Some(landed));
    // The other way round: it is listed while it is on its way.
    let hinted = load(&mut track);
    assert_eq!(hinted.uri, "9.1.mp4");
    assert_eq!(take(&mut track, &live(5, 3, 4, 0)), None);
    assert_eq!(track.next(), Next::Wait);
    let captured = (BEGIN + 4500 * MS, BEGIN + 5000 * MS);
    assert_eq!(track.came(&hinted, arrival), Some(Landed { captured, arrival, old: false }));
    assert_eq!(load(&mut track).uri, "10.0.mp4");
    assert_eq!(track.faults, Faults::default());
}

#[test]
fn what_was_not_hinted_at_is_loaded_when_it_is_listed() {
    let mut track = Track::new(false);
    take(&mut track, &live(5, 3, 2, 0));
    load_all(&mut track, 0);
    // Two at once, as after a playlist that came late.
    take(&mut track, &live(5, 3, 5, 0));
    assert_eq!(load_all(&mut track, 0), ["9.1.mp4", "10.0.mp4", "10.1.mp4"]);
    // So far behind that parts are not listed any more.
    take(&mut track, &live(5, 8, 1, 0));
    assert_eq!(load_all(&mut track, 0)[..2], ["10.mp4", "11.mp4"]);
    assert_eq!(track.faults, Faults::default());
}

#[test]
fn what_cannot_be_loaded_is_passed_over() {
    let mut track = Track::new(false);
    take(&mut track, &live(5, 3, 2, 0));
    load(&mut track);
    load(&mut track);
    let hinted = load(&mut track);
    track.failed(&hinted);
    assert_eq!(track.faults.given_up, 1);
    take(&mut track, &live(5, 3, 4, 0));
    assert_eq!(load_all(&mut track, 0), ["9.0.mp4", "9.1.mp4", "10.0.mp4"]);
}

#[test]
fn what_does_not_go_on_is_counted() {
    let begun = || {
        let mut track = Track::new(false);
        take(&mut track, &live(5, 3, 0, 0));
        track
    };
    let mut track = begun();
    take(&mut track, &live(10, 3, 0, 5000));
    assert_eq!(track.faults, Faults { missing: 2, ..Faults::default() });
    let mut track = begun();
    take(&mut track, &live(6, 3, 0, 1006));
    assert_eq!(track.faults, Faults { times: 1, ..Faults::default() });
    // Said again, it is no other fault.
    take(&mut track, &live(6, 3, 0, 1006));
    assert_eq!(track.faults.times, 1);
    let mut track = begun();
    let text = live(6, 3, 0, 1006).replace("#EXTINF:1,\n8", "#EXT-X-DISCONTINUITY\n#EXTINF:1,\n8");
    take(&mut track, &text);
    assert_eq!(track.faults, Faults { said: 1, ..Faults::default() });
    let mut track = begun();
    let gap = live(5, 3, 2, 0).replace("8.1.mp4\"", "8.1.mp4\",GAP=YES");
    take(&mut track, &gap);
    assert_eq!(track.faults, Faults { said: 1, ..Faults::default() });
    assert_eq!(load_all(&mut track, 0), ["7.mp4", "8.0.mp4", "9.0.mp4"]);
}

#[test]
fn nothing_grows_while_nothing_is_loaded() {
    let mut track = Track::new(false);
    take(&mut track, &live(5, 1, 0, 0));
    for number in 0..1000 {
        let text = format!("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:{}\n#EXTINF:1,\nx\n", 6 + number);
        take(&mut track, &text);
    }
    assert_eq!(track.queue.len(), super::QUEUE_MAX);
    assert_eq!(track.faults.given_up, 1001 - super::QUEUE_MAX as u64);
}
