//! Sends what this machine sees and hears to the room that is shown: starts the daemon, and ends it with the receiver.

use crate::options::Options;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_net::Interface;
use streamsocket_net::parent_death::end_with_us;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::locate::relay_of_room;

/// The program, and the package that it is in.
const PROGRAM: &str = "streamsocket";

/// How long it may take to end by itself: it says goodbye to viewers.
const PATIENCE: Duration = Duration::from_secs(3);

/// Between two looks at whether it has.
const LOOK: Duration = Duration::from_millis(20);

/// Keys of a configuration by which it does not go to a relay that was found: it goes elsewhere, or is protected.
const OTHERWISE: [&str; 2] = ["to", "key-file"];

/// SSRCs that may wait to be looked at: those of a description at most.
const WAITING_MAX: usize = 8;

/// The daemon that sends for us.
pub struct Publisher {
    child: Child,
    ssrcs: Receiver<u32>,
    /// How to start it without the relay that was found, if that does not take what it sends.
    otherwise: Option<(PathBuf, Vec<OsString>)>,
    /// When it was asked to end.
    asked: Option<Monotonic>,
    ended: bool,
}

impl Publisher {
    /// Starts it, for the room of this name, and with a configuration file of its own if the user has named one. If a relay
    /// has the room it publishes there, unless the file says where to.
    ///
    /// # Errors
    /// One line: it is not installed, or cannot be started.
    pub fn start(
        room: &str,
        options: &Options,
        interface: Option<&Interface>,
    ) -> Result<Self, String> {
        let folder = std::env::current_exe().ok();
        let folder = folder.as_deref().and_then(Path::parent);
        let program = find(folder, std::env::var_os("PATH").as_deref()).ok_or(format!(
            "--publish: {PROGRAM}, which sends this machine's camera and microphone, is not installed: install the package \
             {PROGRAM}"
        ))?;
        let mut arguments: Vec<OsString> = ["--room", room, "--sdp", "-"].map(Into::into).into();
        if let Some(interface) = &options.interface {
            arguments.extend(["--interface".into(), interface.into()]);
        }
        if let Some(key_file) = &options.key_file {
            arguments.extend(["--key-file".into(), key_file.into()]);
        }
        if let Some(Some(configuration)) = &options.publish {
            arguments.extend(["--config".into(), configuration.into()]);
        }
        let relay = relay(room, options, interface);
        if let Some(relay) = &relay {
            log::info!("the room '{room}' is at {relay}: it is published there");
        }
        let (child, ssrcs) = begin(&program, &arguments, relay.as_deref())?;
        let otherwise = relay.map(|_| (program, arguments));
        Ok(Self { child, ssrcs, otherwise, asked: None, ended: false })
    }

    /// The SSRC of a stream that it sends, if another one is known: each is said once.
    pub fn ssrc(&self) -> Option<u32> {
        self.ssrcs.try_recv().ok()
    }

    /// Whether it has ended by itself since this was asked last.
    pub fn has_ended(&mut self) -> bool {
        let ended = !self.ended && self.child.try_wait().is_ok_and(|status| status.is_some());
        if ended && self.begin_otherwise() {
            return false;
        }
        self.ended |= ended;
        ended
    }

    /// Starts it once more, without the relay: it ends at the start if that is not there or refuses it. Whether it runs.
    fn begin_otherwise(&mut self) -> bool {
        let Some((program, arguments)) = self.otherwise.take().filter(|_| self.asked.is_none())
        else {
            return false;
        };
        log::warn!(
            "the relay does not take what this machine sends: it goes to a group of its own"
        );
        match begin(&program, &arguments, None) {
            Ok((child, ssrcs)) => {
                (self.child, self.ssrcs) = (child, ssrcs);
                true
            }
            Err(why) => {
                log::warn!("{why}");
                false
            }
        }
    }

