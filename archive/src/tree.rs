//! Where things are on disk: `ROOT/SESSION/TRACK/YYYY-MM-DD/HH/N.mp4`.

use std::fs;
use std::io::ErrorKind;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use crate::entry::InitId;
use crate::error::Error;
use crate::hour::Hour;
use crate::hour_folder::{HourFolder, REMOVED};
use crate::names;
use crate::whole_file;

/// The topmost folder.
#[derive(Clone, Debug)]
pub(crate) struct Tree(PathBuf);

impl Tree {
    pub(crate) const fn new(root: PathBuf) -> Self {
        Self(root)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.0
    }

    /// The folder of a session.
    pub(crate) fn session(&self, name: &str) -> PathBuf {
        self.0.join(names::folder(name))
    }

    /// The folder of a track.
    pub(crate) fn track(&self, session: &str, track: &str) -> Result<PathBuf, Error> {
        if !names::is_track(track) {
            return Err(Error::Track(track.to_owned()));
        }
        Ok(self.session(session).join(track))
    }

    /// The file of a session's events.
    pub(crate) fn events(&self, session: &str) -> PathBuf {
        self.session(session).join(names::EVENTS_FILE)
    }

    /// The names of all sessions, in order.
    pub(crate) fn sessions(&self) -> Result<Vec<String>, Error> {
        let mut sessions = Vec::new();
        for folder in folders(&self.0)? {
            match names::session(&folder) {
                Some(names::Folder::Session(name)) => sessions.push(name),
                Some(names::Folder::Long) => {
                    let path = self.0.join(&folder).join(names::NAME_FILE);
                    // Without the file nobody asks for it by its name either.
                    sessions.extend(fs::read_to_string(path).ok().filter(|it| names::is_long(it)));
                }
                None => {}
            }
        }
        sessions.sort();
        Ok(sessions)
    }

    /// Makes the folder of a session, and says the name in it where the folder's does not.
    pub(crate) fn make_session(&self, session: &str) -> Result<(), Error> {
        let path = self.session(session);
        fs::create_dir_all(&path).map_err(Error::io("make", &path))?;
        let name = path.join(names::NAME_FILE);
        if names::is_long(session) && !name.is_file() {
            whole_file::write(&name, session.as_bytes())?;
        }
        Ok(())
    }

    /// Makes the folder of a track.
    pub(crate) fn make_track(&self, session: &str, track: &str) -> Result<PathBuf, Error> {
        let path = self.track(session, track)?;
        self.make_session(session)?;
        fs::create_dir_all(&path).map_err(Error::io("make", &path))?;
        Ok(path)
    }

    /// The names of a session's tracks, in order.
    pub(crate) fn tracks(&self, session: &str) -> Result<Vec<String>, Error> {
        let mut tracks = folders(&self.session(session))?;
        tracks.retain(|it| names::is_track(it));
        Ok(tracks)
    }
}

/// The hours of a track that are stored, in order.
pub(crate) fn hours(track: &Path, within: &RangeInclusive<Hour>) -> Result<Vec<HourFolder>, Error> {
    let mut hours = Vec::new();
    for day in folders(track)? {
        let (Some(first), Some(last)) = (Hour::parse(&day, "00"), Hour::parse(&day, "23")) else {
            continue;
        };
        if first > *within.end() || last < *within.start() {
            continue;
        }
        let found = folders(&track.join(&day))?;
        hours.extend(found.iter().filter_map(|it| Hour::parse(&day, it)));
    }
    hours.retain(|hour| within.contains(hour));
    hours.sort_unstable();
    Ok(hours.into_iter().map(|hour| HourFolder::new(track, hour)).collect())
}

/// All hours there are.
pub(crate) const EVER: RangeInclusive<Hour> = Hour(i64::MIN)..=Hour(i64::MAX);

/// The days of a track that have hours half removed: their folders.
pub(crate) fn removed(track: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for day in folders(track)? {
        let day = track.join(day);
        let hours = folders(&day)?;
        found.extend(hours.iter().filter(|it| it.ends_with(REMOVED)).map(|it| day.join(it)));
    }
    Ok(found)
}

/// Where an initialisation segment of a track is.
pub(crate) fn init(track: &Path, id: InitId) -> PathBuf {
    track.join(format!("init-{id}.mp4"))
}

/// The initialisation segments of a track.
pub(crate) fn inits(track: &Path) -> Result<Vec<(InitId, PathBuf)>, Error> {
    let id = |name: &str| name.strip_prefix("init-")?.strip_suffix(".mp4")?.parse().ok();
    let found = names_in(track, false)?;
    Ok(found.iter().filter_map(|it| Some((id(it)?, track.join(it)))).collect())
}

/// The folders in a folder, in order; none if it is not there.
fn folders(path: &Path) -> Result<Vec<String>, Error> {
    names_in(path, true)
}

fn names_in(path: &Path, folders: bool) -> Result<Vec<String>, Error> {
    let listed = match fs::read_dir(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        listed => listed.map_err(Error::io("read", path))?,
    };
    let mut names = Vec::new();
    for entry in listed {
        let entry = entry.map_err(Error::io("read", path))?;
        if entry.file_type().is_ok_and(|it| it.is_dir() == folders) {
            // A name that is no text is none of the archive's.
            names.extend(entry.file_name().into_string());
        }
    }
    names.sort();
    Ok(names)
}
