//! The main thread: presents pictures when they are due, takes keys, and says how it goes.

mod figures;
mod presenter;
mod refresh;
mod signals;
mod source_state;
mod supervisor;
mod threads;
mod tiers;

use self::presenter::Presenter;
pub use self::signals::Signals;
use self::threads::Threads;
use crate::options::Options;
use crate::recorder::Destination;
use crate::screen::{Screen, Window};
use crate::statistics::Statistics;
use std::path::{Path, PathBuf};
use streamsocket_journal::lines::Lines;
use streamsocket_net::Interface;
use streamsocket_subscribe::keys::KeyRing;
use streamsocket_subscribe::plan::Plan;

/// How playing has ended.
#[derive(Debug)]
pub enum Played {
    /// The user has had enough.
    Enough(Box<Statistics>),
    /// The session has other media than before: it is to be located and played anew.
    Changed,
}

/// Plays a session until the user has enough, or a signal comes.
///
/// # Errors
/// One line: what cannot be opened, or that nothing came.
pub fn play(
    options: &Options,
    plan: &Plan,
    interface: Option<&Interface>,
    keys: &KeyRing,
    signals: Signals,
) -> Result<Played, String> {
    check_outputs(options)?;
    let open = if options.overwrite { Destination::overwrite } else { Destination::open };
    let record = options.record.as_deref().map(open).transpose();
    let record = record.map_err(|error| error.to_string())?;
    let mut window = None;
    if !options.headless {
        let title = format!("{} - StreamSocket", plan.name);
        window = Some(Window::open(&title, options.fullscreen).map_err(|error| error.to_string())?);
    }
    let waker = window.as_ref().map(Window::waker);
    let threads = Threads::start(options, plan, interface, keys, waker, signals)?;
    let mut screen: Option<Screen<'_>> = match &mut window {
        Some(window) => Some(window.screen().map_err(|error| error.to_string())?),
        None => None,
    };
    let stats = options.stats.as_deref().map(open_stats).transpose()?;
    let mut presenter = Presenter::new(options, plan, threads, stats);
    if let Some(destination) = record {
        presenter.record(destination);
    }
    let presented = presenter.run(screen.as_mut());
    let changed = presenter.has_changed();
    let (statistics, ended) = presenter.end();
    presented?;
    ended?;
    if changed {
        return changed_to(options);
    }
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
        _ => Ok(Played::Enough(Box::new(statistics))),
    }
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
