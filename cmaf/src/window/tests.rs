use super::*;
use crate::grid::Grid;
use crate::segmenter::{Made, Part, Sample, Segmenter};
use crate::track::Track;
use bytes::Bytes;
use core::time::Duration;
use streamsocket_media::clock::Wall;

const BEGIN: i64 = 1_800_000_000_000;
const FIRST: u64 = 1_800_000_000;
const PICTURE: Duration = Duration::from_millis(100);

fn track(height: u16) -> Track {
    Track::H264 { sps: vec![0x67, 0x42, 0xc0, 0x1e], pps: vec![0x68], size: (64, height) }
}

/// A window of segments of 1 s in parts of 250 ms, and what fills it.
struct Rig {
    segmenter: Segmenter,
    window: Window,
}

fn rig() -> Rig {
    let grid = Grid::new(Duration::from_secs(1), Duration::from_millis(250)).unwrap();
    let mut window = Window::new(grid, 4, PICTURE);
    window.describe(&track(48));
    Rig { segmenter: Segmenter::new(track(48), grid), window }
}

impl Rig {
    /// Ten pictures a second, between these tenths from the beginning on.
    fn pictures(&mut self, tenths: core::ops::Range<i64>) {
        let mut made = Vec::new();
        for tenth in tenths {
            let at = Wall((BEGIN + tenth * 100) * 1_000_000);
            let data = Bytes::from_static(&[0, 0, 0, 1, 0x65]);
            let key = tenth % 10 == 0;
            self.segmenter.push(Sample { data, at, duration: PICTURE, key }, &mut made);
        }
        made.iter().for_each(|made| self.window.add(made));
    }

    fn idle(&mut self, tenth: i64) {
        let mut made = Vec::new();
        self.segmenter.idle(Wall((BEGIN + tenth * 100) * 1_000_000), &mut made);
        made.iter().for_each(|made| self.window.add(made));
    }

    /// The lines of the playlist from MEDIA-SEQUENCE on, the names without the digits that all have.
    fn listed(&self, ask: &Ask<'_>) -> Vec<String> {
        let text = self.window.playlist(ask).replace("18000000", "").replace("#EXT-X-", "#");
        let lines = text.lines().skip(5).filter(|line| !line.starts_with("#PROGRAM"));
        lines.map(str::to_owned).collect()
    }
}

#[test]
fn an_empty_window_lists_nothing() {
    let window = Window::new(Grid::default(), 10, Duration::from_millis(33));
    assert_eq!(window.reached(7, None), Reached::NotYet);
    assert_eq!((window.position(), window.part(7, 0), window.segment(7)), (None, None, None));
    assert!(!window.playlist(&Ask::default()).contains("EXTINF"));
}

#[test]
fn a_playlist_lists_segments_and_parts() {
    let mut rig = rig();
    rig.pictures(0..16);
    let report = Report { uri: "../low/live.m3u8".to_owned(), position: (7, 3) };
    let ask = Ask { reports: &[report], suffix: "?t=1", ..Ask::default() };
    let expected = "\
#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:1
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=6.0,PART-HOLD-BACK=0.900,HOLD-BACK=3.0
#EXT-X-PART-INF:PART-TARGET=0.300
#EXT-X-MEDIA-SEQUENCE:1800000000
#EXT-X-MAP:URI=\"init-ID.mp4?t=1\"
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:00.000Z
#EXT-X-PART:DURATION=0.30000,URI=\"1800000000.0.mp4?t=1\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.25500,URI=\"1800000000.1.mp4?t=1\"
#EXT-X-PART:DURATION=0.30000,URI=\"1800000000.2.mp4?t=1\"
#EXT-X-PART:DURATION=0.20000,URI=\"1800000000.3.mp4?t=1\"
#EXTINF:1.00000,
1800000000.mp4?t=1
#EXT-X-PROGRAM-DATE-TIME:2027-01-15T08:00:01.000Z
#EXT-X-PART:DURATION=0.30000,URI=\"1800000001.0.mp4?t=1\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.25500,URI=\"1800000001.1.mp4?t=1\"
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"1800000001.2.mp4?t=1\"
#EXT-X-RENDITION-REPORT:URI=\"../low/live.m3u8?t=1\",LAST-MSN=7,LAST-PART=3
";
    assert_eq!(rig.window.playlist(&ask), expected.replace("ID", &track(48).id()));
}

