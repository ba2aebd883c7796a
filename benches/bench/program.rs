//! The programs that are measured, and a run of one of them.

use crate::material::Clip;
use nix::sys::signal::Signal;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};
use streamsocket_tests::cost::{Cost, Memory};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, as_it_comes, ours, peer};
use streamsocket_tests::report::track;
use streamsocket_tests::session::file;

/// A program that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sender {
    /// A bare loop of the kernel's calls.
    Floor,
    /// The same, paced as ours.
    PacedFloor,
    /// Ours, with these `--pace` and `--repair`.
    Ours(&'static str, &'static str),
    /// The same of another build.
    Other(&'static str, &'static str),
    /// GStreamer, with so many percent of ULPFEC.
    GStreamer(u8),
    /// ffmpeg.
    Ffmpeg,
}

/// How fast pictures are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Speed {
    /// As fast as it goes.
    Free,
    /// So many a second.
    Rate(u32),
}

/// What is sent, and how.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    pub(crate) sender: Sender,
    pub(crate) clip: Clip,
    pub(crate) speed: Speed,
    /// To so many places.
    pub(crate) destinations: usize,
    /// So many pictures; of ours about so many.
    pub(crate) pictures: u64,
}

/// What becomes of a command before it is run.
pub(crate) type Change<'a> = &'a dyn Fn(Command) -> Command;

/// What a run was like.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) pictures: f64,
    pub(crate) cost: Cost,
    pub(crate) memory: Memory,
}

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);

impl Sender {
    /// What it is called in tables.
    pub(crate) fn name(self) -> String {
        match self {
            Self::Floor => "the kernel alone".to_owned(),
            Self::PacedFloor => "the kernel alone, paced".to_owned(),
            Self::Ours("off", "0") => "streamsocket, plain".to_owned(),
            Self::Ours("off", _) => "streamsocket, repair 20 %".to_owned(),
            Self::Ours(_, "0") => "streamsocket, paced".to_owned(),
            Self::Ours(..) => "streamsocket, as it comes (paced, repair 20 %)".to_owned(),
            Self::Other(pace, repair) => {
                Self::Ours(pace, repair).name().replace("streamsocket", OTHER)
            }
            Self::GStreamer(0) => "GStreamer".to_owned(),
            Self::GStreamer(share) => format!("GStreamer, ULPFEC {share} %"),
            Self::Ffmpeg => "ffmpeg".to_owned(),
        }
    }
}

/// What another build is called in tables.
pub(crate) const OTHER: &str = "the other build";

static OTHER_BUILD: OnceLock<PathBuf> = OnceLock::new();

/// Measures the programs in this folder, too.
pub(crate) fn measure_against(folder: PathBuf) {
    OTHER_BUILD.set(folder).expect("there is one other build");
}

/// The folder of the other build, if there is one.
pub(crate) fn other_build() -> Option<&'static Path> {
    OTHER_BUILD.get().map(PathBuf::as_path)
}

/// A command with the program of the other build.
pub(crate) fn of_other_build(command: &Command) -> Command {
    let name = Path::new(command.get_program()).file_name().unwrap();
    let mut other = Command::new(other_build().expect("--against").join(name));
    other.args(command.get_args()).stdin(Stdio::null()).stdout(Stdio::null());
    other.env_remove("RUST_LOG");
    other
}

impl Sender {
    /// Those of ours, and of the other build if there is one: with their `--pace` and `--repair`.
    pub(crate) const fn own(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Ours(pace, repair) | Self::Other(pace, repair) => Some((pace, repair)),
            _ => None,
        }
    }

    /// These, and behind each of ours the other build, if there is one.
    pub(crate) fn with_other_build(senders: &[Self]) -> Vec<Self> {
        let other = |sender: &Self| match sender {
            Self::Ours(pace, repair) if other_build().is_some() => Some(Self::Other(pace, repair)),
            _ => None,
        };
        senders.iter().flat_map(|sender| [Some(*sender), other(sender)]).flatten().collect()
    }
}

