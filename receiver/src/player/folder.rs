//! The folder that all in a room are recorded to, each to a file of its own.

use crate::naming::{NAMES_MAX, numbered};
use crate::recorder::{Destination, Error};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// Bytes of a file's name at most, without number and ending: file systems take 255.
const NAME_MAX: usize = 128;

/// A folder of recordings.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    overwrite: bool,
    /// The names that were taken since the program began: one who returns goes on in another file.
    taken: HashSet<PathBuf>,
}

impl Folder {
    /// The folder of this name, which is made if it is not there.
    ///
    /// # Errors
    /// One line: it cannot be made.
    pub(super) fn open(path: &Path, overwrite: bool) -> Result<Self, String> {
        let failed = |why: &dyn std::fmt::Display| {
            format!("--record {}: no folder for the recordings of a room: {why}", path.display())
        };
        if path == Path::new("-") {
            return Err(failed(&"all in it would be written to one place; name a folder"));
        }
        std::fs::create_dir_all(path).map_err(|error| failed(&error))?;
        Ok(Self { path: path.to_owned(), overwrite, taken: HashSet::new() })
    }

    /// Where the sender of this name is recorded: to a file of its name, or, if that is there and not to be overwritten, to
    /// the first one with a number that is free.
    ///
    /// # Errors
    /// One line: no file can be made.
    pub(super) fn destination(&mut self, name: &str) -> Result<Destination, String> {
        let first = self.path.join(format!("{}.mkv", file_name(name)));
        let is_new = self.taken.insert(first.clone());
        if is_new && self.overwrite {
            return Destination::overwrite(&first).map_err(|error| error.to_string());
        }
        for number in 1..=NAMES_MAX {
            let path = if number == 1 { first.clone() } else { numbered(&first, number) };
            match Destination::create(&path) {
                Err(Error::Exists(_)) => {}
                created => return created.map_err(|error| error.to_string()),
            }
        }
        Err(format!("there are {NAMES_MAX} files after {}", first.display()))
    }
}

/// A name as that of a file within a folder: nothing leads out of it, hides the file, or is an option to who lists it.
fn file_name(name: &str) -> String {
    let plain = |c: char| if c.is_control() || matches!(c, '/' | '\\' | ':') { '_' } else { c };
    let mut plain: String = name.chars().map(plain).collect();
    let end = (0..=NAME_MAX.min(plain.len())).rev().find(|at| plain.is_char_boundary(*at));
    plain.truncate(end.unwrap_or(0));
    if plain.is_empty() || plain.starts_with(['.', '-', ' ']) {
        plain.insert(0, '_');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_name_is_a_file_within_the_folder() {
        for (name, file) in [
            ("Anna", "Anna"),
            ("K\u{fc}che 1, low", "K\u{fc}che 1, low"),
            ("../../etc/x", "_.._.._etc_x"),
            ("a\nb\u{1b}", "a_b_"),
            (".hidden", "_.hidden"),
            ("-rf", "_-rf"),
            ("", "_"),
            ("C:\\x", "C__x"),
        ] {
            assert_eq!(file_name(name), file);
        }
        let long = file_name(&"\u{fc}".repeat(200));
        assert!(long.len() <= NAME_MAX && long.chars().all(|c| c == '\u{fc}'));
    }

    #[test]
    fn what_is_there_stays_unless_it_is_to_be_overwritten_and_who_returns_goes_on_elsewhere() {
        let outer = tempfile::tempdir().unwrap();
        let path = outer.path().join("a/b");
        let names = |folder: &mut Folder| {
            let destination = folder.destination("Anna").unwrap();
            let name = destination.path().file_name().unwrap().to_string_lossy().into_owned();
            // As if something had been recorded.
            drop(destination);
            fs::write(path.join(&name), "it").unwrap();
            name
        };
        let mut folder = Folder::open(&path, false).unwrap();
        assert_eq!([names(&mut folder), names(&mut folder)], ["Anna.mkv", "Anna-2.mkv"]);
        let mut folder = Folder::open(&path, false).unwrap();
        assert_eq!(names(&mut folder), "Anna-3.mkv");
        let mut folder = Folder::open(&path, true).unwrap();
        assert_eq!([names(&mut folder), names(&mut folder)], ["Anna.mkv", "Anna-4.mkv"]);
        assert!(Folder::open(Path::new("-"), false).is_err());
        let file = path.join("Anna.mkv");
        assert!(Folder::open(&file, false).unwrap_err().contains("Anna.mkv"));
    }
}
