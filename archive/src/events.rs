//! Events: spans of a session that somebody marked, so that they are kept. A file of one JSON object a line.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};
use streamsocket_media::clock::Wall;

use crate::error::Error;
use crate::whole_file;

/// Most events of a session: each may keep segments for good, and all are read whenever something is removed.
pub const EVENTS_MAX: usize = 1000;

/// Longest label in bytes: it is a line in a list.
pub const LABEL_MAX: usize = 200;

/// A span that somebody marked. In its file times are nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it was marked: its name, since no two of a session are marked at once.
    #[serde(with = "nanos")]
    pub at: Wall,
    /// From when on segments are kept.
    #[serde(with = "nanos")]
    pub from: Wall,
    /// Up to when.
    #[serde(with = "nanos")]
    pub to: Wall,
    /// Until when they are kept whatever the retention says; without, for good.
    #[serde(with = "optional_nanos", default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Wall>,
    /// What it is called.
    pub label: String,
}

impl Event {
    /// Whether it keeps its segments at `now`.
    #[must_use]
    pub fn keeps(&self, now: Wall) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// The events in a file, as they were added; what is torn or damaged is left out.
pub(crate) fn read(path: &Path) -> Result<Vec<Event>, Error> {
    let bytes = match fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        read => read.map_err(Error::io("read", path))?,
    };
    Ok(parse(&bytes))
}

/// The events in what a file has.
pub(crate) fn parse(bytes: &[u8]) -> Vec<Event> {
    let lines = bytes.split(|it| *it == b'\n');
    lines.filter_map(|line| serde_json::from_slice(line).ok()).collect()
}

/// Adds an event. Those that no longer keep anything at `event.at` go when there is no room for it.
pub(crate) fn add(path: &Path, event: &Event) -> Result<(), Error> {
    if event.label.len() > LABEL_MAX {
        return Err(Error::Label { most: LABEL_MAX });
    }
    let mut events = read(path)?;
    if events.len() < EVENTS_MAX {
        return append(path, event);
    }
    events.retain(|it| it.keeps(event.at));
    if events.len() >= EVENTS_MAX {
        return Err(Error::Events { most: EVENTS_MAX });
    }
    events.push(event.clone());
    replace(path, &events)
}

/// Removes the events that were marked at `at`. Returns whether there was one.
pub(crate) fn remove(path: &Path, at: Wall) -> Result<bool, Error> {
    let mut events = read(path)?;
    let before = events.len();
    events.retain(|it| it.at != at);
    if events.len() == before {
        return Ok(false);
    }
    replace(path, &events)?;
    Ok(true)
}

fn line(event: &Event) -> Result<String, Error> {
    let line = serde_json::to_string(event);
    line.map(|line| line + "\n").map_err(|error| Error::Configuration(error.to_string()))
}

fn replace(path: &Path, events: &[Event]) -> Result<(), Error> {
    let lines = events.iter().map(line).collect::<Result<String, _>>()?;
    whole_file::write(path, lines.as_bytes())
}

/// Adds a line, on a line of its own even behind a torn one.
fn append(path: &Path, event: &Event) -> Result<(), Error> {
    let error = || Error::io("write", path);
    let bytes = fs::read(path).unwrap_or_default();
    let is_torn = bytes.last().is_some_and(|it| *it != b'\n');
    let line = if is_torn { format!("\n{}", line(event)?) } else { line(event)? };
    let mut file = OpenOptions::new().append(true).create(true).open(path).map_err(error())?;
    let length = file.metadata().map_err(error())?.len();
    file.write_all(line.as_bytes()).and_then(|()| file.sync_data()).map_err(|cause| {
        // If that fails, too, the torn line is left out.
        let _ = file.set_len(length);
        error()(cause)
    })
}

mod nanos {
    use serde::{Deserialize, Deserializer, Serializer};
    use streamsocket_media::clock::Wall;

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(super) fn serialize<S: Serializer>(at: &Wall, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_i64(at.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Wall, D::Error> {
        i64::deserialize(from).map(Wall)
    }
}

mod optional_nanos {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use streamsocket_media::clock::Wall;

    pub(super) fn serialize<S: Serializer>(at: &Option<Wall>, to: S) -> Result<S::Ok, S::Error> {
        at.map(|it| it.0).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Wall>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(Wall))
    }
}
