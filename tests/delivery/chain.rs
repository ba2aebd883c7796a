//! What is live, through DNS, HAProxy and Varnish: what the origin serves, asked for once by each cache.

use crate::bed::{Bed, ORIGIN, TRACKS, VIEWED, listed, tagged};
use std::io::Write;
use std::time::Duration;
use streamsocket_tests::board::{monotonic, wait_until};

/// The caches of a bed.
const CACHES: usize = 3;

/// So often something is asked for, that is more often than there are caches.
const ASKED: usize = 12;

/// A session that has listed nothing new for so long is over: longer than a segment, and than a playlist is kept.
const SILENCE: Duration = Duration::from_secs(4);

/// Seconds after which who waits is told that it does not come: two origins wait for three segments each, and some.
const TOLD_MAX: f64 = 14.0;

fn all_that_is_named_is_what_the_origin_serves(bed: &Bed) {
    for track in TRACKS {
        let playlist = bed.text(&format!("{VIEWED}{track}/live.m3u8"));
        let (inits, parts) = (tagged(&playlist, "EXT-X-MAP"), tagged(&playlist, "EXT-X-PART"));
        let (segments, last) = (listed(&playlist), parts.len().saturating_sub(3));
        let names = inits.iter().chain(segments.last()).chain(&parts[last..]);
        for name in names {
            let there = bed.get(&format!("{VIEWED}{track}/{name}"), &["--http2"]);
            let here = bed.get(&format!("{ORIGIN}{track}/{name}"), &[]);
            assert_eq!((there.status, here.status), (200, 200), "{track}/{name}: {}", there.head);
            assert_eq!(there.body, here.body, "{track}/{name}");
            assert!(there.head.starts_with("HTTP/2 "), "{}", there.head);
            for header in ["cache-control", "content-type"] {
                assert_eq!(there.header(header), here.header(header), "{track}/{name}");
            }
        }
    }
}

/// Each cache asks the origin once for a name, however it is spelt.
fn names_are_asked_for_once(bed: &Bed) {
    let playlist = bed.text(&format!("{VIEWED}low/live.m3u8"));
    let part = *tagged(&playlist, "EXT-X-PART").last().unwrap();
    let url = format!("{VIEWED}low/{part}");
    let fetched = |url: &dyn Fn(usize) -> String, options: &[&str]| {
        let answers = (0..ASKED).map(|index| bed.get(&url(index), options));
        answers.filter(|it| it.status == 200 && !it.was_kept()).count()
    };
    let spelt = |index| format!("{url}?_={index}");
    let count = fetched(&spelt, &["-H", "Cookie: a=b", "-H", "Authorization: Basic YTpi"]);
    assert!(count <= CACHES, "{count} of {ASKED} were fetched");
    let (number, index) = part.trim_end_matches(".mp4").split_once('.').unwrap();
    let waited = format!("{VIEWED}low/live.m3u8?_HLS_msn={number}&_HLS_part={index}");
    let reordered = format!("{VIEWED}low/live.m3u8?_HLS_part={index}&x=1&_HLS_msn={number}&y");
    // It may be kept for twelve seconds.
    let count = fetched(&|index| [&waited, &reordered][index % 2].clone(), &[]);
    assert!(count <= CACHES, "{count} of {ASKED} playlists were fetched");
}

fn what_is_not_there_is_not_kept(bed: &Bed) {
    let playlist = bed.text(&format!("{VIEWED}low/live.m3u8"));
    let last: u64 = listed(&playlist).last().unwrap().trim_end_matches(".mp4").parse().unwrap();
    let ahead = format!("{VIEWED}low/{}.0.mp4", last + 1000);
    for _ in 0..ASKED {
        let answer = bed.get(&ahead, &[]);
        assert_eq!(answer.status, 404, "{}", answer.text());
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.head);
        assert!(!answer.was_kept(), "{}", answer.head);
    }
    let answer = bed.get(&format!("{VIEWED}mark"), &["-X", "POST"]);
    assert_eq!(answer.status, 405, "{}", answer.text());
    // A link of 2001.
    let expired = VIEWED.replace("/Bed/", "/t/1000000000/x/Bed/live.m3u8");
    let answer = bed.get(&expired, &[]);
    assert_eq!(answer.status, 403, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{}", answer.head);
    assert!(answer.text().contains("has expired"), "{}", answer.text());
}