    /// Asks it to end.
    pub fn stop(&mut self) {
        if self.asked.is_none() && !self.has_ended() && !self.ended {
            let number = i32::try_from(self.child.id()).ok().filter(|number| *number > 0);
            if let Some(number) = number {
                // One that has ended meanwhile is still ours to wait for: nobody else has its number.
                let _ = kill(Pid::from_raw(number), Signal::SIGTERM);
            }
            self.asked = Some(monotonic());
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.stop();
        let asked = self.asked.unwrap_or_else(monotonic);
        while !self.ended && !self.has_ended() {
            if monotonic().since(asked) >= PATIENCE {
                log::warn!("{PROGRAM} does not end, and is killed");
                let _ = self.child.kill();
                let _ = self.child.wait();
                return;
            }
            std::thread::park_timeout(LOOK);
        }
    }
}

/// Starts it, to publish to this relay if there is one. What it says of the sources that it sends is passed on.
fn begin(
    program: &Path,
    arguments: &[OsString],
    relay: Option<&str>,
) -> Result<(Child, Receiver<u32>), String> {
    let mut command = Command::new(program);
    command.args(arguments).args(relay.into_iter().flat_map(|relay| ["--to", relay]));
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    end_with_us(&mut command);
    let failed = |error| format!("--publish: {} cannot be started: {error}", program.display());
    let mut child = command.spawn().map_err(failed)?;
    let (sender, ssrcs) = sync_channel(WAITING_MAX);
    if let Some(stdout) = child.stdout.take() {
        let reading = move || read(stdout, &sender);
        let thread = Builder::new().name("description".into()).spawn(reading);
        thread.map_err(|error| format!("no thread can be started: {error}"))?;
    }
    Ok((child, ssrcs))
}

/// The relay to publish to, if there is one that has the room. None takes what is protected.
fn relay(room: &str, options: &Options, interface: Option<&Interface>) -> Option<String> {
    let file = options.publish.as_ref().and_then(Option::as_ref);
    // What is wrong with the file is told by who reads it for good.
    let text = file.and_then(|path| std::fs::read_to_string(path).ok()).unwrap_or_default();
    if options.key_file.is_some() || OTHERWISE.iter().any(|key| sets(&text, key)) {
        return None;
    }
    relay_of_room(room, interface)
}

/// Whether a configuration sets a key, before its tables.
fn sets(text: &str, key: &str) -> bool {
    let lines = text.lines().map(str::trim_start).take_while(|line| !line.starts_with('['));
    let names = |line: &str| Some(line.strip_prefix(key)?.trim_start().starts_with('='));
    lines.filter_map(names).any(|sets| sets)
}

/// The program in this folder, or else in those of `path`.
fn find(folder: Option<&Path>, path: Option<&OsStr>) -> Option<PathBuf> {
    let others = path.into_iter().flat_map(std::env::split_paths);
    let folders = folder.map(Path::to_owned).into_iter().chain(others);
    folders.map(|folder| folder.join(PROGRAM)).find(|program| program.is_file())
}

/// Reads the descriptions that the daemon writes, one for each change, and passes on which sources they name.
fn read(stdout: ChildStdout, ssrcs: &SyncSender<u32>) {
    for line in BufReader::new(stdout).lines().map_while(Result::ok) {
        let ssrc = line.strip_prefix("a=ssrc:").and_then(|rest| rest.split(' ').next());
        let Some(ssrc) = ssrc.and_then(|ssrc| ssrc.parse().ok()) else { continue };
        if ssrcs.send(ssrc).is_err() {
            // The program is ending; the pipe is emptied all the same by whoever closes it.
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_configuration_says_by_itself_where_it_is_sent() {
        for (text, to) in [
            ("to = 'rtsp://relay/x'", true),
            ("video = 'none'\n  to=[\"239.1.1.1\"]\n", true),
            ("tone = 1\n#to = 'x'\n", false),
            ("[[tier]]\nto = 'x'", false),
            ("", false),
        ] {
            assert_eq!(sets(text, "to"), to, "{text}");
        }
    }

    #[test]
    fn the_program_beside_the_receiver_comes_before_others() {
        let folders = [(); 3].map(|()| tempfile::tempdir().unwrap());
        let [beside, first, second] = [0, 1, 2].map(|at| folders[at].path());
        let path = std::env::join_paths([first, second]).unwrap();
        let found = |beside| find(Some(beside), Some(&path));
        assert_eq!(found(beside), None);
        for folder in [second, first, beside] {
            fs::write(folder.join(PROGRAM), "").unwrap();
            assert_eq!(found(beside), Some(folder.join(PROGRAM)));
        }
        fs::remove_file(beside.join(PROGRAM)).unwrap();
        fs::create_dir(beside.join(PROGRAM)).unwrap();
        assert_eq!(found(beside), Some(first.join(PROGRAM)), "a folder is no program");
        assert_eq!(find(None, None), None);
    }
}
