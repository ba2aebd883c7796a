//! What it costs to hand packets on: our relay beside a bare loop of the kernel's calls and GStreamer's `multiudpsink`, each
//! sent the same packets at the same times, and what each adds to the time that they are under way.

use crate::cable::{FAR, Far, MORE, NEAR, Network, Run, addresses, connect, listeners};
use crate::material::{Clip, usual};
use crate::report::{number, progress, ratios, table as printed};
use std::sync::OnceLock;
use streamsocket_tests::board::on;
use streamsocket_tests::cost::median;
use streamsocket_tests::machine::Machine;
use streamsocket_tests::program::{Program, ours, peer};

/// Viewers, unless the command line says otherwise: as many as a network of 1 Gbit/s carries, and many.
pub(crate) const VIEWERS: [usize; 2] = [33, 100];

/// Pictures a second.
const RATE: u32 = 30;

/// Addresses between who publishes and the relay.
const SOURCE: &str = "10.98.0.2";
const ENTRY: &str = "10.98.0.1";

/// The port that packets come to, where it can be chosen.
const PORT: u16 = 5004;

/// What adds nothing: one viewer's packets, handed on by the kernel.
const ALONE: &str = "the kernel, which routes to one viewer";

/// Where the relay listens.
const RTSP: u16 = 8554;

static ASKED: OnceLock<Vec<usize>> = OnceLock::new();

/// Measures with so many viewers, one number after the other.
pub(crate) fn use_viewers(viewers: Vec<usize>) {
    ASKED.set(viewers).expect("it is said once");
}

/// Who publishes, the relay's machine, and that of the viewers.
struct Place {
    source: Machine,
    network: Network,
    clip: Clip,
}

/// The tables.
pub(crate) fn table(rounds: u32) -> String {
    const HEADING: &str = "## The relay\n";
    let Some(place) = Place::new() else {
        return format!("{HEADING}\nNot measured: network namespaces are made by root.\n");
    };
    let numbers = ASKED.get().map_or(&VIEWERS[..], Vec::as_slice);
    let tables = numbers.iter().map(|viewers| format!("\n{}", compared(&place, *viewers, rounds)));
    std::iter::once(HEADING.to_owned()).chain(tables).collect()
}

/// The table of so many viewers.
fn compared(place: &Place, viewers: usize, rounds: u32) -> String {
    let mut runs = [const { Vec::<Run>::new() }; 3];
    let mut routed = Vec::new();
    for round in 0..rounds {
        progress("relay", round, rounds, &format!("{viewers} viewers"));
        routed.push(place.routed());
        runs[0].push(place.bare(viewers));
        runs[1].push(place.relay(viewers));
        runs[2].push(place.gstreamer(viewers));
    }
    let names = ["a bare loop", "streamsocket-relay", "GStreamer, multiudpsink"];
    let each = |run: &Run| run.cpu / run.packets;
    // Others take the processors from time to time, and delay whatever runs.
    let least = |of: &[Run]| of.iter().map(|run| run.delays[1]).fold(f64::MAX, f64::min);
    let delays = |of: &[Run]| {
        let median = |at: usize| median(of.iter().map(|run| run.delays[at])) * 1e3;
        [number(median(0)), format!("{} ({})", number(median(1)), number(least(of) * 1e3))]
    };
    let alone = [ALONE, "", "", ""].map(str::to_owned).into_iter();
    let sums = |of: &[Run]| {
        let lost = of.iter().map(|run| run.lost).fold(0.0, f64::max);
        [median(of.iter().map(|run| run.packets)), lost].map(|it| format!("{it:.0}"))
    };
    let alone = alone.chain(sums(&routed)).chain(delays(&routed)).collect();
    let rows = names.iter().zip(&runs).map(|(name, own)| {
        let against = |other: &[Run]| {
            ratios(own.iter().zip(other).map(|(own, other)| each(own) / each(other)))
        };
        let each = median(own.iter().map(each)) * 1e6;
        let costs = [(*name).to_owned(), number(each), against(&runs[0]), against(&runs[2])];
        costs.into_iter().chain(sums(own)).chain(delays(own)).collect()
    });
    let columns = [
        "who hands on",
        "CPU us a packet",
        "x the bare loop",
        "x GStreamer",
        "packets a second that came",
        "lost, at most",
        "under way p50, ms",
        "p99 (least of a round), ms",
    ];
    let heading = format!("{viewers} viewers of 1280x720, {RATE} pictures a second, by UDP");
    let rows: Vec<Vec<String>> = std::iter::once(alone).chain(rows).collect();
    printed(&heading, &columns, &rows)
}

impl Place {
    fn new() -> Option<Self> {
        let (network, source) = (Network::new()?, Machine::new("bench-source")?);
        connect((&network.near, "eth1", ENTRY), (&source, "eth0", SOURCE));
        source.ip(&format!("route add default via {ENTRY}"));
        let mut forward = peer("ip");
        forward.args(["netns", "exec", network.near.name(), "sysctl", "-qw"]);
        assert!(forward.arg("net.ipv4.ip_forward=1").status().unwrap().success());
        Some(Self { source, network, clip: usual("1280x720") })
    }

    /// Sends to there from now on.
    fn push(&self, to: &str) -> Program {
        let mut push = ours("push");
        push.arg(&self.clip.file).args([&RATE.to_string(), to]);
        Program::start(&mut on(self.source.name(), &push))
    }

    fn routed(&self) -> Run {
        let far = listeners(&self.network.far, 1);
        let push = self.push(&addresses(1));
        far.measure(&push)
    }

    fn bare(&self, viewers: usize) -> Run {
        let far = listeners(&self.network.far, viewers);
        let mut pass = ours("pass");
        pass.args([format!("{ENTRY}:{PORT}"), addresses(viewers)]);
        let mut pass = Program::start(&mut on(self.network.near.name(), &pass));
        pass.wait_for("ready");
        let _push = self.push(&format!("{ENTRY}:{PORT}"));
        far.measure(&pass)
    }

    fn gstreamer(&self, viewers: usize) -> Run {
        let far = listeners(&self.network.far, viewers);
        let mut gstreamer = peer("gst-launch-1.0");
        gstreamer.args(["-q", "udpsrc", &format!("address={ENTRY}"), &format!("port={PORT}")]);
        gstreamer.args(["buffer-size=8388608", "!", "multiudpsink", "sync=false"]);
        gstreamer.arg(format!("clients={}", addresses(viewers)));
        let gstreamer = Program::start(&mut on(self.network.near.name(), &gstreamer));
        let _push = self.push(&format!("{ENTRY}:{PORT}"));
        far.measure(&gstreamer)
    }

    fn relay(&self, viewers: usize) -> Run {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("relay.toml");
        let rooms =
            format!("listen = \":{RTSP}\"\ninterface = \"eth0\"\n[[room]]\nname = \"bench\"\n");
        std::fs::write(&file, rooms).unwrap();
        let mut relay = ours("streamsocket-relay");
        relay.arg("--config").arg(&file);
        let mut relay = Program::start(&mut on(self.network.near.name(), &relay));
        relay.wait_for("publishers come to");
        let _push = self.push(&format!("rtsp://{ENTRY}:{RTSP}/bench/clip"));
        relay.wait_for("publishes");
        let (url, viewers) = (format!("rtsp://{NEAR}:{RTSP}/bench/clip"), viewers.to_string());
        // A relay serves so many viewers of one address, and no more.
        let play = [&["play", &url, &viewers, FAR][..], &MORE].concat();
        let run = Far::start(&self.network.far, &play).measure(&relay);
        relay.interrupt().succeeded();
        run
    }
}
