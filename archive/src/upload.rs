//! From the spool into the bucket: finished segments, one by one, and removed here once they are there.

use std::collections::BTreeMap;
use std::fs;

use sha2::{Digest, Sha256};

use crate::bucket::{self, Bucket, TrackName};
use crate::disk::Disk;
use crate::entry::{Entry, InitId};
use crate::error::Error;
use crate::hour_folder::HourFolder;
use crate::names;
use crate::tree::{self, EVER};

/// Small files of which it is known that they are in the bucket; beyond, they are put there again.
const HELD_MAX: usize = 1000;

/// What was uploaded beside segments, each with a hash of what was in it.
#[derive(Debug, Default)]
pub(crate) struct Uploaded(BTreeMap<String, [u8; 32]>);

impl Uploaded {
    /// Puts a small file there, if it is not, as it is now.
    fn put(&mut self, bucket: &Bucket, key: String, bytes: Vec<u8>) -> Result<(), Error> {
        let hash = Sha256::digest(&bytes).into();
        if self.0.get(&key) == Some(&hash) {
            return Ok(());
        }
        bucket.put_object(&key, bytes.into())?;
        while self.0.len() >= HELD_MAX {
            self.0.pop_first();
        }
        self.0.insert(key, hash);
        Ok(())
    }
}

/// Uploads what is finished, the oldest hour of each track first.
pub(crate) fn upload(disk: &Disk, bucket: &Bucket, uploaded: &mut Uploaded) -> Result<(), Error> {
    for session in disk.tree.sessions()? {
        let folder = names::folder(&session);
        if names::is_long(&session) {
            let key = format!("{folder}/{}", names::NAME_FILE);
            uploaded.put(bucket, key, session.clone().into_bytes())?;
        }
        if let Ok(events) = fs::read(disk.tree.events(&session)) {
            uploaded.put(bucket, format!("{folder}/{}", names::EVENTS_FILE), events)?;
        }
        for track in disk.tree.tracks(&session)? {
            let path = disk.tree.track(&session, &track)?;
            let name = (folder.clone(), track);
            for hour in tree::hours(&path, &EVER)? {
                upload_hour(disk, bucket, &name, &hour, |id| {
                    let init = tree::init(&path, id);
                    let bytes = fs::read(&init).map_err(Error::io("read", &init))?;
                    uploaded.put(bucket, bucket::init_key(&name, id), bytes)
                })?;
                clear(disk, &session, &hour)?;
            }
        }
    }
    Ok(())
}

fn upload_hour(
    disk: &Disk,
    bucket: &Bucket,
    name: &TrackName,
    hour: &HourFolder,
    mut put_init: impl FnMut(InitId) -> Result<(), Error>,
) -> Result<(), Error> {
    for entry in hour.present()? {
        put_init(entry.init)?;
        let path = hour.segment(entry.number);
        let file = fs::read(&path).map_err(Error::io("read", &path))?;
        bucket.put(name, hour.hour(), &entry, file.into())?;
        fs::remove_file(&path).map_err(Error::io("remove", &path))?;
        let Entry { bytes, .. } = entry;
        disk.counters.spooled.sub(bytes);
        disk.counters.uploaded.add(1);
    }
    Ok(())
}

/// Removes an hour of which all is in the bucket, unless it is written to.
fn clear(disk: &Disk, session: &str, hour: &HourFolder) -> Result<(), Error> {
    let held = disk.held();
    let is_held = held.contains_key(&(hour.hour(), session.to_owned()));
    if is_held || !hour.files()?.is_empty() { Ok(()) } else { hour.remove() }
}
