//! The file that keys are in. It is looked at once a second, on a thread of its own, so that an exchange of keys needs
//! no restart.

use crate::keys::{KeyRing, Keys};
use nix::sys::signal::SigSet;
use std::fs::{File, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;
use streamsocket_srtp::stored_keys;

/// Between two looks at the file.
const LOOK: Duration = Duration::from_secs(1);

/// Keys of the file that the user has named; else of the usual one, if it is there and this user may read it.
///
/// # Errors
/// One line: what is wrong with the file that was named, and what to do. What is wrong with the usual one is logged: it
/// may be that no session is protected.
pub fn open(named: Option<&Path>, usual: Option<PathBuf>) -> Result<KeyRing, String> {
    let required = named.is_some();
    let Some(path) = named.map(Path::to_owned).or(usual) else { return Ok(KeyRing::default()) };
    let stamp = Stamp::of(&path);
    let keys = match stored_keys::read(&path) {
        Ok(keys) => keys,
        Err(why) if required => return Err(format!("--key-file {why}")),
        Err(why) => {
            if File::open(&path).is_ok() {
                log::warn!("{why}; until then protected sessions cannot be received");
            }
            Vec::new()
        }
    };
    let ring = KeyRing::new(Keys { keys, required });
    let followed = ring.clone();
    let spawned = thread::Builder::new().name("keys".into()).spawn(move || {
        // The program's own threads have not yet said which signals they wait for: this one takes none.
        if let Err(error) = SigSet::all().thread_block() {
            log::debug!("signals may end the program at once: {error}");
        }
        follow(&path, &followed, stamp, || thread::park_timeout(LOOK));
    });
    if let Err(error) = spawned {
        log::warn!("another key is taken by a restart only: no thread can be started: {error}");
    }
    Ok(ring)
}

/// What of a file changes with what is in it, or with who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    file: (u64, u64),
    modified: (i64, i64),
    changed: (i64, i64),
    len: u64,
}

impl Stamp {
    /// That of a file; `None` if there is none. What is read from a pipe cannot be read again.
    fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().filter(Metadata::is_file).map(|there| Self {
            file: (there.dev(), there.ino()),
            modified: (there.mtime(), there.mtime_nsec()),
            changed: (there.ctime(), there.ctime_nsec()),
            len: there.len(),
        })
    }
}

/// Reads the file again whenever it has changed, as long as somebody else has the ring. `rest` is taken between two
/// looks.
fn follow(path: &Path, ring: &KeyRing, stamp: Option<Stamp>, mut rest: impl FnMut()) {
    let (mut read, mut seen) = (stamp, stamp);
    while ring.is_shared() {
        rest();
        let now = Stamp::of(path);
        // Not while it is being written.
        let is_settled = std::mem::replace(&mut seen, now) == now;
        if now.is_none() || now == read || !is_settled {
            continue;
        }
        read = now;
        match stored_keys::read(path) {
            Ok(keys) if keys == ring.get().keys => {}
            Ok(keys) => {
                log::info!("{}: the keys have changed, and are taken", path.display());
                ring.exchange(keys);
            }
            Err(why) => log::warn!("{why}; the keys that it had before are kept"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    const ONE: &str = "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n";
    const OTHER: &str = "inline:BBECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n";

    fn write(path: &Path, text: &str) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, Permissions::from_mode(0o600)).unwrap();
    }

    #[test]
    fn a_file_that_is_named_must_be_good_and_the_usual_one_need_not_be_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let why = open(Some(&path), None).unwrap_err();
        assert!(why.starts_with(&format!("--key-file {}: No such file", path.display())), "{why}");
        assert_eq!(*open(None, None).unwrap().get(), Keys::default());
        assert_eq!(*open(None, Some(path.clone())).unwrap().get(), Keys::default());
        write(&path, "short");
        assert_eq!(*open(None, Some(path.clone())).unwrap().get(), Keys::default());
        write(&path, ONE);
        let usual = open(None, Some(path.clone())).unwrap().get();
        assert_eq!((usual.keys.len(), usual.required), (1, false));
        let named = open(Some(&path), Some("/none".into())).unwrap().get();
        assert_eq!((named.keys.len(), named.required), (1, true));
    }

    #[test]
    fn what_a_file_has_later_is_taken_once_it_is_good() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let ring = KeyRing::new(Keys { keys: Vec::new(), required: false });
        let mut held = Some(ring.clone());
        let mut seen = Vec::new();
        let mut look = 0;
        // What there is, after so many looks: two are needed to see that it stays as it is.
        follow(&path, &ring, None, || {
            match look {
                2 => write(&path, ONE),
                5 => write(&path, "short"),
                8 => write(&path, &format!("{OTHER}{ONE}")),
                11 => fs::remove_file(&path).unwrap(),
                13 => drop(held.take()),
                _ => {}
            }
            if let Some(held) = &held {
                seen.push((held.get().keys.len(), held.changes()));
            }
            look += 1;
        });
        let at = |look: usize| seen[look];
        assert_eq!([at(3), at(4), at(8), at(9)], [(0, 0), (1, 1), (1, 1), (1, 1)]);
        assert_eq!([at(10), at(12)], [(2, 2), (2, 2)]);
        assert_eq!(look, 14);
    }
}
