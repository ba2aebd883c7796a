//! What viewers cost who are served one by one, over RTSP: beside a bare loop that sends the same batches to as many
//! sockets, and GStreamer's `multiudpsink`; and how long the first picture takes, beside GStreamer's server.

use crate::cable::{FAR, Far, MORE, NEAR, Network, Run, addresses, listeners};
use crate::material::{Clip, usual};
use crate::program::{Job, Sender, Speed, place};
use crate::report::{milliseconds, progress, ratios, table as printed};
use std::process::Command;
use streamsocket_tests::board::on;
use streamsocket_tests::cost::median;
use streamsocket_tests::program::{Program, ours, peer};
use streamsocket_tests::session::file;

/// Viewers, and what they are sent.
const VIEWERS: usize = 100;
const RATE: u32 = 30;

/// First pictures of a round.
const FIRST: usize = 50;

/// The tables.
pub(crate) fn table(rounds: u32) -> String {
    let Some(network) = Network::new() else {
        return "## Viewers by RTSP\n\nNot measured: network namespaces are made by root.\n".into();
    };
    let clip = usual("1280x720");
    let mut runs = [const { Vec::<Run>::new() }; 3];
    for round in 0..rounds {
        progress("unicast", round, rounds, &format!("{VIEWERS} viewers"));
        runs[0].push(floor(&network, &clip));
        runs[1].push(streamsocket(&network, &clip));
        runs[2].push(gstreamer(&network, &clip));
    }
    let names = ["the kernel alone, paced", "streamsocket, as it comes", "GStreamer, multiudpsink"];
    // The kernel alone sends the same packets again and again, with the same numbers.
    let has_numbers = [false, true, true];
    let rows = names.iter().zip(&runs).zip(has_numbers).map(|((name, own), has_numbers)| {
        let lost = own.iter().map(|run| run.lost).fold(0.0, f64::max);
        let against =
            |other: &[Run]| ratios(own.iter().zip(other).map(|(own, other)| own.cpu / other.cpu));
        vec![
            (*name).to_owned(),
            milliseconds(median(own.iter().map(|run| run.cpu / f64::from(RATE)))),
            against(&runs[0]),
            against(&runs[2]),
            format!("{:.0}", median(own.iter().map(|run| run.packets))),
            if has_numbers { format!("{lost:.0}") } else { "-".into() },
            format!("{:.0}", own.iter().map(|run| run.fewest).fold(f64::MAX, f64::min)),
        ]
    });
    let columns = [
        "sender",
        "CPU ms a picture",
        "x the kernel alone",
        "x GStreamer",
        "packets a second that came",
        "lost, at most",
        "pictures a second of the one who got fewest",
    ];
    let heading = format!("{VIEWERS} viewers of 1280x720, {RATE} pictures a second, by UDP");
    let sent = printed(&heading, &columns, &rows.collect::<Vec<_>>());
    format!("## Viewers by RTSP\n\n{sent}\n{}", first(&network, &clip, rounds))
}

fn floor(network: &Network, clip: &Clip) -> Run {
    let far = listeners(&network.far, VIEWERS);
    let mut floor = ours("floor");
    let to = addresses(VIEWERS);
    floor.arg(&clip.file).args([to, "1000".into(), RATE.to_string(), "paced".into()]);
    far.measure(&Program::start(&mut on(network.near.name(), &floor)))
}

fn streamsocket(network: &Network, clip: &Clip) -> Run {
    let daemon = daemon(network, clip);
    let url = format!("rtsp://{NEAR}:8554/");
    // A server serves so many viewers of one address, and no more.
    let viewers = VIEWERS.to_string();
    let parts = [&["play", &url, &viewers][..], &MORE].concat();
    let run = Far::start(&network.far, &parts).measure(&daemon);
    daemon.interrupt().succeeded();
    run
}

fn daemon(network: &Network, clip: &Clip) -> Program {
    let mut command = ours("streamsocket");
    command.args(["--interface", "eth0", "--video", &file(&clip.file), "--loop"]);
    command.args(["--audio", "none", "--fps", &RATE.to_string(), "--no-announce"]);
    command.args(["--to", &place().to_string(), "--name", network.near.name()]);
    let mut daemon = Program::start(&mut on(network.near.name(), &command));
    daemon.wait_for("goes to");
    daemon
}