#[test]
fn what_is_listed_is_served() {
    let mut rig = rig();
    rig.pictures(0..16);
    let parts = rig.window.segment(FIRST).unwrap();
    assert_eq!(parts.len(), 4);
    assert_eq!(rig.window.part(FIRST, 2).as_ref(), parts.get(2));
    assert_eq!((rig.window.segment(FIRST + 1), rig.window.part(FIRST + 1, 2)), (None, None));
    assert_eq!(rig.window.init(&track(48).id()), Some(track(48).init()));
    assert_eq!(rig.window.init("0"), None);
}

#[test]
fn a_viewer_waits_for_what_comes_next() {
    use Reached::{NotYet, TooFar, Yes};
    let mut rig = rig();
    rig.pictures(0..16);
    assert_eq!(rig.window.position(), Some((FIRST + 1, 1)));
    let reached = |segment: u64, part| rig.window.reached(FIRST + segment, part);
    assert_eq!((reached(0, None), reached(1, None)), (Yes, NotYet));
    assert_eq!(
        (reached(1, Some(1)), reached(1, Some(2)), reached(1, Some(4))),
        (Yes, NotYet, NotYet)
    );
    // A part behind the last is the first of the next segment.
    assert_eq!(reached(0, Some(4)), Yes);
    assert_eq!((reached(3, None), reached(3, Some(3))), (NotYet, NotYet));
    assert_eq!(
        (reached(3, Some(4)), reached(4, None), rig.window.reached(u64::MAX, Some(9))),
        (TooFar, TooFar, TooFar)
    );
    rig.idle(20);
    assert_eq!(rig.window.position(), Some((FIRST + 1, 3)));
    assert_eq!(rig.window.reached(FIRST + 1, None), Yes);
}

#[test]
fn what_did_not_come_is_a_gap() {
    let mut rig = rig();
    rig.pictures(0..1);
    rig.pictures(8..10);
    rig.pictures(40..43);
    rig.idle(43);
    let id = track(48).id();
    let expected = [
        "#MEDIA-SEQUENCE:00",
        &format!("#MAP:URI=\"init-{id}.mp4\""),
        "#EXTINF:1.00000,",
        "00.mp4",
        "#GAP",
        "#EXTINF:1.00000,",
        "01.mp4",
        "#GAP",
        "#EXTINF:1.00000,",
        "02.mp4",
        "#GAP",
        "#EXTINF:1.00000,",
        "03.mp4",
        "#PART:DURATION=0.30000,URI=\"04.0.mp4\",INDEPENDENT=YES",
        "#PRELOAD-HINT:TYPE=PART,URI=\"04.1.mp4\"",
    ];
    assert_eq!(rig.listed(&Ask::default()), expected);
}

#[test]
fn parts_that_did_not_come_are_counted_too() {
    let mut rig = rig();
    rig.pictures(0..1);
    rig.pictures(8..11);
    rig.idle(13);
    let parts: Vec<_> =
        rig.listed(&Ask::default()).into_iter().filter(|line| line.starts_with("#PART:")).collect();
    let expected = [
        "#PART:DURATION=0.30000,URI=\"00.0.mp4\",INDEPENDENT=YES",
        "#PART:DURATION=0.25500,URI=\"00.1.mp4\",GAP=YES",
        "#PART:DURATION=0.25500,URI=\"00.2.mp4\",GAP=YES",
        "#PART:DURATION=0.20000,URI=\"00.3.mp4\"",
        "#PART:DURATION=0.25500,URI=\"01.0.mp4\",INDEPENDENT=YES",
    ];
    assert_eq!(parts, expected);
}

#[test]
fn a_window_goes_on_and_forgets() {
    let mut rig = rig();
    for second in 0..50 {
        rig.pictures(second * 10..second * 10 + 10);
    }
    // That of 49 is not complete yet: four before it are listed, and three more served.
    let listed = rig.listed(&Ask::default());
    assert_eq!(listed[0], "#MEDIA-SEQUENCE:45");
    assert_eq!(listed.iter().filter(|line| line.starts_with("#EXTINF")).count(), 4);
    assert!(rig.window.segment(FIRST + 42).is_some());
    assert!(rig.window.segment(FIRST + 41).is_none());
    assert!(rig.window.bytes() < 8000, "{}", rig.window.bytes());
    let old = Part { number: FIRST + 3, index: 0, ..part(0) };
    rig.window.add(&Made::Part(old));
    assert_eq!(rig.window.part(FIRST + 3, 0), None);
    assert_eq!(rig.window.position(), Some((FIRST + 49, 2)));
}

