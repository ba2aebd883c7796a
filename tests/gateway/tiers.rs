//! Which tier each viewer is sent: the one that was asked for, or what its connection takes.

use crate::browser::Browser;
use crate::client::Gateway;
use crate::page::{VIEW, pictures_go_on, shot};
use crate::socket::{Message, Socket};
use crate::streams::viewer_of;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::time::Duration;
use streamsocket_tests::board::{monotonic, resources, wait_until};
use streamsocket_tests::clip::clip;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, text};
use streamsocket_tests::session::{daemon_at, file};

/// Milliseconds between the captures of two pictures that a viewer sees at a change: no more than 100, and 50 that a busy
/// machine may leave out.
const GAP_MAX: f64 = 150.0;

/// An announced session with this tier, and a gateway that shows it once the tier is known.
fn sending(place: Place, size: &str, audio: &str, tiers: &[&str]) -> (Program, Gateway) {
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(&clip(size)), "--loop", "--fps", "30", "--audio", audio]);
    tiers.iter().for_each(|tier| {
        daemon.args(["--tier", tier]);
    });
    let mut daemon = Program::start(&mut daemon);
    daemon.wait_for("goes to");
    let mut gateway = Gateway::start(&[&place.name()]);
    gateway.program.wait_for("is received");
    wait_until("the tiers", || known(&gateway).len() == tiers.len());
    (daemon, gateway)
}

/// What the gateway says of its session.
fn session(gateway: &Gateway) -> Value {
    let status: Value = serde_json::from_slice(&gateway.get("/status", &[]).body).unwrap();
    status["sessions"][0].clone()
}

/// The tiers that the gateway knows of.
fn known(gateway: &Gateway) -> Vec<Value> {
    session(gateway)["tiers"].as_array().unwrap().clone()
}

/// What the session's paths begin with.
fn path(gateway: &Gateway) -> String {
    session(gateway)["path"].as_str().unwrap().to_owned()
}

fn size(jpeg: &[u8]) -> (usize, usize) {
    let header = turbojpeg::read_header(jpeg).unwrap();
    (header.width, header.height)
}

/// Pictures that were sent so far of the tier `low`.
fn made(place: Place) -> u64 {
    let status = text(ours("streamsocket").args(["status", "--json", "--name", &place.name()]));
    let status: Value = serde_json::from_str(&status).unwrap();
    let tracks = status["tracks"].as_array().unwrap();
    let low = tracks.iter().find(|it| it["media"] == "video" && it["tier"] == "low").unwrap();
    low["frames_sent"].as_u64().unwrap()
}

#[test]
fn a_tier_is_sent_to_who_asks_for_it_and_made_only_meanwhile() {
    let place = Place::new();
    let (_daemon, gateway) = sending(place, "640x480", "none", &["low=1/2,15,on-demand"]);
    assert_eq!(made(place), 0, "nobody has asked for it");
    let snapshot = |query: &str| size(&gateway.get(&format!("/snapshot{query}"), &[]).body);
    let begun = monotonic();
    assert_eq!(snapshot("?tier=low"), (320, 240));
    println!("a tier on demand is there after {} ms", (monotonic() - begun) / 1_000_000);
    assert_eq!(snapshot(""), (640, 480));
    let name = place.name().replace(' ', "%20");
    for (path, expected) in [
        ("/stream?tier=low".to_owned(), (320, 240)),
        (format!("/{name}/stream?tier=low&fps=5"), (320, 240)),
        ("/stream?tier=full".to_owned(), (640, 480)),
        ("/stream?tier=auto".to_owned(), (640, 480)),
        ("/stream".to_owned(), (640, 480)),
    ] {
        let sizes: Vec<_> = gateway.parts(&path).take(12).map(|part| size(&part.jpeg)).collect();
        assert_eq!(sizes, [expected; 12], "{path}");
    }
    let answer = gateway.get("/stream?tier=high", &[]);
    assert_eq!(answer.status, 404);
    assert!(
        answer.text().ends_with("there is no tier 'high' of it, but low\n"),
        "{}",
        answer.text()
    );
    assert_eq!(gateway.get("/snapshot?tier=", &[]).status, 400);
    wait_until("nobody to receive it for", || known(&gateway)[0]["received"] == false);
    let mut last = made(place);
    wait_until("an end of it", || {
        std::thread::park_timeout(Duration::from_millis(300));
        std::mem::replace(&mut last, made(place)) == last
    });
}

