//! Names of files that the viewer makes by a key, and of those in which a recording goes on.

use std::path::{Path, PathBuf};

/// A snapshot or recording by key takes the first free name below this number, and a recording goes on in as many
/// files.
pub(crate) const NAMES_MAX: u32 = 10_000;

/// The first name of this kind in the current folder that is not taken. It asks the disk, which may take
/// its time.
pub(crate) fn free_name(kind: &str, extension: &str) -> Option<PathBuf> {
    let names =
        (1..NAMES_MAX).map(|number| PathBuf::from(format!("{kind}-{number:03}.{extension}")));
    let free = names.into_iter().find(|path| !path.exists());
    if free.is_none() {
        log::warn!("there are {NAMES_MAX} files named {kind} in this folder");
    }
    free
}

/// The name of the file in which that one goes on: `evening-2.mkv` after `evening.mkv`.
pub(crate) fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{number}"));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_stands_before_the_extension() {
        let cases = [
            ("evening.mkv", "evening-2.mkv"),
            ("/srv/a.b/one.two.mkv", "/srv/a.b/one.two-2.mkv"),
            ("evening", "evening-2"),
            ("recording-001.mkv", "recording-001-2.mkv"),
        ];
        for (path, expected) in cases {
            assert_eq!(numbered(Path::new(path), 2), Path::new(expected));
        }
    }
}
