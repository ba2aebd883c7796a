use super::{Malformed, Media, Multivariant, Part, Variant, attribute};

const SECOND: i64 = 1_000_000_000;
/// 2026-01-02T15:04:05Z.
const BEGIN: i64 = 1_767_366_245 * SECOND;

const LIVE: &str = "\
#EXTM3U
#EXT-X-VERSION:9
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,CAN-SKIP-UNTIL=12.0,PART-HOLD-BACK=0.600,HOLD-BACK=6.0
#EXT-X-PART-INF:PART-TARGET=0.200
#EXT-X-MEDIA-SEQUENCE:100
#EXT-X-SKIP:SKIPPED-SEGMENTS=6
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T15:04:05.000Z
#EXTINF:2.00000,
106.mp4?t=1
#EXT-X-DISCONTINUITY
#EXT-X-MAP:URI=\"init-ab.mp4\"
#EXT-X-PART:DURATION=0.20000,URI=\"107.0.mp4\",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.19500,URI=\"107.1.mp4\",GAP=YES
#EXTINF:1.99500,
107.mp4
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T15:04:09.000Z
#EXT-X-PART:DURATION=0.20000,URI=\"108.0.mp4\",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"108.1.mp4\"
#EXT-X-RENDITION-REPORT:URI=\"../low/live.m3u8\",LAST-MSN=108,LAST-PART=0
";

#[test]
fn what_is_live_is_read_up_to_its_last_part() {
    let read = Media::read(LIVE).unwrap();
    assert_eq!((read.target, read.skipped, read.hint), (2, 6, Some("108.1.mp4")));
    assert_eq!((read.hold_back, read.part_hold_back), (Some(6 * SECOND), Some(SECOND * 3 / 5)));
    assert!(read.can_block && read.can_skip);
    let [first, second, open] = &read.segments[..] else { panic!("{read:?}") };
    assert_eq!((first.number, first.begin), (106, Some(BEGIN)));
    assert_eq!(first.whole, Some((2 * SECOND, "106.mp4?t=1")));
    assert!(first.parts.is_empty() && !first.discontinuity);
    // It begins where the one before ended, since nothing else is said.
    assert_eq!((second.number, second.begin), (107, Some(BEGIN + 2 * SECOND)));
    assert_eq!((second.init, second.discontinuity), (Some("init-ab.mp4"), true));
    let part =
        Part { length: SECOND / 1000 * 195, uri: "107.1.mp4", independent: false, gap: true };
    assert_eq!(second.parts[1], part);
    assert_eq!((open.number, open.whole, open.parts.len()), (108, None, 1));
    assert!(open.parts[0].independent);
}

#[test]
fn a_segment_may_not_be_there() {
    let text = "#EXTM3U\r\n#EXT-X-MEDIA-SEQUENCE:7\r\n#EXT-X-GAP\r\n#EXTINF:2,\r\n7.mp4\r\n\r\n#EXTINF:2,title\r\n8.mp4\r\n";
    let read = Media::read(text).unwrap();
    assert_eq!(read.segments.iter().map(|it| it.gap).collect::<Vec<_>>(), [true, false]);
    assert_eq!(read.segments[1].whole, Some((2 * SECOND, "8.mp4")));
    assert_eq!((read.segments[1].number, read.segments[1].begin), (8, None));
    assert!(!read.can_block);
}

#[test]
fn variants_are_read_with_their_sound() {
    let text = "\
#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"audio\",NAME=\"a, b=c\",CHANNELS=\"2\",URI=\"audio/live.m3u8\"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"text\",URI=\"text/live.m3u8\"
#EXT-X-STREAM-INF:BANDWIDTH=3100,RESOLUTION=320x180,CODECS=\"avc1.42C01F,mp4a.40.2\",AUDIO=\"audio\"
low/live.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=100
sound/live.m3u8
";
    let read = Multivariant::read(text).unwrap();
    assert_eq!(read.sounds, [("audio", "audio/live.m3u8")]);
    let low = Variant { bandwidth: 3100, sound: Some("audio"), uri: "low/live.m3u8" };
    let sound = Variant { bandwidth: 100, sound: None, uri: "sound/live.m3u8" };
    assert_eq!(read.variants, [low, sound]);
}

#[test]
fn what_is_no_playlist_is_refused_by_its_line() {
    let line = |text: &str| Media::read(text).map_err(|Malformed { line, .. }| line).unwrap_err();
    assert_eq!(line("<html>"), 1);
    assert_eq!(line(""), 1);
    assert_eq!(line("#EXTM3U\n7.mp4\n"), 2);
    assert_eq!(line("#EXTM3U\n\n#EXTINF:-1,\n7.mp4\n"), 3);
    assert_eq!(line("#EXTM3U\n#EXTINF:inf,\n7.mp4\n"), 2);
    assert_eq!(line("#EXTM3U\n#EXT-X-PART:URI=\"7.0.mp4\"\n"), 2);
    assert_eq!(line("#EXTM3U\n#EXT-X-SKIP:X=1\n"), 2);
    assert_eq!(line("#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:x\n"), 2);
    assert_eq!(line("#EXTM3U\n#EXT-X-PROGRAM-DATE-TIME:yesterday\n"), 2);
    let refused = Multivariant::read("#EXTM3U\nlow/live.m3u8\n").unwrap_err();
    assert_eq!(refused.to_string(), "line 2 of a playlist: no variant has this address");
    Multivariant::read("#EXTM3U\n#EXT-X-STREAM-INF:CODECS=\"x\"\nlow\n").unwrap_err();
}

#[test]
fn a_name_within_quotes_is_no_attribute() {
    let list = "A=\"x,B=1\",B=2,C=";
    assert_eq!(attribute(list, "A"), Some("x,B=1"));
    assert_eq!(attribute(list, "B"), Some("2"));
    assert_eq!(attribute(list, "C"), Some(""));
    assert_eq!(attribute(list, "D"), None);
    assert_eq!(attribute("A=\"open", "A"), None);
}