/// What a slow viewer has read: parts of a stream, each when it was captured, in milliseconds, and how wide it is.
struct Reader {
    socket: socket2::Socket,
    read: Vec<u8>,
}

impl Reader {
    /// Reads for so many seconds, so many bytes a second.
    fn read(&mut self, seconds: i64, rate: i64) -> Vec<(f64, usize)> {
        let (begun, mut all, mut parts) = (monotonic(), 0, Vec::new());
        while monotonic() - begun < seconds * 1_000_000_000 {
            let early = begun + all * 1_000_000_000 / rate - monotonic();
            std::thread::park_timeout(Duration::from_nanos(u64::try_from(early).unwrap_or(0)));
            let mut bytes = [0; 4096];
            let got = (&self.socket).read(&mut bytes).unwrap();
            all += i64::try_from(got).unwrap();
            self.read.extend_from_slice(&bytes[..got]);
            while let Some(part) = self.part() {
                parts.push(part);
            }
        }
        parts
    }

    /// The next part that is there whole.
    fn part(&mut self) -> Option<(f64, usize)> {
        let end = self.read.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
        let head = String::from_utf8_lossy(&self.read[..end]).into_owned();
        let value = |name: &str| head.lines().find_map(|line| line.strip_prefix(name));
        let Some(length) = value("Content-Length: ").map(|it| it.parse::<usize>().unwrap()) else {
            // The answer's own headers, or an empty line before a part's.
            self.read.drain(..end);
            return self.part();
        };
        let captured: f64 = value("X-Timestamp: ").unwrap().parse().unwrap();
        let jpeg = self.read.get(end..end + length)?;
        let width = size(jpeg).0;
        self.read.drain(..end + length);
        Some((captured * 1e3, width))
    }
}

#[test]
fn a_slow_viewer_is_sent_less_and_more_again_when_it_is_fast() {
    let _turn = streamsocket_tests::turn();
    let (_daemon, gateway) = sending(Place::new(), "1280x720", "none", &["low=1/4"]);
    let socket = viewer_of(gateway.port, "/stream?tier=auto");
    let mut reader = Reader { socket, read: Vec::new() };
    let fast = reader.read(2, 100_000_000);
    assert!(fast.len() > 40 && fast.iter().all(|(_, width)| *width == 1280), "{fast:?}");
    let picture = gateway.get("/snapshot", &[]).body.len();
    // Half of the session's pictures, and all of the tier's.
    let slow = reader.read(5, i64::try_from(picture).unwrap() * 15);
    let first = slow.iter().position(|(_, width)| *width == 320);
    let first = first.unwrap_or_else(|| panic!("no tier: {slow:?}"));
    let took = slow[first].0 - slow[0].0;
    println!("a tier after {took:.0} ms; {} pictures", slow.len());
    assert!(took < 3000.0, "{took}");
    // Nothing is tried again so soon, and all pictures of the tier come.
    let calm = &slow[first + 15..];
    assert!(calm.iter().all(|(_, width)| *width == 320), "{slow:?}");
    let gaps: Vec<_> = calm.windows(2).map(|two| two[1].0 - two[0].0).collect();
    assert!(gaps.iter().filter(|gap| **gap > GAP_MAX).count() <= 2, "{gaps:?}");
    let mut later = reader.read(12, 100_000_000);
    assert_eq!(later.last().unwrap().1, 1280);
    let better = later.iter().rposition(|(_, width)| *width == 320).unwrap();
    let gap = later[better + 1].0 - later[better].0;
    assert!(gap > 0.0 && gap <= GAP_MAX, "{gap}");
    later.splice(0..0, slow);
    assert!(later.windows(2).all(|two| two[1].0 > two[0].0), "in order, and none twice");
}