fn gstreamer(network: &Network, clip: &Clip) -> Run {
    let far = listeners(&network.far, VIEWERS);
    let job = Job {
        sender: Sender::GStreamer(0),
        clip: clip.clone(),
        speed: Speed::Rate(RATE),
        destinations: 1,
        pictures: 1000,
    };
    let own = job.peer(place());
    let mut command = Command::new(own.get_program());
    let before = own.get_args().take_while(|it| *it != "udpsink");
    command.args(before).args(["multiudpsink", &format!("clients={}", addresses(VIEWERS))]);
    far.measure(&Program::start(&mut on(network.near.name(), command.arg("sync=true"))))
}

/// How long the first picture takes, of this clip from our daemon and of the same from GStreamer's server, to which
/// somebody is connected already.
fn first(network: &Network, clip: &Clip, rounds: u32) -> String {
    let mut times = [const { Vec::new() }; 2];
    for round in 0..rounds {
        progress("unicast", round, rounds, "first pictures");
        let daemon = daemon(network, clip);
        times[0].extend(firsts(network, &format!("rtsp://{NEAR}:8554/")));
        daemon.interrupt().succeeded();
        let mut server = Program::start(&mut on(network.near.name(), &gstreamer_server(clip)));
        server.wait_for("ready");
        times[1].extend(firsts(network, &format!("rtsp://{NEAR}:8554/cam")));
    }
    let rows = ["streamsocket", "gst-rtsp-server"].iter().zip(&mut times).map(|(name, times)| {
        times.sort_by(f64::total_cmp);
        let at = |part: usize| milliseconds(times[(times.len() - 1) * part / 100]);
        vec![(*name).to_owned(), at(50), at(95)]
    });
    let columns = ["server", "p50, ms", "p95, ms"];
    let heading = "From connecting to the last packet of the first whole picture, by UDP, beside a viewer who watches already";
    printed(heading, &columns, &rows.collect::<Vec<_>>())
}

fn firsts(network: &Network, url: &str) -> Vec<f64> {
    let watching = Far::start(&network.far, &["play", url, "1", FAR]);
    let mut far = on(
        network.far.name(),
        ours("far").args(["first", url, &FIRST.to_string(), &RATE.to_string()]),
    );
    let said = streamsocket_tests::program::text(&mut far);
    drop(watching);
    said.lines().map(|line| line.parse().unwrap()).collect()
}

/// GStreamer's server of a clip, shared by all who watch, as a camera gives it: live, a picture at a time.
fn gstreamer_server(clip: &Clip) -> Command {
    let (folder, count) = (clip.folder.display(), clip.pictures);
    let (width, height) = clip.size;
    let script = format!(
        "import gi, sys\n\
         gi.require_version('Gst', '1.0'); gi.require_version('GstRtspServer', '1.0')\n\
         from gi.repository import Gst, GstRtspServer, GLib\n\
         Gst.init(None)\n\
         server = GstRtspServer.RTSPServer(); server.set_service('8554')\n\
         factory = GstRtspServer.RTSPMediaFactory(); factory.set_shared(True)\n\
         factory.set_launch('( appsrc name=camera is-live=true do-timestamp=true format=time caps=image/jpeg,framerate={RATE}/1,width={width},height={height} ! rtpjpegpay name=pay0 )')\n\
         pictures = [open('{folder}/%05d.jpg' % nth, 'rb').read() for nth in range({count})]\n\
         def give(media, element):\n\
         \x20   camera, given = element.get_child_by_name('camera'), [0]\n\
         \x20   def picture():\n\
         \x20       camera.emit('push-buffer', Gst.Buffer.new_wrapped(pictures[given[0] % {count}]))\n\
         \x20       given[0] += 1\n\
         \x20       return True\n\
         \x20   GLib.timeout_add(1000 // {RATE}, picture)\n\
         factory.connect('media-configure', lambda factory, media: give(media, media.get_element()))\n\
         server.get_mount_points().add_factory('/cam', factory)\n\
         server.attach(None); print('ready', file=sys.stderr, flush=True)\n\
         GLib.MainLoop().run()\n"
    );
    let mut python = peer("/usr/bin/python3");
    python.args(["-c", &script]);
    python
}
