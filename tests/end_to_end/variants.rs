//! Every kind of JPEG that a camera may give, through the real daemon, at our receiver, GStreamer and
//! ffmpeg at once; with `make variants` also what GStreamer's and ffmpeg's own senders make of it.

use std::fs;
use std::path::Path;
use std::process::Command;
use streamsocket_tests::board::wait_until;
use streamsocket_tests::clip::{recorded_video, split};
use streamsocket_tests::likeness::{Likeness, Planes};
use streamsocket_tests::long::whole;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, peer, receiver};
use streamsocket_tests::session::{daemon_at, file};
use streamsocket_tests::turn;
use streamsocket_tests::variants::{
    Fate, LARGE, PICTURES, Variant, ffmpeg_sender, gstreamer_sender, variants,
};

/// The least that an encoded picture has, in decibels.
const PSNR_MIN: f64 = 40.0;

/// What came of a variant somewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Outcome {
    exact: usize,
    close: usize,
    wrong: usize,
    /// The lowest of the close ones, in decibels.
    psnr: Option<f64>,
}

impl Outcome {
    fn of(variant: &Variant, received: &[u8]) -> Self {
        let originals: Vec<_> = variant.pictures.iter().filter_map(|it| Planes::of(it)).collect();
        let mut outcome = Self::default();
        let received = if received.is_empty() { Vec::new() } else { split(received) };
        for picture in received {
            let best = Planes::of(picture).map_or(Likeness::Broken, |planes| {
                let all = originals.iter().map(|original| planes.likeness(original));
                all.reduce(better).unwrap_or(Likeness::Broken)
            });
            match best {
                Likeness::Exact => outcome.exact += 1,
                Likeness::Psnr(psnr) if psnr > PSNR_MIN => {
                    outcome.close += 1;
                    outcome.psnr = Some(outcome.psnr.map_or(psnr, |least| least.min(psnr)));
                }
                Likeness::Psnr(_) | Likeness::Broken => outcome.wrong += 1,
            }
        }
        outcome
    }
}

fn better(one: Likeness, other: Likeness) -> Likeness {
    match (one, other) {
        (Likeness::Exact, _) | (_, Likeness::Exact) => Likeness::Exact,
        (Likeness::Psnr(a), Likeness::Psnr(b)) => Likeness::Psnr(a.max(b)),
        (Likeness::Psnr(a), Likeness::Broken) | (Likeness::Broken, Likeness::Psnr(a)) => {
            Likeness::Psnr(a)
        }
        (Likeness::Broken, Likeness::Broken) => Likeness::Broken,
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut said = Vec::new();
        if self.exact > 0 {
            said.push(format!("{} exact", self.exact));
        }
        if let Some(psnr) = self.psnr {
            said.push(format!("{} at {psnr:.0} dB", self.close));
        }
        if self.wrong > 0 {
            said.push(format!("{} wrong", self.wrong));
        }
        f.write_str(&if said.is_empty() { "none".into() } else { said.join(", ") })
    }
}

/// Three receivers at a place.
struct Receivers {
    ours: Program,
    gstreamer: Program,
    ffmpeg: Program,
    folder: tempfile::TempDir,
}

impl Receivers {
    fn at(place: Place, size: (usize, usize)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sdp = folder.path().join("plain.sdp");
        let text = place.plain_sdp(None) + &format!("a=x-dimensions:{},{}\r\n", size.0, size.1);
        fs::write(&sdp, text).unwrap();
        let mut command = receiver();
        command.arg(&sdp).arg("--record").arg(folder.path().join("ours.mkv"));
        let mut ours = Program::start(&mut command);
        ours.wait_for("waiting for");
        let gstreamer = Program::start(&mut gstreamer(place, size, &folder.path().join("gst")));
        let ffmpeg = Program::start(&mut ffmpeg(&sdp, &folder.path().join("ffmpeg")));
        wait_for_sockets(place.port, 3);
        Self { ours, gstreamer, ffmpeg, folder }
    }

    /// What came to each, and what ours said, once nothing comes any more.
    fn outcomes(self, variant: &Variant) -> ([Outcome; 3], String) {
        let Self { ours, gstreamer, ffmpeg, folder } = self;
        gstreamer.succeed();
        ffmpeg.interrupt();
        let said = ours.interrupt().said;
        let read = |name: &str| fs::read(folder.path().join(name)).unwrap_or_default();
        let recording = folder.path().join("ours.mkv");
        let recorded = if recording.exists() { recorded_video(&recording) } else { Vec::new() };
        let files = [recorded, read("gst"), read("ffmpeg")];
        (files.map(|file| Outcome::of(variant, &file)), said)
    }
}

fn gstreamer(place: Place, (width, height): (usize, usize), out: &Path) -> Command {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/gstreamer-receiver");
    let mut command = peer(program.to_str().unwrap());
    command.args([place.group.to_string(), place.port.to_string()]).arg(out);
    command.args(["plain", &format!("x-dimensions=\"{width},{height}\"")]);
    command
}