/// The statistics of a medium, of this build or of one whose statistics are no list yet.
pub(crate) fn statistics<'a>(all: &'a serde_json::Value, medium: &str) -> &'a serde_json::Value {
    if all.get("tracks").is_some() { track(all, medium) } else { &all[medium] }
}

impl Job {
    /// Runs it to its end; `audio` is what ours sends as sound.
    fn run(&self, audio: &str, change: Change<'_>) -> Run {
        let places: Vec<Place> = (0..self.destinations).map(|_| place()).collect();
        if let Some((pace, repair)) = self.sender.own() {
            let before = Cost::of_children();
            let (pictures, memory) = self.run_ours((pace, repair), &places, audio, change);
            return Run { pictures, cost: Cost::of_children() - before, memory };
        }
        let mut command = change(self.peer(places[0]));
        let before = Cost::of_children();
        let memory = watch(Program::start(&mut command));
        Run { pictures: self.pictures as f64, cost: Cost::of_children() - before, memory }
    }

    /// What a picture costs: the difference between this run and a short one, so that what a program does
    /// before its first picture does not count.
    pub(crate) fn each(&self, short: u64) -> Run {
        self.each_with("none", short)
    }

    /// The same with this sound, of what is ours.
    pub(crate) fn each_with(&self, audio: &str, short: u64) -> Run {
        self.each_changed(audio, short, &|command| command)
    }

    /// The same of a command that is changed before it is run.
    pub(crate) fn each_changed(&self, audio: &str, short: u64, change: Change<'_>) -> Run {
        let first = Self { pictures: short, ..self.clone() }.run(audio, change);
        let all = self.run(audio, change);
        let pictures = all.pictures - first.pictures;
        Run { pictures, cost: (all.cost - first.cost).each(pictures), memory: all.memory }
    }

    /// The command of a program that ends by itself.
    pub(crate) fn peer(&self, place: Place) -> Command {
        match self.sender {
            Sender::Floor | Sender::PacedFloor => self.floor(place),
            Sender::GStreamer(fec) => self.gstreamer(fec, place),
            _ => self.ffmpeg(place),
        }
    }

    fn floor(&self, place: Place) -> Command {
        let mut command = ours("floor");
        command.arg(&self.clip.file).args([place.to_string(), self.pictures.to_string()]);
        if let Speed::Rate(rate) = self.speed {
            command.arg(rate.to_string());
        }
        if self.sender == Sender::PacedFloor {
            command.arg("paced");
        }
        command
    }

    fn gstreamer(&self, fec: u8, place: Place) -> Command {
        let mut command = peer("gst-launch-1.0");
        command.arg("-q");
        match self.speed {
            Speed::Free => {
                command.args(["multifilesrc", "loop=true"]);
                command.arg(format!("location={}/%05d.jpg", self.clip.folder.display()));
                command.arg(format!("stop-index={}", self.clip.pictures - 1));
                command.arg(format!("num-buffers={}", self.pictures));
                let (width, height) = self.clip.size;
                let size = format!("width={width},height={height}");
                command.arg(format!("caps=image/jpeg,framerate=30/1,{size}"));
            }
            Speed::Rate(rate) => {
                // Single files would have no times to be sent by.
                let avi = self.clip.avi(rate, self.pictures);
                command.arg("filesrc").arg(format!("location={}", avi.display()));
                command.args(["!", "avidemux"]);
            }
        }
        command.args(["!", "rtpjpegpay", "!"]);
        if fec > 0 {
            command.args(["rtpulpfecenc", "pt=122", &format!("percentage={fec}"), "!"]);
        }
        command.args(["udpsink", "multicast-iface=lo", "ttl-mc=1", "auto-multicast=false"]);
        command.args([format!("host={}", place.group), format!("port={}", place.port)]);
        command.arg(format!("sync={}", self.speed != Speed::Free));
        command
    }

