//! A configuration that changes under a running daemon, and the receiver that goes on.

use nix::sys::signal::Signal;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Lines};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Output, Stdio};
use streamsocket_tests::clip::{clip, voice};
use streamsocket_tests::long::is_left_out;
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{PATIENCE, Program, daemon, ours, peer, receiver, text};
use streamsocket_tests::report::track;
use streamsocket_tests::turn;

/// Pictures that are to come after a change: more than were under way.
const MORE: u64 = 40;

struct Session {
    place: Place,
    folder: tempfile::TempDir,
    daemon: Program,
}

impl Session {
    fn start(lines: &str) -> Self {
        Self::start_with(lines, |_| {})
    }

    fn start_with(lines: &str, change: impl FnOnce(&mut Command)) -> Self {
        let (place, folder) = (Place::new(), tempfile::tempdir().unwrap());
        let config = folder.path().join("it.toml");
        let own = format!("to = \"{place}\"\nname = \"{}\"\n", place.name());
        fs::write(&config, own + lines).unwrap();
        let mut command = daemon();
        command.arg("--config").arg(config);
        command.arg("--sdp").arg(folder.path().join("it.sdp"));
        change(&mut command);
        let mut daemon = Program::start(&mut command);
        daemon.wait_for("goes to");
        Self { place, folder, daemon }
    }

    fn configure(&self, lines: &str) {
        let Self { place, .. } = self;
        let own = format!("to = \"{place}\"\nname = \"{}\"\n", place.name());
        fs::write(self.folder.path().join("it.toml"), own + lines).unwrap();
    }

    fn sdp(&self) -> PathBuf {
        self.folder.path().join("it.sdp")
    }

    /// The SSRC of each stream.
    fn ssrcs(&self) -> Vec<String> {
        let sdp = text(ours("streamsocket").args(["sdp", "--name", &self.place.name()]));
        sdp.lines().filter(|line| line.starts_with("a=ssrc:")).map(str::to_owned).collect()
    }

    fn reload(&self) -> Output {
        let mut command = ours("streamsocket");
        command.args(["reload", "--instance", &self.place.name()]).stdout(Stdio::piped());
        command.output().unwrap()
    }

    fn reloaded(&self) {
        let Output { status, stdout, stderr } = self.reload();
        assert!(status.success(), "{}", String::from_utf8_lossy(&stderr));
        assert_eq!(String::from_utf8_lossy(&stdout), "the changed configuration is applied\n");
    }

    fn same(&self) {
        let mut command = ours("streamsocket");
        let said = text(command.args(["reload", "--json", "--name", &self.place.name()]));
        assert_eq!(said, "{\"changed\":false}\n");
    }

    #[track_caller]
    fn refused(&self, reason: &str) {
        let Output { status, stderr, .. } = self.reload();
        let said = String::from_utf8_lossy(&stderr);
        assert!(status.code() == Some(1) && said.contains(reason), "{said}");
    }
}

/// A receiver's statistics, one a second.
struct Watched {
    program: Program,
    seconds: Lines<BufReader<ChildStdout>>,
}

impl Watched {
    fn start(session: &Session) -> Self {
        let mut command = receiver();
        command.arg(session.sdp()).args(["--stats", "-"]).stdout(Stdio::piped());
        let mut program = Program::start(&mut command);
        let seconds = BufReader::new(program.stdout()).lines();
        Self { program, seconds }
    }

    /// Waits for more pictures, and for more sound if there is some; the last statistics.
    #[track_caller]
    fn goes_on(&mut self) -> serde_json::Value {
        let mut first = None;
        for line in self.seconds.by_ref().map_while(Result::ok).take(60) {
            let now: serde_json::Value = serde_json::from_str(&line).unwrap();
            let pictures = track(&now, "video")["frames_received"].as_u64().unwrap_or(0);
            if pictures >= *first.get_or_insert(pictures) + MORE {
                return now;
            }
        }
        panic!("no more pictures; it said:\n{}", self.program.said());
    }
}

#[test]
fn another_way_of_sending_is_taken_on_without_the_loss_of_a_packet() {
    if is_left_out("reloading::another_way_of_sending_is_taken_on_without_the_loss_of_a_packet") {
        return;
    }
    let _turn = turn();
    let sources = format!(
        "video = \"file:{}\"\naudio = \"file:{}\"\nloop = true\n",
        clip("640x480").display(),
        voice().display()
    );
    let session = Session::start(&sources);
    let mut viewer = Watched::start(&session);
    viewer.goes_on();
    let ssrcs = session.ssrcs();
    assert_eq!(ssrcs.len(), 2);
    for change in ["pace = \"off\"", "requality = 40", "max-bitrate = \"40M\"\npacket-size = 1200"]
    {
        session.configure(&format!("{sources}{change}\n"));
        session.reloaded();
        viewer.goes_on();
    }
    let last = viewer.goes_on();
    assert_eq!(track(&last, "video")["packets_lost"], 0, "{last}");
    assert_eq!(track(&last, "audio")["packets_lost"], 0, "{last}");
    assert_eq!(session.ssrcs(), ssrcs);
    let status =
        text(ours("streamsocket").args(["status", "--json", "--name", &session.place.name()]));
    let status: serde_json::Value = serde_json::from_str(&status).unwrap();
    assert!(track(&status, "video")["frames_encoded"].as_u64().is_some(), "{status}");
    viewer.program.interrupt().succeeded();
    session.daemon.interrupt().succeeded();
}