/// Writes JPEGs as ffmpeg makes them of the packets.
fn ffmpeg(sdp: &Path, out: &Path) -> Command {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-protocol_whitelist", "file,udp,rtp", "-y"]);
    // Or else it keeps the first pictures, which were all, to find out how many come a second.
    ffmpeg.args(["-buffer_size", "8000000", "-fpsprobesize", "0", "-localaddr", "127.0.0.1", "-i"]);
    ffmpeg.arg(sdp).args(["-c", "copy", "-flush_packets", "1", "-f", "mjpeg"]).arg(out);
    ffmpeg
}

/// Waits until so many sockets have this port.
fn wait_for_sockets(port: u16, count: usize) {
    let local = format!(":{port:04X} ");
    wait_until("receivers", || {
        let sockets = fs::read_to_string("/proc/net/udp").unwrap();
        sockets.lines().filter(|line| line.contains(&local)).count() >= count
    });
}

/// The pictures of a variant as files, and their size.
fn laid_out(variant: &Variant) -> (tempfile::TempDir, (usize, usize)) {
    let folder = tempfile::tempdir().unwrap();
    for (index, picture) in variant.pictures.iter().enumerate() {
        fs::write(folder.path().join(format!("{index:02}.jpg")), picture).unwrap();
    }
    let header = variant.pictures.iter().find_map(|it| turbojpeg::read_header(it).ok());
    (folder, header.map_or((640, 480), |header| (header.width, header.height)))
}

/// What our daemon makes of a variant, and why it dropped pictures.
fn through_us(variant: &Variant) -> ([Outcome; 3], String) {
    let _turn = turn();
    let (place, (pictures, size)) = (Place::new(), laid_out(variant));
    let receivers = Receivers::at(place, size);
    let mut daemon = daemon_at(place);
    daemon.args(["--video", &file(pictures.path()), "--audio", "none", "--fps", "15"]);
    let sent = Program::start(daemon.args(["--no-announce", "--repair", "0"])).succeed();
    let (outcomes, said) = receivers.outcomes(variant);
    (outcomes, sent + "\n" + &said)
}

/// What GStreamer and ffmpeg make of a variant themselves, each to its own receiver.
fn through_peers(variant: &Variant) -> [Outcome; 2] {
    let _turn = turn();
    let (pictures, size) = laid_out(variant);
    let pattern = pictures.path().join("%02d.jpg");
    let pattern = pattern.to_str().unwrap();
    let sent = |sender: &dyn Fn((&str, u16)) -> Command| {
        let place = Place::new();
        let receivers = Receivers::at(place, size);
        Program::start(&mut sender((&place.group.to_string(), place.port))).finish();
        receivers.outcomes(variant).0
    };
    let gstreamer = sent(&|to| gstreamer_sender(pattern, size, to))[1];
    let ffmpeg = sent(&|to| ffmpeg_sender(pattern, to))[2];
    [gstreamer, ffmpeg]
}

/// Whether that is what has to become of a variant.
fn is_right(variant: &Variant, outcome: Outcome, ffmpeg: bool) -> bool {
    // Its receiver knows no sizes beyond those of the headers.
    if ffmpeg && variant.name == LARGE {
        return outcome == Outcome::default();
    }
    // When it is interrupted it may keep the last picture for itself.
    let kept = usize::from(ffmpeg);
    let (exact, all) = (outcome.exact, outcome.exact + outcome.close);
    let right = match variant.fate {
        Fate::Exact => exact == all && (PICTURES - kept..=PICTURES).contains(&exact),
        Fate::Close => (PICTURES - kept..=PICTURES).contains(&all),
        Fate::Dropped(_) => exact == all && (1 - kept..=1).contains(&all),
    };
    right && outcome.wrong == 0
}

#[test]
fn every_kind_of_jpeg_is_right_or_dropped_everywhere() {
    let also_peers = whole();
    println!(
        "| pictures | ours to ours | to GStreamer | to ffmpeg | GStreamer's own | ffmpeg's own |"
    );
    println!("|---|---|---|---|---|---|");
    let mut wrong = Vec::new();
    for variant in variants() {
        let (outcomes, said) = through_us(&variant);
        let own = if also_peers {
            through_peers(&variant).map(|outcome| outcome.to_string())
        } else {
            [(); 2].map(|()| "not run".to_owned())
        };
        let name = variant.name;
        let [ours, gstreamer, ffmpeg] = outcomes.map(|outcome| outcome.to_string());
        let reason = match variant.fate {
            Fate::Dropped(reason) => format!(": {reason}"),
            _ => String::new(),
        };
        println!("| {name} | {ours}{reason} | {gstreamer} | {ffmpeg} | {} | {} |", own[0], own[1]);
        let right = (0..3).all(|receiver| is_right(&variant, outcomes[receiver], receiver == 2));
        let told = match variant.fate {
            Fate::Dropped(reason) => {
                said.contains(&format!("{PICTURES} frames not sent: {}", reason.replace('_', " ")))
            }
            _ => !said.contains("not sent"),
        };
        if !right || !told {
            wrong.push(format!("{name}: {outcomes:?}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
