//! What protection (SRTP) costs who sends and who receives, in both suites and beside what is plain: the daemon,
//! GStreamer with `srtpenc`, and ffmpeg, which has only one of the suites; our receiver's network thread, and GStreamer
//! with `srtpdec`.

use crate::camera::used_within;
use crate::material::{Clip, usual};
use crate::network::Network;
use crate::program::{Job, Run, Sender, Speed, place};
use crate::report::{milliseconds, progress, ratios, table as printed};
use crate::sending::middle;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;
use streamsocket_srtp::master_key::{MASTER_LEN, MasterKey};
use streamsocket_srtp::suite::Suite;
use streamsocket_tests::cost::median;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, ours, peer, receiver, text};

const SIZE: &str = "1920x1080";
const CM: Option<Suite> = Some(Suite::AesCm128HmacSha1_80);
const GCM: Option<Suite> = Some(Suite::AeadAes128Gcm);

/// Pictures a second that are received.
const RATE: u32 = 30;

/// Time until a receiver's latency has settled, and the time that is measured.
const SETTLED: Duration = Duration::from_secs(4);
const MEASURED: Duration = Duration::from_secs(8);

/// Who sends, and how it is protected.
const SENDERS: [(Sender, Option<Suite>); 8] = [
    (PLAIN, None),
    (PLAIN, CM),
    (PLAIN, GCM),
    (Sender::GStreamer(0), None),
    (Sender::GStreamer(0), CM),
    (Sender::GStreamer(0), GCM),
    (Sender::Ffmpeg, None),
    (Sender::Ffmpeg, CM),
];
const PLAIN: Sender = Sender::Ours("off", "0");

/// Whether it is ours that receives, and how that is protected.
const RECEIVERS: [(bool, Option<Suite>); 6] =
    [(true, None), (true, CM), (true, GCM), (false, None), (false, CM), (false, GCM)];

/// Both tables.
pub(crate) fn table(rounds: u32) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let key = Key::new(folder.path());
    format!("## Protection\n\n{}\n{}", sending(&key, rounds), receiving(&key, rounds))
}

/// A key, as each program takes it.
struct Key {
    master: MasterKey,
    file: PathBuf,
}

impl Key {
    fn new(folder: &Path) -> Self {
        let bytes: [u8; MASTER_LEN] = std::array::from_fn(|at| 37 * at as u8 + 11);
        let (master, file) = (MasterKey::new(&bytes), folder.join("key"));
        std::fs::write(&file, master.to_inline().as_bytes()).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&file, mode).expect("its owner alone");
        Self { master, file }
    }

    /// For our programs.
    fn for_ours<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command.arg("--key-file").arg(&self.file)
    }

    /// In base 16: the key, and as much of the salt as the suite has.
    fn hex(&self, suite: Suite) -> String {
        let bytes = self.master.key().iter().chain(&self.master.salt()[..suite.salt_len()]);
        bytes.map(|byte| format!("{byte:02x}")).collect()
    }
}

/// What GStreamer calls the cipher and the authentication of a suite.
const fn names(suite: Suite) -> (&'static str, &'static str) {
    match suite {
        Suite::AesCm128HmacSha1_80 => ("aes-128-icm", "hmac-sha1-80"),
        Suite::AeadAes128Gcm => ("aes-128-gcm", "null"),
    }
}

fn named(name: &str, suite: Option<Suite>) -> String {
    format!("{name}, {}", suite.map_or("plain", Suite::name))
}

fn sending(key: &Key, rounds: u32) -> String {
    let clip = usual(SIZE);
    let mut runs = [const { Vec::<Run>::new() }; SENDERS.len()];
    for round in 0..rounds {
        progress("sealing", round, rounds, "sending");
        for (runs, (sender, suite)) in runs.iter_mut().zip(SENDERS) {
            runs.push(sent(sender, suite, key, &clip));
        }
    }
    let against = |own: &[Run], other: (Sender, Option<Suite>)| {
        let other = SENDERS.iter().position(|it| *it == other).map(|at| &runs[at]);
        let ratio = |(own, other): (&Run, &Run)| own.cost.cpu() / other.cost.cpu();
        other.map_or_else(|| "-".to_owned(), |other| ratios(own.iter().zip(other).map(ratio)))
    };
    let rows = SENDERS.iter().zip(&runs).map(|(&(sender, suite), own)| {
        let cost = middle(own).cost;
        let name = match sender {
            Sender::Ours(..) => "streamsocket".to_owned(),
            peer => peer.name(),
        };
        vec![
            named(&name, suite),
            milliseconds(cost.cpu()),
            milliseconds(cost.user),
            milliseconds(cost.system),
            against(own, (Sender::GStreamer(0), suite)),
            against(own, (Sender::Ffmpeg, suite)),
        ]
    });
    let columns = ["sender", "CPU ms", "user", "system", "x GStreamer", "x ffmpeg"];
    let heading = format!("Sending {SIZE}, {} kB a picture, free running", clip.bytes / 1000);
    printed(&heading, &columns, &rows.collect::<Vec<_>>())
}

fn sent(sender: Sender, suite: Option<Suite>, key: &Key, clip: &Clip) -> Run {
    let pictures = if sender == PLAIN { 20_000 } else { 3_000 };
    let (clip, speed) = (clip.clone(), Speed::Free);
    let job = Job { sender, clip, speed, destinations: 1, pictures };
    job.each_changed("none", pictures / 5, &|command| match suite {
        Some(suite) => protect(command, sender, suite, key),
        None => command,
    })
}

