//! Chromium and Firefox, driven by `browser.mjs`.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use streamsocket_tests::board::wait_until;
use streamsocket_tests::program::{Program, peer};

/// A browser with one page.
pub(crate) struct Browser {
    child: Child,
    /// Its end is that of the browser.
    to: Option<ChildStdin>,
    from: BufReader<ChildStdout>,
}

/// PulseAudio without a sound card.
pub(crate) struct SoundServer {
    _program: Program,
    socket: PathBuf,
}

impl SoundServer {
    /// One that has this folder.
    pub(crate) fn start(folder: &Path) -> Self {
        let socket = folder.join("socket");
        let mut pulseaudio = peer("pulseaudio");
        pulseaudio.args(["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no"]);
        pulseaudio.args(["-L", "module-null-sink", "-L"]);
        let protocol =
            format!("module-native-protocol-unix auth-anonymous=1 socket={}", socket.display());
        pulseaudio.arg(protocol).env("HOME", folder).env("XDG_RUNTIME_DIR", folder);
        let program = Program::start(&mut pulseaudio);
        wait_until("a sound server", || socket.exists());
        Self { _program: program, socket }
    }
}

impl Browser {
    /// One that answers with this password when it is asked for one.
    pub(crate) fn start(password: Option<&str>) -> Self {
        Self::with(&password.map_or(vec![], |password| vec!["--password", password]))
    }

    /// One for which this name means this machine.
    pub(crate) fn knowing(name: &str) -> Self {
        Self::with(&["--name", name])
    }

    /// Firefox, for which this name means this machine, with this sound server: it plays nothing without one.
    pub(crate) fn firefox(name: &str, sound: &SoundServer) -> Self {
        let server = format!("unix:{}", sound.socket.display());
        Self::by(&["--firefox", "--name", name], Some(server))
    }

    fn with(arguments: &[&str]) -> Self {
        Self::by(arguments, None)
    }

    fn by(arguments: &[&str], sound: Option<String>) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway");
        let mut node = peer("node");
        node.arg(folder.join("browser.mjs"));
        node.args(arguments).envs(sound.map(|server| ("PULSE_SERVER", server)));
        let spawned = node.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.expect("node: scripts/setup page installs it");
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, to: Some(to), from: BufReader::new(from) }
    }

    /// Has it do something, and returns what comes of that.
    #[track_caller]
    pub(crate) fn tell(&mut self, command: &str, argument: impl Into<Value>) -> Value {
        let to = self.to.as_mut().unwrap();
        writeln!(to, "{}", json!([command, argument.into()])).unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        let answer: Value = serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("{command}: no answer: make gateway-test sets it up"));
        assert!(answer.get("error").is_none(), "{command}: {}", answer["error"]);
        answer["value"].clone()
    }

    /// What an expression of the page's is.
    #[track_caller]
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        self.tell("evaluate", expression)
    }

    /// What was said in the console that nobody may see there.
    pub(crate) fn errors(&mut self) -> Vec<String> {
        serde_json::from_value(self.tell("errors", Value::Null)).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        drop(self.to.take());
        let _ = self.child.wait();
    }
}