#[test]
fn sources_and_repair_are_exchanged_under_a_viewer() {
    if is_left_out("reloading::sources_and_repair_are_exchanged_under_a_viewer") {
        return;
    }
    let _turn = turn();
    let session = Session::start("video = \"pattern\"\nsize = \"640x480\"\naudio = \"tone\"\n");
    let mut viewer = Watched::start(&session);
    viewer.goes_on();
    let ssrcs = session.ssrcs();
    let changes = [
        "video = \"pattern\"\nsize = \"640x480\"\naudio = \"tone\"\nquality = 30\n",
        "video = \"pattern\"\nsize = \"320x240\"\naudio = \"tone\"\nrepair = 50\n",
        &format!("video = \"file:{}\"\nloop = true\naudio = \"tone\"\n", clip("640x480").display()),
    ];
    for change in changes {
        session.configure(change);
        session.reloaded();
        viewer.goes_on();
        assert_eq!(session.ssrcs(), ssrcs);
    }
    viewer.program.interrupt().succeeded();
    session.daemon.interrupt().succeeded();
}

#[test]
fn what_is_wrong_changes_nothing_and_is_told_by_key_and_line() {
    let _turn = turn();
    let sources = "video = \"pattern\"\nsize = \"320x240\"\naudio = \"none\"\n";
    let mut session = Session::start(sources);
    let mut viewer = Watched::start(&session);
    session.configure(&format!("{sources}quality = 500\n"));
    session.refused("line 6: quality 500: ");
    session.configure(&format!("{sources}colour = 1\n"));
    session.refused("line 6: unknown field `colour`");
    session.configure("video = \"v4l2:/dev/no-such-camera\"\naudio = \"none\"\n");
    session.refused("no camera at /dev/no-such-camera");
    session.configure("video = \"pattern\"\nname = \"twice\"\n");
    session.refused("line 4: name: duplicate key");
    // By a signal, too; then the old one again, which is no change.
    session.daemon.signal(Signal::SIGHUP);
    session.daemon.wait_for("duplicate key");
    session.configure(sources);
    session.daemon.signal(Signal::SIGHUP);
    session.daemon.wait_for("the configuration is the same as before");
    session.configure(&format!("{sources}pace = \"off\"\n"));
    session.daemon.signal(Signal::SIGHUP);
    session.daemon.wait_for("the configuration is changed: applied");
    viewer.goes_on();
    viewer.program.interrupt().succeeded();
    session.daemon.interrupt().succeeded();
}

/// The same in a terminal of its own, which is gone when this program is killed.
fn in_a_terminal(command: &mut Command) {
    let quoted = |word: &OsStr| format!("'{}'", word.to_str().unwrap());
    let mut words = vec![quoted(command.get_program())];
    words.extend(command.get_args().map(quoted));
    // What it says is read beside the terminal.
    let inner = format!("exec {} 2>&3", words.join(" "));
    *command = peer("sh");
    command.args(["-c", "exec 3>&2; exec script -qc \"$0\" /dev/null", &inner]);
}

#[test]
fn a_terminal_that_closes_ends_it_though_it_has_a_configuration() {
    if is_left_out("reloading::a_terminal_that_closes_ends_it_though_it_has_a_configuration") {
        return;
    }
    let _turn = turn();
    let sources = "video = \"pattern\"\nsize = \"320x240\"\naudio = \"none\"\n";
    let session = Session::start_with(sources, in_a_terminal);
    session.daemon.signal(Signal::SIGKILL);
    let said = session.daemon.finish().said;
    assert!(said.contains("frames captured"), "{said}");
}

#[test]
fn the_service_manager_is_told_of_a_reload() {
    if is_left_out("reloading::the_service_manager_is_told_of_a_reload") {
        return;
    }
    let _turn = turn();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let session = Session::start_with("video = \"pattern\"\naudio = \"none\"\n", |command| {
        command.env("NOTIFY_SOCKET", &path);
    });
    session.same();
    let mut bytes = [0; 4096];
    let mut hear = |what: &str| loop {
        let len = manager.recv(&mut bytes).unwrap();
        let message = String::from_utf8_lossy(&bytes[..len]).into_owned();
        if message.starts_with(what) {
            break message;
        }
    };
    hear("READY=1");
    let reloading = hear("RELOADING=1");
    let micros = reloading.lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).unwrap();
    let nanos = micros.parse::<i64>().unwrap() * 1000;
    assert!((0..60_000_000_000).contains(&(streamsocket_tests::board::monotonic() - nanos)));
    hear("READY=1");
    session.daemon.interrupt().succeeded();
}

#[test]
fn without_a_configuration_there_is_nothing_to_reload() {
    let _turn = turn();
    let place = Place::new();
    let mut daemon = streamsocket_tests::session::daemon_at(place);
    let mut daemon = Program::start(daemon.args(["--video", "pattern", "--audio", "none"]));
    daemon.wait_for("goes to");
    let answer = ours("streamsocket").args(["reload", "--name", &place.name()]).output().unwrap();
    let said = String::from_utf8_lossy(&answer.stderr);
    assert!(!answer.status.success() && said.contains("without --config"), "{said}");
    daemon.interrupt().succeeded();
}
