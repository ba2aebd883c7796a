//! What a picture costs its receiver, from the network to decoded planes.

use crate::material::usual;
use crate::program::{
    Job, OTHER, Run, Sender, Speed, of_other_build, other_build, place, statistics, watch,
};
use crate::report::{milliseconds, number, progress, table as printed};
use crate::sending::middle;
use std::process::Command;
use streamsocket_tests::cost::{Cost, Memory, median};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, peer, receiver};

/// Pictures a second.
const RATE: u32 = 30;

/// Seconds of the long run, and of the short one that is taken off it.
const SECONDS: [u32; 2] = [6, 2];

/// A receiver, and the share of repair that it is sent.
const RECEIVERS: [(&str, &str); 3] = [
    ("streamsocket-receiver", "0"),
    ("streamsocket-receiver, repair 20 %", "20"),
    ("GStreamer", "0"),
];

/// The other build's, if there is one.
const OTHERS: [(&str, &str); 2] =
    [("the other build", "0"), ("the other build, repair 20 %", "20")];

/// All tables.
pub(crate) fn table(rounds: u32) -> String {
    let others = if other_build().is_some() { &OTHERS[..] } else { &[] };
    let receivers = [&RECEIVERS[..], others].concat();
    let mut text = "## Receiving and decoding\n".to_owned();
    for size in ["1280x720", "1920x1080"] {
        let mut runs: Vec<Vec<Run>> = vec![Vec::new(); receivers.len()];
        for round in 0..rounds {
            progress("receiving", round, rounds, size);
            for (index, (name, repair)) in receivers.iter().enumerate() {
                runs[index].push(measured(size, name, repair));
            }
        }
        let rows: Vec<Vec<String>> = receivers
            .iter()
            .zip(&runs)
            .map(|((name, _), runs)| {
                let Run { cost, memory, .. } = middle(runs);
                vec![
                    (*name).to_owned(),
                    milliseconds(cost.cpu()),
                    number(cost.waits),
                    format!("{:.1}", memory.all / 1e3),
                    format!("{:.1}", memory.own / 1e3),
                    format!("{:.0}", median(runs.iter().map(|run| run.pictures))),
                ]
            })
            .collect();
        let columns = ["receiver", "CPU ms", "waits", "RSS MB", "anonymous MB", "pictures"];
        text += "\n";
        text += &printed(&format!("{size}, {RATE} pictures a second"), &columns, &rows);
    }
    text
}

fn measured(size: &str, name: &str, repair: &'static str) -> Run {
    let [long, short] = SECONDS.map(|seconds| received(size, name, repair, seconds));
    let pictures = long.pictures - short.pictures;
    Run { pictures, cost: (long.cost - short.cost).each(pictures), memory: long.memory }
}

/// Receives for so long while our daemon sends. Only what ends before it counts: the receiver.
fn received(size: &str, name: &str, repair: &'static str, seconds: u32) -> Run {
    let (place, folder) = (place(), tempfile::tempdir().unwrap());
    let (sdp, stats) = (folder.path().join("it.sdp"), folder.path().join("stats"));
    let speed = Speed::Rate(RATE);
    let job = Job { sender: Sender::Floor, clip: usual(size), speed, destinations: 1, pictures: 0 };
    let mut daemon = Program::start(job.ours("50%", repair, &[place]).arg("--sdp").arg(&sdp));
    daemon.wait_for("goes to");
    let before = Cost::of_children();
    let (pictures, memory): (f64, Memory) = if name == "GStreamer" {
        let memory = watch(Program::start(&mut gstreamer(place, seconds * RATE)));
        (f64::from(seconds * RATE), memory)
    } else {
        let mut command = receiver();
        if name.starts_with(OTHER) {
            command = of_other_build(&command);
        }
        command.args(["--mute", "--for", &seconds.to_string(), "--stats"]).arg(&stats).arg(&sdp);
        let memory = watch(Program::start(&mut command));
        let said = std::fs::read_to_string(&stats).unwrap();
        let last: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        (statistics(&last, "video")["frames_shown"].as_f64().unwrap(), memory)
    };
    let cost = Cost::of_children() - before;
    daemon.interrupt().succeeded();
    Run { pictures, cost, memory }
}

fn gstreamer(place: Place, pictures: u32) -> Command {
    let mut command = peer("gst-launch-1.0");
    command.args(["-q", "udpsrc", "buffer-size=8000000", "multicast-iface=lo"]);
    command.args([format!("address={}", place.group), format!("port={}", place.port)]);
    command
        .arg("caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=JPEG,payload=26");
    command.args(["!", "rtpjpegdepay", "!", "jpegdec", "!", "fakesink", "sync=false"]);
    command.arg(format!("num-buffers={pictures}"));
    command
}
