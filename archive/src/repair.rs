//! What a program that was killed has left, put in order: at most the part that was being written is lost.

use core::time::Duration;
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use streamsocket_media::clock::Wall;

use crate::boxes;
use crate::entry::{Entry, InitId};
use crate::error::Error;
use crate::hour_folder::HourFolder;
use crate::tree;
use crate::whole_file;

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Repairs {
    /// Files that are in the index now, and were not.
    pub(crate) indexed: u32,
    /// Files that had nothing whole.
    pub(crate) removed: u32,
    /// Bytes that were cut off or removed.
    pub(crate) cut: u64,
}

/// Brings an hour's index and files together: each file that is in one alone is cut after its last whole part and
/// written into the index, or removed; a line without a file goes.
pub(crate) fn repair(
    track: &Path,
    folder: &HourFolder,
    segment: Duration,
) -> Result<Repairs, Error> {
    let indexed = folder.entries()?;
    let (mut entries, mut repairs) = (Vec::new(), Repairs::default());
    for (number, path) in folder.files()? {
        let length = path.metadata().map_err(Error::io("read", &path))?.len();
        let known = indexed.binary_search_by_key(&number, |it| it.number).map(|at| indexed[at]);
        if let Some(entry) = known.ok().filter(|it| it.bytes == length) {
            entries.push(entry);
        } else if let Some(entry) = cut(track, number, &path, segment)? {
            repairs.indexed += 1;
            repairs.cut += length - entry.bytes;
            entries.push(entry);
        } else {
            repairs.removed += 1;
            repairs.cut += length;
        }
    }
    entries.sort_unstable_by_key(|it| it.number);
    folder.rewrite(&entries)?;
    Ok(repairs)
}

/// Cuts a file after its last whole part, and says what it has. Without a part it is removed: `None`.
pub(crate) fn cut(
    track: &Path,
    number: u64,
    path: &Path,
    segment: Duration,
) -> Result<Option<Entry>, Error> {
    let error = || Error::io("repair", path);
    let mut file = OpenOptions::new().read(true).write(true).open(path).map_err(error())?;
    let Some(content) = boxes::scan(&mut file).map_err(error())? else {
        fs::remove_file(path).map_err(error())?;
        return Ok(None);
    };
    file.set_len(content.whole).map_err(error())?;
    Ok(Some(Entry {
        number,
        begin: begin(number, content.begin, segment),
        duration: content.duration,
        bytes: content.whole,
        init_len: content.init_len,
        frames: content.samples,
        lost: 0,
        repaired: 0,
        init: init_of(track, path, content.init_len)?,
    }))
}

/// When a segment begins whose file says `said`: since 1970, or since the begin of the segment.
fn begin(number: u64, said: Wall, segment: Duration) -> Wall {
    let length = u64::try_from(segment.as_nanos()).unwrap_or(u64::MAX);
    let base = i64::try_from(number.saturating_mul(length)).unwrap_or(i64::MAX);
    if said.0 < base { Wall(base.saturating_add(said.0)) } else { said }
}

/// The name of the initialisation segment in front of a file: that of the track's that is the same. If there is none
/// any more, it is kept again, by a name of its own.
fn init_of(track: &Path, path: &Path, length: u32) -> Result<InitId, Error> {
    let mut init = Vec::new();
    let read = File::open(path).and_then(|file| file.take(length.into()).read_to_end(&mut init));
    read.map_err(Error::io("read", path))?;
    for (id, path) in tree::inits(track)? {
        if fs::read(&path).map_err(Error::io("read", &path))? == init {
            return Ok(id);
        }
    }
    let hash = Sha256::digest(&init);
    let id = InitId(hash.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte)));
    let path = tree::init(track, id);
    whole_file::write(&path, &init)?;
    Ok(id)
}
