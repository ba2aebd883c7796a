//! An origin that runs, a camera that it receives, and who asks it over HTTP.

use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;
use streamsocket_cmaf::rfc3339;
use streamsocket_media::clock::Wall;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{PATIENCE, Program, daemon, ours, output, peer};

/// All tracks of a session with pictures and sound.
pub(crate) const TRACKS: [&str; 4] = ["high", "medium", "low", "audio"];

/// An origin that runs.
pub(crate) struct Origin {
    pub(crate) program: Program,
    pub(crate) port: u16,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Its headers, as they came.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Held by whoever streams beside others, and by who needs the machine alone.
static MACHINE: RwLock<()> = RwLock::new(());

/// The turn of a test whose players fall behind when others stream as well: it has the machine for itself.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().unwrap_or_else(PoisonError::into_inner)
}

/// That of the others, which can wait.
pub(crate) fn beside_others() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().unwrap_or_else(PoisonError::into_inner)
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// A daemon that announces the test picture and a tone under the name of the place: little enough for an encoder that is
/// not optimized.
pub(crate) fn camera(place: Place) -> Program {
    camera_of(place, &["--video", "pattern", "--size", "480x360", "--fps", "10"])
}

/// The same with another picture.
pub(crate) fn camera_of(place: Place, video: &[&str]) -> Program {
    started(named_camera(place, &place.name()).args(video).args(["--audio", "tone"]))
}

/// A daemon of this name, that sends to a place what is still to be said.
pub(crate) fn named_camera(place: Place, name: &str) -> Command {
    let mut daemon = daemon();
    daemon.args(["--to", &place.to_string(), "--name", name]);
    daemon
}

/// A daemon that has begun to send.
pub(crate) fn started(daemon: &mut Command) -> Program {
    let mut daemon = Program::start(daemon);
    daemon.wait_for("goes to");
    daemon
}

impl Origin {
    /// An origin on the loopback interface, which is to serve at this port.
    pub(crate) fn command(port: u16) -> Command {
        let mut command = ours("streamsocket-origin");
        command.args(["--interface", "127.0.0.1", "--listen", &format!("127.0.0.1:{port}")]);
        command
    }

    pub(crate) fn start(arguments: &[&str]) -> Self {
        let port = free_port();
        Self::by(Self::command(port).args(arguments), port)
    }

    /// One that has started.
    pub(crate) fn by(command: &mut Command, port: u16) -> Self {
        let mut program = Program::start(command);
        program.wait_for("the page is at");
        Self { program, port }
    }

    /// The same, that stores in this folder.
    pub(crate) fn storing(folder: &Path, arguments: &[&str]) -> Self {
        Self::start(&[&["--store", folder.to_str().unwrap()], arguments].concat())
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], "")
    }

    /// Asks with these headers and this body.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
        ask(self.port, method, path, headers, body)
    }

    /// What is at a path, which must be there.
    #[track_caller]
    pub(crate) fn text(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    #[track_caller]
    pub(crate) fn json(&self, path: &str) -> Value {
        serde_json::from_str(&self.text(path)).unwrap()
    }

    /// Waits until players can begin, and so many segments are there of each of these tracks.
    #[track_caller]
    pub(crate) fn wait_for_segments(&self, name: &str, tracks: &[&str], segments: usize) {
        wait_until("a live session", || self.get(&path(name, "live.m3u8")).status == 200);
        for track in tracks {
            wait_until("segments", || self.live(name, track).segments.len() >= segments);
        }
    }

    /// The live playlist of a track, empty while there is none.
    pub(crate) fn live(&self, name: &str, track: &str) -> Playlist {
        let answer = self.get(&path(name, &format!("{track}/live.m3u8")));
        if answer.status == 200 { Playlist::read(&answer.text()) } else { Playlist::default() }
    }

    /// All that is stored of a track in the last hour.
    #[track_caller]
    pub(crate) fn stored(&self, name: &str, track: &str) -> Playlist {
        let text = self.get(&path(name, &format!("{track}/vod.m3u8?from={}", hour_ago())));
        if text.status == 200 { Playlist::read(&text.text()) } else { Playlist::default() }
    }

    /// A figure without labels, or the sum of that of all sessions.
    pub(crate) fn figure(&self, name: &str) -> f64 {
        let text = self.text("/metrics");
        let values = text.lines().filter_map(|line| {
            let (labelled, value) = line.rsplit_once(' ')?;
            let figure = labelled.split('{').next()?;
            (figure == format!("streamsocket_origin_{name}")).then(|| value.parse::<f64>().unwrap())
        });
        values.sum()
    }
}

/// As query parameters have it.
pub(crate) fn hour_ago() -> i64 {
    (streamsocket_tests::board::monotonic() + streamsocket_tests::board::unix_offset()) / 1_000_000
        - 3_600_000
}

/// Asks whoever serves at a port of this machine.
#[track_caller]
pub(crate) fn ask(port: u16, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let own = format!("Host: 127.0.0.1:{port}");
    let host = if headers.iter().any(|it| it.starts_with("Host:")) { &[][..] } else { &[&*own] };
    let headers = [host, headers].concat().join("\r\n");
    let length = body.len();
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\n{headers}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").expect("headers");
    let head = String::from_utf8(answer[..end].to_vec()).unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head, body: answer[end + 4..].to_vec() }
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The value of a header, by its name in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let of =
            |line: &'_ str| line.split_once(": ").filter(|(known, _)| *known == name).is_some();
        let line = self.head.lines().find(|line| of(&line.to_lowercase()))?;
        line.split_once(": ").map(|(_, value)| value)
    }
}