#[test]
fn a_change_repeats_and_misses_nothing_and_leaves_the_sound_alone() {
    let _turn = streamsocket_tests::turn();
    let tiers = ["half=1/2", "low=1/4,15"];
    let (_daemon, gateway) = sending(Place::new(), "640x480", "tone", &tiers);
    let mut socket = Socket::open(gateway.port, &format!("/{}/ws", path(&gateway)));
    let Message::Text(hello) = socket.hear().unwrap() else { panic!("no hello") };
    assert_eq!(hello["sound"]["codec"], "pcm");
    let (mut pictures, mut sound) = (Vec::<(f64, usize)>::new(), Vec::<(f64, usize)>::new());
    let mut shown = Vec::new();
    for (wish, width) in [("low", 160), ("full", 640), ("half", 320), ("low", 160), ("auto", 160)] {
        socket.say(&json!({ "tier": wish }).to_string()).unwrap();
        let mut after = 0;
        while after < 20 {
            match socket.hear().unwrap() {
                Message::Text(text) => shown.push(text),
                Message::Picture(jpeg, captured) => {
                    pictures.push((captured, size(&jpeg).0));
                    after += u32::from(pictures.last().unwrap().1 == width);
                }
                Message::Sound(bytes, captured) => sound.push((captured, bytes)),
            }
        }
    }
    let last = shown.last().unwrap();
    assert!(last["tier"] == "low" && last["automatic"] == true, "{last}");
    assert_eq!(last["tiers"][0], json!({ "name": "half", "width": 320, "height": 240 }));
    let gaps: Vec<_> = pictures.windows(2).map(|two| two[1].0 - two[0].0).collect();
    println!(
        "longest time between two pictures: {:.0} ms",
        gaps.iter().copied().fold(0.0, f64::max)
    );
    assert!(gaps.iter().all(|gap| *gap > 0.0 && *gap <= GAP_MAX), "{gaps:?}");
    for two in sound.windows(2) {
        // Two channels of 16 bits, 48 a millisecond.
        let gap = two[1].0 - two[0].0 - two[0].1 as f64 / 192.0;
        assert!(gap.abs() < 1.0, "{gap} ms of sound are missing");
    }
}

/// Kilobytes that the gateway may grow by.
const GROWTH_MAX_KB: usize = 2048;