/// The command of a sender, protected.
fn protect(mut command: Command, sender: Sender, suite: Suite, key: &Key) -> Command {
    match sender {
        Sender::GStreamer(_) => {
            let (cipher, auth) = names(suite);
            let all: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
            let sink = all.iter().position(|it| it == "udpsink").expect("where it sends");
            let mut protected = peer("gst-launch-1.0");
            protected.args(&all[..sink]).arg("srtpenc");
            protected.arg(format!("key={}", key.hex(suite)));
            protected.args(["rtp", "rtcp"].map(|of| format!("{of}-cipher={cipher}")));
            protected.args(["rtp", "rtcp"].map(|of| format!("{of}-auth={auth}")));
            protected.arg("!").args(&all[sink..]);
            protected
        }
        Sender::Ffmpeg => {
            let all: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
            let (url, before) = all.split_last().expect("where it sends");
            let mut protected = peer("ffmpeg");
            let inline = key.master.to_inline();
            let params = inline.trim_start_matches("inline:");
            protected.args(before).args(["-srtp_out_suite", suite.name()]);
            protected.args(["-srtp_out_params", params]);
            protected.arg(url.to_str().expect("text").replace("rtp://", "srtp://"));
            protected
        }
        _ => {
            key.for_ours(&mut command).args(["--suite", suite.name()]);
            command
        }
    }
}

fn receiving(key: &Key, rounds: u32) -> String {
    let mut runs = [const { Vec::<f64>::new() }; RECEIVERS.len()];
    for round in 0..rounds {
        progress("sealing", round, rounds, "receiving");
        for (runs, (ours, suite)) in runs.iter_mut().zip(RECEIVERS) {
            runs.push(received(ours, suite, key));
        }
    }
    let rows = RECEIVERS.iter().zip(&runs).map(|(&(ours, suite), own)| {
        let name = if ours { "streamsocket-receiver" } else { "GStreamer" };
        let at = |other| RECEIVERS.iter().position(|it| *it == other);
        let against = |other| {
            let pairs = at(other).map(|at| own.iter().zip(&runs[at]).map(|(own, it)| own / it));
            pairs.map_or_else(|| "-".to_owned(), ratios)
        };
        let plain = at((ours, None)).map_or(&[][..], |at| &runs[at]);
        let more = median(own.iter().zip(plain).map(|(own, plain)| own - plain));
        vec![
            named(name, suite),
            milliseconds(median(own.iter().copied())),
            milliseconds(more),
            against((false, suite)),
        ]
    });
    let columns = ["receiver", "CPU ms a picture", "more than plain", "x GStreamer"];
    let heading = format!("Receiving {SIZE}, {RATE} pictures a second, without decoding");
    printed(&heading, &columns, &rows.collect::<Vec<_>>())
}

/// Seconds of processor that a picture takes, from the network to the whole JPEG.
fn received(is_ours: bool, suite: Option<Suite>, key: &Key) -> f64 {
    let (place, folder) = (place(), tempfile::tempdir().expect("a folder"));
    let sdp = folder.path().join("it.sdp");
    let speed = Speed::Rate(RATE);
    let job = Job { sender: PLAIN, clip: usual(SIZE), speed, destinations: 1, pictures: 0 };
    let mut command = job.ours("50%", "0", &[place]);
    if let Some(suite) = suite {
        command = protect(command, PLAIN, suite, key);
    }
    let mut daemon = Program::start(command.arg("--sdp").arg(&sdp));
    daemon.wait_for("goes to");
    let share = if is_ours {
        let mut command = receiver();
        if suite.is_some() {
            key.for_ours(&mut command);
        }
        let mut receiver = Program::start(command.arg("--mute").arg(&sdp));
        receiver.wait_for("receiving");
        sleep(SETTLED);
        let thread = Network::of(receiver.id());
        let [before, _] = thread.used();
        sleep(MEASURED);
        let [after, _] = thread.used();
        // It is killed: what it says at its end is no part of what is measured.
        drop(receiver);
        (after - before) / MEASURED.as_secs_f64()
    } else {
        // It ends by itself, or it has got nothing.
        let receiver = Program::start(&mut gstreamer(place, suite, key));
        sleep(SETTLED);
        let used = used_within(&[&receiver], MEASURED);
        receiver.succeed();
        used
    };
    daemon.interrupt().succeeded();
    share / f64::from(RATE)
}

fn gstreamer(place: Place, suite: Option<Suite>, key: &Key) -> Command {
    let mut command = peer("gst-launch-1.0");
    command.args(["-q", "udpsrc", "buffer-size=8000000", "multicast-iface=lo"]);
    command.args([format!("address={}", place.group), format!("port={}", place.port)]);
    let kind = if suite.is_some() { "x-srtp" } else { "x-rtp" };
    let mut caps = format!(
        "caps=application/{kind},media=video,clock-rate=90000,encoding-name=JPEG,payload=26"
    );
    if let Some(suite) = suite {
        let (cipher, auth) = names(suite);
        let now = text(ours("streamsocket").args(["sdp", "--name", &place.name()]));
        let number = |name: &str| {
            let number = now.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            number.split_whitespace().next().expect("a number").to_owned()
        };
        let (ssrc, rollovers) = (number("a=ssrc:"), number("a=x-rollovers:"));
        caps += &format!(",ssrc=(uint){ssrc},roc=(uint){rollovers}");
        caps += &format!(",srtp-key=(buffer){}", key.hex(suite));
        for of in ["srtp", "srtcp"] {
            caps += &format!(",{of}-cipher={cipher},{of}-auth={auth}");
        }
    }
    command.arg(caps).arg("!");
    if suite.is_some() {
        command.args(["srtpdec", "!"]);
    }
    let pictures = RATE * (SETTLED + MEASURED).as_secs() as u32 + RATE / 2;
    command.args(["rtpjpegdepay", "!", "fakesink", "sync=false"]);
    command.arg(format!("num-buffers={pictures}"));
    command
}