/// Blocking reloads one after the other, each of which brings the part that it waits for, in time.
fn playlists_wait(bed: &Bed) {
    let mut next = bed.text(&format!("{VIEWED}low/live.m3u8"));
    for _ in 0..12 {
        let hint = *tagged(&next, "EXT-X-PRELOAD-HINT").last().expect("a hint");
        let (number, index) = hint.trim_end_matches(".mp4").split_once('.').unwrap();
        let url = format!("{VIEWED}low/live.m3u8?_HLS_msn={number}&_HLS_part={index}");
        let answer = bed.get(&url, &["--compressed"]);
        let text = answer.text();
        assert_eq!(answer.status, 200, "{text}");
        assert_eq!(answer.header("content-encoding"), Some("gzip"), "{}", answer.head);
        let whole = format!("{number}.mp4");
        let there = tagged(&text, "EXT-X-PART").contains(&hint) || listed(&text).contains(&&*whole);
        assert!(there, "{hint}: {text}");
        next = text;
    }
}

fn ffprobe_reads_it(bed: &Bed) {
    let url = format!("{VIEWED}live.m3u8");
    let ffprobe = ["ffprobe", "-v", "error", "-of", "json", "-show_streams", &url];
    let read: serde_json::Value = serde_json::from_slice(&bed.viewer(&ffprobe)).unwrap();
    let streams = read["streams"].as_array().unwrap();
    for kind in ["h264", "aac"] {
        assert!(streams.iter().any(|it| it["codec_name"] == kind), "{read}");
    }
}

/// One more cache, of which DNS is told, is used without a change of HAProxy's configuration.
fn a_cache_is_added(bed: &Bed) {
    let begun = monotonic();
    bed.told(&["add", "cache4"]);
    let url = format!("{VIEWED}live.m3u8");
    let used = || {
        let answer = bed.get(&url, &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.header("x-cache").is_some_and(|it| it.starts_with("cache4 "))
    };
    let at = wait_until("an answer by the cache that was added", used);
    let took = Duration::from_nanos((at - begun).try_into().unwrap());
    // Past the test runner.
    let _ = writeln!(std::io::stderr(), "a cache was added by its SRV record after {took:.1?}");
}

/// Who waits for what never comes is told so after the origins have waited, and not for each viewer in turn.
fn what_never_comes_is_said_to_all_at_once(bed: &Bed) {
    bed.told(&["kill", "camera"]);
    let hinted = || {
        let playlist = bed.text(&format!("{VIEWED}low/live.m3u8"));
        tagged(&playlist, "EXT-X-PRELOAD-HINT").last().map(|it| (*it).to_owned())
    };
    // The last part is closed when the session is silent.
    let mut last = hinted();
    wait_until("silence", || {
        std::thread::park_timeout(SILENCE);
        std::mem::replace(&mut last, hinted()) == last
    });
    let last = last.expect("a hint");
    let number: u64 = last.split('.').next().unwrap().parse().unwrap();
    let url = format!("{VIEWED}low/live.m3u8?_HLS_msn={}&_HLS_part=0", number + 1);
    let authority = bed.authority();
    let mut curl = vec!["curl", "-s", "--cacert", &authority, "-Z", "--parallel-immediate"];
    for _ in 0..ASKED {
        curl.extend(["-o", "/dev/null", "-w", "%{http_code} %{time_total}\n", &url]);
    }
    let said = String::from_utf8(bed.viewer(&curl)).unwrap();
    assert_eq!(said.lines().count(), ASKED, "{said}");
    for line in said.lines() {
        let (status, seconds) = line.split_once(' ').unwrap();
        assert_eq!(status, "504", "{said}");
        assert!(seconds.parse::<f64>().unwrap() < TOLD_MAX, "{said}");
    }
}

#[test]
fn viewers_get_what_the_origin_serves() {
    let Some(bed) = Bed::up("viewers_get_what_the_origin_serves") else { return };
    bed.wait_for_segments("low", 2);
    all_that_is_named_is_what_the_origin_serves(&bed);
    names_are_asked_for_once(&bed);
    what_is_not_there_is_not_kept(&bed);
    playlists_wait(&bed);
    ffprobe_reads_it(&bed);
    a_cache_is_added(&bed);
    what_never_comes_is_said_to_all_at_once(&bed);
}