/// The path of a file of a session.
pub(crate) fn path(name: &str, file: &str) -> String {
    format!("{}{file}", folder(name))
}

/// That of its folder, as a browser writes it.
pub(crate) fn folder(name: &str) -> String {
    let encoded = name.bytes().map(|byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    });
    format!("/{}/", encoded.collect::<String>())
}

/// What a media playlist says.
#[derive(Debug, Default)]
pub(crate) struct Playlist {
    pub(crate) text: String,
    pub(crate) segments: Vec<Segment>,
    /// Parts of segments, and of what is no whole one yet: numbers and indices.
    pub(crate) parts: Vec<(u64, u32)>,
    /// The part that comes next.
    pub(crate) hint: Option<(u64, u32)>,
}

/// A segment of a playlist that is there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Segment {
    pub(crate) number: u64,
    /// In seconds.
    pub(crate) duration: f64,
    /// When it was captured, in seconds since 1970: by its EXT-X-PROGRAM-DATE-TIME, or by the end of the one before.
    pub(crate) begin: f64,
    /// Whether it, or a gap before it, has nothing to do with the one before.
    pub(crate) breaks: bool,
}

impl Segment {
    pub(crate) fn end(&self) -> f64 {
        self.begin + self.duration
    }
}

/// What EXT-X-PROGRAM-DATE-TIME says, in seconds since 1970.
fn seconds(date: &str) -> f64 {
    let Wall(nanos) = rfc3339::parse(date).unwrap_or_else(|| panic!("{date}"));
    Duration::from_nanos(nanos.try_into().unwrap()).as_secs_f64()
}

impl Playlist {
    pub(crate) fn read(text: &str) -> Self {
        let mut own = Self { text: text.to_owned(), ..Self::default() };
        let (mut duration, mut begin, mut breaks, mut is_gap) = (0.0, 0.0, false, false);
        for line in text.lines() {
            if let Some(value) = line.strip_prefix("#EXTINF:") {
                duration = value.trim_end_matches(',').parse().unwrap();
            } else if let Some(value) = line.strip_prefix("#EXT-X-PROGRAM-DATE-TIME:") {
                begin = seconds(value);
            } else if line == "#EXT-X-DISCONTINUITY" {
                breaks = true;
            } else if line == "#EXT-X-GAP" {
                is_gap = true;
            } else if line.starts_with("#EXT-X-PART:") {
                own.parts.extend(part(line));
            } else if line.starts_with("#EXT-X-PRELOAD-HINT:") {
                own.hint = part(line);
            } else if !line.starts_with('#') {
                let number = line.split('.').next().unwrap().parse().unwrap();
                let segment = Segment { number, duration, begin, breaks };
                begin += duration;
                if !std::mem::take(&mut is_gap) {
                    own.segments.push(segment);
                    breaks = false;
                }
            }
        }
        own
    }

    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.segments.iter().map(|it| it.number).collect()
    }

    pub(crate) fn last(&self) -> u64 {
        self.segments.last().map_or(0, |it| it.number)
    }
}

fn part(line: &str) -> Option<(u64, u32)> {
    let (_, name) = line.split_once("URI=\"")?;
    let mut numbers = name.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// The media files of a track that are stored, the oldest first; inits not.
pub(crate) fn files(store: &Path, track: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![store.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
            let name = entry.file_name().unwrap().to_str().unwrap();
            let of_track = entry.components().any(|it| it.as_os_str() == track);
            if entry.is_dir() {
                folders.push(entry);
            } else if of_track && name.ends_with(".mp4") && !name.starts_with("init-") {
                found.push(entry);
            }
        }
    }
    found.sort();
    found
}

/// What ffmpeg 5.1 has said, but for this: it loads the initialisation segment again whenever it has loaded a live playlist
/// again, and says that there is one already.
pub(crate) fn complaints(said: &[u8]) -> Vec<String> {
    let said = String::from_utf8_lossy(said);
    let lines = said.lines().filter(|line| !line.contains("Found duplicated MOOV Atom"));
    lines.filter(|line| !line.trim().is_empty()).map(str::to_owned).collect()
}

/// What ffprobe finds in a file or at an address. It says nothing that would be wrong with it.
#[track_caller]
pub(crate) fn probed(source: &str, arguments: &[&str]) -> Value {
    let mut ffprobe = peer("ffprobe");
    ffprobe.args(["-v", "warning", "-of", "json"]).args(arguments).arg(source);
    let answer = ffprobe.stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap();
    let said = complaints(&answer.stderr);
    assert!(answer.status.success() && said.is_empty(), "{source}: {said:?}");
    serde_json::from_slice(&answer.stdout).unwrap()
}

/// How long what is in a file takes, by the times of its packets, in seconds.
#[track_caller]
pub(crate) fn length(file: &Path) -> f64 {
    let read = probed(file.to_str().unwrap(), &["-show_entries", "packet=pts_time"]);
    let packets = read["packets"].as_array().unwrap();
    let times: Vec<f64> =
        packets.iter().map(|it| it["pts_time"].as_str().unwrap().parse().unwrap()).collect();
    let between = times.len() - 1;
    let spaces = (times[between] - times[0]) / f64::from(u32::try_from(between.max(1)).unwrap());
    // The last one takes as long as the others.
    times[between] - times[0] + spaces
}

/// What a program of this folder prints in its last line.
#[track_caller]
pub(crate) fn node(program: &str, arguments: &[&str]) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("origin");
    let mut node = peer("node");
    let said = output(node.arg(folder.join(program)).args(arguments));
    let said = String::from_utf8(said).unwrap();
    said.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}