    fn ffmpeg(&self, place: Place) -> Command {
        let mut command = peer("ffmpeg");
        command.args(["-nostdin", "-v", "error"]);
        if let Speed::Rate(rate) = self.speed {
            command.args(["-re", "-framerate", &rate.to_string()]);
        }
        command.args(["-stream_loop", "-1", "-f", "mjpeg", "-i"]).arg(&self.clip.file);
        command.args(["-frames:v", &self.pictures.to_string(), "-c:v", "copy", "-f", "rtp"]);
        command.arg(format!("rtp://{place}?localaddr=127.0.0.1&pkt_size=1400&ttl=1"));
        command
    }

    /// Our command, without sound; it goes on until it is stopped.
    pub(crate) fn ours(&self, pace: &str, repair: &str, places: &[Place]) -> Command {
        let mut command = self.ours_with_sound(pace, repair, places);
        command.args(["--audio", "none"]);
        command
    }

    /// The same, where the sound is to be named.
    pub(crate) fn ours_with_sound(&self, pace: &str, repair: &str, places: &[Place]) -> Command {
        let mut command = as_it_comes();
        if matches!(self.sender, Sender::Other(..)) {
            command = of_other_build(&command);
        }
        for place in places {
            command.args(["--to", &place.to_string()]);
        }
        command.args(["--video", &file(&self.clip.file), "--loop", "--no-announce"]);
        command.args(["--pace", pace, "--repair", repair, "--name", &places[0].name(), "--fps"]);
        match self.speed {
            Speed::Free => command.arg("max"),
            Speed::Rate(rate) => command.arg(rate.to_string()),
        };
        command
    }

    fn run_ours(
        &self,
        (pace, repair): (&str, &str),
        places: &[Place],
        audio: &str,
        change: Change<'_>,
    ) -> (f64, Memory) {
        let folder = tempfile::tempdir().unwrap();
        let stats = folder.path().join("stats");
        let mut command = self.ours_with_sound(pace, repair, places);
        command.args(["--audio", audio]);
        let mut program = Program::start(change(command).arg("--stats").arg(&stats));
        program.wait_for("goes to");
        sleep(self.duration());
        let memory = Memory::of(program.id()).unwrap_or_default();
        program.signal(Signal::SIGINT);
        program.succeed();
        let said = std::fs::read_to_string(&stats).unwrap();
        let last: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
        (statistics(&last, "video")["frames_sent"].as_f64().unwrap(), memory)
    }

    /// How long ours is to run. Free, it sends about so many pictures in it.
    fn duration(&self) -> Duration {
        /// Bytes a second, about, that are sent free running: it need not be exact.
        const BYTES_A_SECOND: f64 = 5e9;
        match self.speed {
            Speed::Rate(rate) => Duration::from_secs_f64(self.pictures as f64 / f64::from(rate)),
            Speed::Free => {
                let bytes = self.pictures as f64 * (self.clip.bytes * self.destinations) as f64;
                Duration::from_secs_f64(bytes / BYTES_A_SECOND)
            }
        }
    }
}

/// A place of its own for each run would be used up: no two of these run at the same time.
pub(crate) fn place() -> Place {
    use std::sync::Mutex;
    /// Destinations at a time at most.
    const PLACES: usize = 8;
    static ALL: OnceLock<(Vec<Place>, Mutex<usize>)> = OnceLock::new();
    let (all, next) =
        ALL.get_or_init(|| ((0..PLACES).map(|_| Place::new()).collect(), Mutex::new(0)));
    let mut next = next.lock().unwrap();
    *next += 1;
    all[*next % PLACES]
}

/// Waits for the end of a program, and looks at its memory meanwhile.
pub(crate) fn watch(program: Program) -> Memory {
    let (id, mut memory) = (program.id(), Memory::default());
    let ended = std::thread::spawn(move || program.succeed());
    let began = Instant::now();
    while !ended.is_finished() {
        memory = Memory::of(id).filter(|now| now.all > 0.0).unwrap_or(memory);
        sleep(LOOK.min(began.elapsed() / 4 + Duration::from_millis(1)));
    }
    ended.join().unwrap();
    memory
}