#[test]
fn what_one_viewer_says_falsely_harms_nobody() {
    let _turn = streamsocket_tests::turn();
    let (_daemon, gateway) = sending(Place::new(), "640x480", "none", &["low=1/2"]);
    let path = format!("/{}/ws?tier=auto", path(&gateway));
    let mut others = gateway.parts("/stream");
    others.by_ref().take(10).for_each(drop);
    let (_, before) = resources(gateway.program.id());
    let open = || Socket::open(gateway.port, &path);
    for said in [
        "rubbish",
        "{}",
        "{\"tier\":5}",
        "{\"late\":-1,\"width\":1,\"height\":1}",
        "{\"late\":0,\"width\":99999,\"height\":1}",
        "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
    ] {
        let mut socket = open();
        socket.say(said).unwrap();
        assert!(socket.hangs_up(), "{said}");
    }
    // A message of four gigabytes, and one of 8 kB that comes.
    let mut huge = open();
    huge.0.write_all(&[0x81, 0xFF, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]).unwrap();
    assert!(huge.hangs_up());
    let mut large = open();
    large.0.write_all(&[&[0x81, 0xFE, 0x20, 0, 0, 0, 0, 0][..], &[b'1'; 0x2000]].concat()).unwrap();
    assert!(large.hangs_up());
    // Floods: of questions, of wishes, and of pings.
    for said in
        ["1", "{\"tier\":\"low\"}", "{\"late\":18446744073709551615,\"width\":1,\"height\":1}"]
    {
        let mut flood = open();
        let sent = (0..100_000).take_while(|_| flood.say(said).is_ok()).count();
        assert!(sent < 100_000 && flood.hangs_up(), "{said}");
    }
    let mut pings = open();
    let sent = (0..100_000).take_while(|_| pings.0.write_all(&[0x89, 0x80, 0, 0, 0, 0]).is_ok());
    assert!(sent.count() < 100_000 && pings.hangs_up());
    // One who says that everything is late has the least there is, and the others have all that there was.
    let mut liar = open();
    liar.say("{\"late\":18446744073709551615,\"width\":1,\"height\":1}").unwrap();
    let wide = |socket: &mut Socket| match socket.hear().unwrap() {
        Message::Picture(jpeg, _) => Some(size(&jpeg).0),
        _ => None,
    };
    wait_until("the tier", || wide(&mut liar) == Some(320));
    let (_, after) = resources(gateway.program.id());
    assert!(after < before + GROWTH_MAX_KB, "{before} kB, then {after} kB");
    assert_eq!(size(&gateway.get("/snapshot", &[]).body), (640, 480));
    let parts: Vec<_> = others.take(60).collect();
    assert!(parts.iter().all(|part| size(&part.jpeg) == (640, 480)));
}

#[test]
fn the_page_shows_which_tier_it_has_and_keys_and_the_window_choose() {
    let _turn = streamsocket_tests::turn();
    let (_daemon, gateway) = sending(Place::new(), "1280x720", "tone", &["half=1/2", "low=1/4"]);
    let mut browser = Browser::start(None);
    browser.tell("resize", json!({ "width": 1400, "height": 800 }));
    browser.tell("goto", gateway.url("/"));
    pictures_go_on(&mut browser);
    let has = |browser: &mut Browser, width: u32, choice: &str| {
        let state = format!("[{VIEW}.canvas.width, {VIEW}.part('tier').selectedOptions[0]?.text]");
        wait_until(choice, || browser.value(&state) == json!([width, choice]));
    };
    browser.tell("press", "3");
    has(&mut browser, 320, "low, 320 x 180");
    browser.tell("click", ".info");
    browser.tell("shot", shot("tier.png"));
    let figures = || "document.querySelector('.figures').textContent".to_owned();
    wait_until("the figures", || {
        browser.value(&figures()).as_str().unwrap().contains("quality   low, as chosen")
    });
    browser.tell("press", "2");
    has(&mut browser, 640, "half, 640 x 360");
    browser.tell("press", "1");
    has(&mut browser, 1280, "full");
    browser.value(&format!("{VIEW}.part('tier').value = 'low'; {VIEW}.part('tier').onchange()"));
    has(&mut browser, 320, "low, 320 x 180");
    browser.tell("click", ".figures");
    // By itself: a small window has no use for more.
    browser.tell("resize", json!({ "width": 320, "height": 180 }));
    browser.tell("press", "0");
    has(&mut browser, 320, "automatic: low, 320 x 180");
    browser.tell("goto", gateway.url("/?tier=half"));
    has(&mut browser, 640, "half, 640 x 360");
    // By itself: a machine that decodes ten pictures a second.
    browser.tell("resize", json!({ "width": 1400, "height": 800 }));
    let told = format!("JSON.parse({VIEW}.tier.told || '{{}}').width ?? 0");
    wait_until("a large window", || browser.value(&told).as_u64() > Some(1000));
    browser.value(
        "(() => { const decode = createImageBitmap; window.createImageBitmap = async (it) => { \
         await new Promise((resolve) => setTimeout(resolve, 100)); return decode(it); }; })()",
    );
    browser.tell("press", "0");
    has(&mut browser, 320, "automatic: low, 320 x 180");
    assert_eq!(browser.errors(), [""; 0]);
}