/// A part of so many bytes.
fn part(size: usize) -> Part {
    Part {
        number: FIRST,
        index: 0,
        begin: Wall(BEGIN * 1_000_000),
        duration: PICTURE,
        independent: true,
        samples: 1,
        bytes: vec![0; size].into(),
        track: "a".into(),
    }
}

#[test]
fn a_window_holds_no_more_than_a_bound() {
    let mut window = rig().window;
    for number in 0..5 {
        window.add(&Made::Part(Part { number, ..part(30 << 20) }));
        assert!(window.bytes() <= 64 << 20);
    }
    assert_eq!(
        (window.part(2, 0), window.part(4, 0).map(|part| part.len())),
        (None, Some(30 << 20))
    );
}

#[test]
fn older_segments_can_be_skipped() {
    let grid = Grid::new(Duration::from_secs(1), Duration::from_millis(250)).unwrap();
    let mut rig = Rig { window: Window::new(grid, 10, PICTURE), ..rig() };
    rig.pictures(0..105);
    let listed = rig.listed(&Ask { skip: true, ..Ask::default() });
    assert_eq!(listed[..2], ["#MEDIA-SEQUENCE:00", "#SKIP:SKIPPED-SEGMENTS=5"]);
    assert!(listed.contains(&"05.mp4".to_owned()) && !listed.contains(&"04.mp4".to_owned()));
}

#[test]
fn discontinuities_are_counted_when_they_leave() {
    let mut rig = rig();
    rig.pictures(0..20);
    rig.window.break_at(FIRST + 2);
    rig.window.break_at(FIRST + 2);
    rig.pictures(20..33);
    let lines = |rig: &Rig| {
        let is = |line: &String| line.starts_with("#DISCONTINUITY") || line.starts_with("#MEDIA-");
        rig.listed(&Ask::default()).into_iter().filter(is).collect::<Vec<_>>()
    };
    assert_eq!(lines(&rig), ["#MEDIA-SEQUENCE:00", "#DISCONTINUITY-SEQUENCE:0", "#DISCONTINUITY"]);
    rig.pictures(33..73);
    assert_eq!(lines(&rig), ["#MEDIA-SEQUENCE:03", "#DISCONTINUITY-SEQUENCE:1"]);
}

#[test]
fn another_init_segment_is_another_map() {
    let mut rig = rig();
    rig.pictures(0..10);
    let mut made = Vec::new();
    rig.segmenter.change(track(96), &mut made);
    rig.window.describe(&track(96));
    made.iter().for_each(|made| rig.window.add(made));
    rig.pictures(10..26);
    let maps = rig.listed(&Ask::default()).into_iter().filter(|line| line.starts_with("#MAP"));
    assert_eq!(maps.count(), 2);
}

#[test]
fn a_window_begins_with_the_first_segment_that_is_whole() {
    let mut rig = rig();
    // Its first part is missing.
    rig.pictures(4..10);
    assert_eq!(rig.window.position(), None);
    assert_eq!((rig.window.bytes(), rig.window.segment(FIRST)), (0, None));
    rig.pictures(10..14);
    assert_eq!(rig.window.position(), Some((FIRST + 1, 0)));
    assert!(rig.window.playlist(&Ask::default()).contains("SEQUENCE:1800000001\n"));
}

#[test]
fn a_window_of_pictures_that_come_more_rarely_than_parts_begins() {
    let mut rig = rig();
    let mut made = Vec::new();
    // One a second, never in the first part.
    for second in 0..4 {
        let at = Wall((BEGIN + second * 1000 + 400) * 1_000_000);
        let data = Bytes::from_static(&[0, 0, 0, 1, 0x65]);
        rig.segmenter.push(Sample { data, at, duration: PICTURE * 10, key: true }, &mut made);
    }
    made.iter().for_each(|made| rig.window.add(made));
    assert_eq!(rig.window.first_listed(), Some(FIRST + 1));
}
