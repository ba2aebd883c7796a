//! A folder of JPEG files in the order of their names, each of them a picture with whatever else is in
//! its file: as a camera hands over its buffers.

use super::error::Error;
use super::mjpeg_reader::Next;
use super::mjpeg_split::FRAME_MAX;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use streamsocket_media::Pool;
use streamsocket_media::clock::Monotonic;

/// Pictures at most: an hour of them, whose names take some megabytes.
const PICTURES_MAX: usize = 100_000;

/// Buffers: as many as for a file of pictures.
const BUFFERS: usize = 4;

/// The pictures of a folder.
#[derive(Debug)]
pub struct JpegFolder {
    pictures: Vec<PathBuf>,
    next: usize,
    pool: Pool,
}

impl JpegFolder {
    /// Lists a folder.
    ///
    /// # Errors
    /// It cannot be read, or there are no JPEG files in it.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let unreadable =
            |error: io::Error| Error::new(format!("cannot read {}: {error}", path.display()));
        let mut pictures = Vec::new();
        for entry in std::fs::read_dir(path).map_err(unreadable)? {
            let file = entry.map_err(unreadable)?.path();
            let extension = file.extension().map(std::ffi::OsStr::to_ascii_lowercase);
            let named_so = extension.is_some_and(|it| it == "jpg" || it == "jpeg");
            // To open a named pipe would wait for its writer.
            if named_so && file.metadata().is_ok_and(|there| there.is_file()) {
                if pictures.len() == PICTURES_MAX {
                    let line = format!("{} has more than {PICTURES_MAX} pictures", path.display());
                    return Err(Error::new(line));
                }
                pictures.push(file);
            }
        }
        if pictures.is_empty() {
            let line = format!("there are no .jpg or .jpeg files in the folder {}", path.display());
            return Err(Error::new(line));
        }
        pictures.sort();
        Ok(Self { pictures, next: 0, pool: Pool::new(BUFFERS, 0) })
    }

    /// The next picture; after the last one the end, or the first one again.
    ///
    /// # Errors
    /// Its file cannot be read.
    pub fn next(&mut self, looped: bool) -> io::Result<Next> {
        if looped && self.next == self.pictures.len() {
            self.next = 0;
        }
        let Some(path) = self.pictures.get(self.next) else { return Ok(Next::End) };
        let Some(mut bytes) = self.pool.take() else { return Ok(Next::Later) };
        // One byte more than a picture may have tells that there are more.
        let limit = FRAME_MAX as u64 + 1;
        let named = |error: io::Error| io::Error::other(format!("{}: {error}", path.display()));
        let file = File::open(path).map_err(named)?;
        let read = file.take(limit).read_to_end(bytes.bytes_mut()).map_err(named)?;
        if read > FRAME_MAX {
            let line = format!("{} is too large for a picture", path.display());
            return Err(io::Error::other(line));
        }
        self.next += 1;
        Ok(Next::Frame { bytes: bytes.freeze(), arrival: Monotonic(0) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_come_by_their_names_and_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        assert!(JpegFolder::open(folder.path()).is_err());
        for (name, bytes) in [("b.JPG", "two"), ("a.jpg", "one"), ("c.txt", "three")] {
            std::fs::write(folder.path().join(name), bytes).unwrap();
        }
        let mut pictures = JpegFolder::open(folder.path()).unwrap();
        let mut next = |looped| match pictures.next(looped).unwrap() {
            Next::Frame { bytes, .. } => String::from_utf8(bytes.to_vec()).unwrap(),
            other => format!("{other:?}"),
        };
        assert_eq!([next(false), next(false), next(false)], ["one", "two", "End"]);
        assert_eq!(next(true), "one");
    }
}
