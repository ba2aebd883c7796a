//! The main thread: presents pictures when they are due, takes keys, and says how it goes.

mod figures;
mod folder;
mod gathering;
mod keys;
mod presenter;
mod refresh;
mod room;
mod seat;
mod showing;
mod signals;
mod source_state;
mod speaking;
mod stage;
mod supervisor;
mod telling;
mod threads;
mod tiers;

use self::room::Room;
use self::seat::Seat;
pub use self::signals::Signals;
use self::stage::Stage;
use self::threads::{Hearing, Means, Wake};
use crate::options::Options;
use crate::recorder::Destination;
use crate::screen::{Screen, Window};
use crate::sound::Volume;
use crate::statistics::Statistics;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use streamsocket_journal::lines::Lines;
use streamsocket_net::Interface;
use streamsocket_subscribe::keys::KeyRing;
use streamsocket_subscribe::plan::Plan;

/// How playing has ended.
#[derive(Debug)]
pub enum Played {
    /// The user has had enough.
    Enough(Vec<Statistics>),
    /// The session has other media than before: it is to be located and played anew.
    Changed,
}

/// What is played.
#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    /// A session.
    Session(&'a Plan),
    /// All sessions of the room of this name.
    Room(&'a str),
}

/// Plays until the user has enough, or a signal comes.
///
/// # Errors
/// One line: what cannot be opened, or that nothing came.
pub fn play(
    options: &Options,
    what: What<'_>,
    interface: Option<&Interface>,
    keys: &KeyRing,
    signals: Signals,
) -> Result<Played, String> {
    check_outputs(options)?;
    let (name, mut record) = match what {
        What::Session(plan) => (&*plan.name, destination(options)?),
        What::Room(name) => (name, None),
    };
    let mut window = None;
    if !options.headless {
        let title = format!("{name} - StreamSocket");
        window = Some(Window::open(&title, options.fullscreen).map_err(|error| error.to_string())?);
    }
    let wake = match (&window, what) {
        (Some(window), _) => Wake::Window(Arc::new(window.waker())),
        (None, What::Session(_)) => Wake::Queue,
        (None, What::Room(_)) => Wake::Parked(std::thread::current()),
    };
    let volume = Arc::new(Volume { muted: options.mute.into(), ..Volume::default() });
    let means = Means { options, interface, keys, wake, volume };
    let (mut seats, mut room) = (Vec::new(), None);
    match what {
        What::Session(plan) => {
            let only = (0, plan.name.clone(), plan.clone());
            seats.push(Seat::open(only, &means, Hearing::Alone, None)?);
        }
        What::Room(name) => room = Some(Room::open(name, options, interface)?),
    }
    let mut screen: Option<Screen<'_>> = match &mut window {
        Some(window) => Some(window.screen().map_err(|error| error.to_string())?),
        None => None,
    };
    let stats = options.stats.as_deref().map(open_stats).transpose()?;
    let mut stage = Stage::new(means, signals, stats);
    (stage.seats, stage.room) = (seats, room);
    if let (Some(seat), Some(destination)) = (stage.seats.first(), record.take()) {
        seat.record(destination);
    }
    let presented = stage.run(screen.as_mut());
    let changed = stage.has_changed();
    let (statistics, ended) = stage.end();
    presented?;
    ended?;
    if changed {
        return changed_to(options);
    }
    match what {
        What::Session(plan) => judge(options, plan, &statistics)?,
        What::Room(name) => judge_room(options, name, &statistics)?,
    }
    Ok(Played::Enough(statistics))
}

/// Where the only session is recorded to, if it is to be.
fn destination(options: &Options) -> Result<Option<Destination>, String> {
    let open = if options.overwrite { Destination::overwrite } else { Destination::open };
    let record = options.record.as_deref().map(open).transpose();
    record.map_err(|error| error.to_string())
}

/// Whether what was asked for of a session was had.
fn judge(options: &Options, plan: &Plan, statistics: &[Statistics]) -> Result<(), String> {
    let Some(statistics) = statistics.first() else { return Ok(()) };
    if let (Some(path), true) = (&options.record, statistics.recordings_cut > 0) {
        return Err(format!("the recording {} is not complete", path.display()));
    }
    let silent = statistics.nothing_came();
    if silent && options.duration.is_some() {
        if let Some(why) = statistics.problems.first() {
            let refused = statistics.refused();
            return Err(format!(
                "nothing of {} could be presented, {refused} were refused: {why}",
                plan.name
            ));
        }
        return Err(format!("nothing came from {}: {}", plan.name, source_state::ADVICE));
    }
    match &options.snapshot {
        Some(path) if statistics.snapshots_failed > 0 => {
            Err(format!("the snapshot {} could not be written", path.display()))
        }
        Some(path) if statistics.snapshots == 0 => {
            Err(format!("there is no snapshot {}: no picture came", path.display()))
        }
        _ => Ok(()),
    }
}

/// Whether what was asked for of a room was had, as far as those know who were there at the end.
fn judge_room(options: &Options, name: &str, statistics: &[Statistics]) -> Result<(), String> {
    if let (Some(path), true) = (&options.record, statistics.iter().any(|it| it.recordings_cut > 0))
    {
        return Err(format!("the recordings in {} are not complete", path.display()));
    }
    if options.duration.is_some() && statistics.iter().all(Statistics::nothing_came) {
        return Err(format!(
            "nothing came from anybody in the room '{name}': {}",
            source_state::ADVICE
        ));
    }
    Ok(())
}

/// A file that the user has named is of the session as it was.
fn changed_to(options: &Options) -> Result<Played, String> {
    match options.record.as_ref().or(options.snapshot.as_ref()) {
        Some(path) => Err(format!(
            "the session has other media than before, which {} cannot have as well; start the program again",
            path.display()
        )),
        None => Ok(Played::Changed),
    }
}

/// Refuses what would be found out only later.
fn check_outputs(options: &Options) -> Result<(), String> {
    let to_stdout = |path: &Option<PathBuf>| path.as_deref() == Some(Path::new("-"));
    if to_stdout(&options.record) && to_stdout(&options.stats) {
        return Err("--record - and --stats -: only one of them can have standard output".into());
    }
    if options.overwrite && options.record.is_none() && options.snapshot.is_none() {
        return Err("--overwrite replaces what --record or --snapshot name: add one of them".into());
    }
    let Some(path) = &options.snapshot else { return Ok(()) };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) || path.is_dir() {
        return Err(format!("--snapshot {}: no file can be made there", path.display()));
    }
    if path.is_file() && !options.overwrite {
        let path = path.display();
        return Err(format!("{path} exists: save to another name, or add --overwrite"));
    }
    Ok(())
}

/// Where the program writes its state for other programs.
fn open_stats(path: &Path) -> Result<Lines, String> {
    Lines::open(path, "statistics").map_err(|error| format!("--stats {}: {error}", path.display()))
}
