//! What is stored, through HAProxy and nginx: each name belongs to one cache, which asks the origin once.

use crate::bed::{Answer, Bed, ORIGIN, VIEWED, listed};
use streamsocket_tests::board::{monotonic, unix_offset, wait_until};

/// How many ask for the same at once.
const TOGETHER: usize = 20;

/// Seconds after which all segments of a span of six seconds count as stored in the bed.
const STORED: i64 = 20 + 6 + 4;

/// What nginx says of where an answer came from.
fn by_nginx(answer: &Answer) -> &str {
    // Varnish names its cache, nginx its machine, which is the same for all in a bed.
    let said = answer.header("x-cache").filter(|it| !it.starts_with("cache"));
    said.and_then(|it| it.split(' ').next_back()).unwrap_or("not by nginx")
}

/// As query parameters have it.
fn milliseconds() -> i64 {
    (monotonic() + unix_offset()) / 1_000_000
}

/// So many ask for an address at once: how many were told this by nginx.
fn together(bed: &Bed, url: &str, said: &str) -> usize {
    let authority = bed.authority();
    let mut curl = vec!["curl", "-s", "--max-time", "20", "--cacert", &authority, "-Z"];
    let most = TOGETHER.to_string();
    curl.extend(["--parallel-immediate", "--parallel-max", &most]);
    for _ in 0..TOGETHER {
        curl.extend(["-o", "/dev/null", "-D", "-", url]);
    }
    let heads = String::from_utf8(bed.viewer(&curl)).unwrap();
    assert_eq!(heads.matches("HTTP/2 200").count(), TOGETHER, "{heads}");
    heads.lines().filter(|line| line.starts_with("x-cache: ") && line.ends_with(said)).count()
}

#[test]
fn spans_come_from_one_cache_each() {
    let Some(bed) = Bed::up("spans_come_from_one_cache_each") else { return };
    bed.wait_for_segments("low", 1);
    let from = milliseconds();
    wait_until("what is stored for long enough", || milliseconds() > from + STORED * 1000);
    let span = format!("low/vod.m3u8?from={from}&to={}", from + 6000);
    let answer = bed.get(&format!("{VIEWED}{span}"), &[]);
    assert_eq!((answer.status, by_nginx(&answer)), (200, "MISS"), "{}", answer.head);
    let playlist = answer.text();
    assert_eq!(playlist, bed.text(&format!("{ORIGIN}{span}")));
    let segments = listed(&playlist);
    assert!(segments.len() >= 3, "{playlist}");
    for name in &segments {
        let url = format!("{VIEWED}low/{name}");
        let first = bed.get(&url, &[]);
        assert_eq!((first.status, by_nginx(&first)), (200, "MISS"), "{}", first.head);
        assert_eq!(first.body, bed.get(&format!("{ORIGIN}low/{name}"), &[]).body, "{name}");
        assert_eq!(by_nginx(&bed.get(&url, &[])), "HIT", "{name} belongs to one cache");
    }
    // Of another track, which nobody has asked for.
    let name = segments.first().unwrap();
    let asked = together(&bed, &format!("{VIEWED}medium/{name}"), "MISS");
    assert_eq!(asked, 1, "those who wait get what the first has brought");
    // A third of the names moves, and the others stay where they are.
    bed.told(&["kill", "cache2"]);
    for name in &segments {
        let answer = bed.get(&format!("{VIEWED}low/{name}"), &[]);
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}
