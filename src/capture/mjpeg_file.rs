//! A file of concatenated JPEG pictures, or a folder of JPEG files, played at a given rate.
//!
//! Reads block the loop while the disk works: for a regular file that is read ahead by a frame this
//! is short, and there is nothing to wait for instead, because the kernel calls regular files
//! always ready. What is not a regular file, a pipe or a device, is refused here.

use super::error::Error;
use super::frame::VideoPoll;
use super::jpeg_folder::JpegFolder;
use super::mjpeg_reader::{MjpegReader, Next};
use super::mjpeg_split::picture_size;
use super::paced::Paced;
use super::preloaded::{Loader, Preloaded};
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::fd::RawFd;
use std::path::{Path, PathBuf};
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{Bytes, FrameRate, VideoFormat};

/// Whether a file begins with a JPEG picture or is a folder, so that it is read here; others are for
/// ffmpeg.
///
/// # Errors
/// The file cannot be read, is empty, or is no regular file.
pub fn is_mjpeg(path: &Path) -> Result<bool, Error> {
    if path.is_dir() {
        return Ok(true);
    }
    Ok(open(path)?.1)
}

/// The pictures of a file in memory, for as fast as it goes; as many as there is room for.
///
/// # Errors
/// As [`MjpegFile::open`].
pub fn preload(path: &Path, nominal: FrameRate, looped: bool) -> Result<Preloaded, Error> {
    let mut frames = Frames::open(path)?;
    let mut loader = Loader::default();
    loop {
        match frames.next(false) {
            Ok(Next::Frame { bytes, .. }) => {
                if !loader.push(&bytes) {
                    log::warn!("{}: only the first {} frames are used", frames, loader.frames());
                    break;
                }
            }
            Ok(Next::Later) => {}
            Ok(_) => break,
            Err(error) => return Err(unreadable(path, &error)),
        }
    }
    frames.say_dropped();
    loader.finish(&frames.to_string(), nominal, looped, frames.dropped())
}

/// A file that is played.
#[derive(Debug)]
pub struct MjpegFile {
    format: VideoFormat,
    frames: Frames,
    paced: Paced,
    looped: bool,
}

impl MjpegFile {
    /// Opens a file and reads its first picture, which is captured at `epoch`; `looped` begins
    /// again at the end.
    ///
    /// # Errors
    /// The file cannot be read, is empty, holds something else, or no complete picture.
    pub fn open(
        path: &Path,
        rate: FrameRate,
        epoch: Monotonic,
        looped: bool,
    ) -> Result<Self, Error> {
        let mut frames = Frames::open(path)?;
        let first = loop {
            match frames.next(false) {
                Ok(Next::Frame { bytes, .. }) => break Some(bytes),
                Ok(Next::Later) => {}
                Ok(_) => break None,
                Err(error) => return Err(unreadable(path, &error)),
            }
        };
        let sized = first.and_then(|first: Bytes| {
            let size = picture_size(&first)?;
            Some((first, size))
        });
        let Some((first, (width, height))) = sized else {
            return Err(Error::new(format!("{frames} holds no complete JPEG picture")));
        };
        let format = VideoFormat { width, height, rate: Some(rate) };
        Ok(Self { format, frames, paced: Paced::new(rate, epoch, first), looped })
    }

    /// What it delivers: the size of the first picture and the rate that was asked for.
    #[must_use]
    pub const fn format(&self) -> VideoFormat {
        self.format
    }

    /// Sets the capture time of the first picture, before the first poll.
    pub const fn begin(&mut self, epoch: Monotonic) {
        self.paced.begin(epoch);
    }

    /// When to poll again.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.paced.deadline()
    }

    /// Nothing to watch.
    #[must_use]
    pub const fn descriptor(&self) -> Option<RawFd> {
        None
    }

    /// Pictures that were dropped as damaged or cut off.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.frames.dropped()
    }

    /// The next picture if it is due.
    ///
    /// # Errors
    /// The file can no longer be read.
    pub fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        let (frames, looped) = (&mut self.frames, self.looped);
        let polled = self
            .paced
            .poll(now, |_| frames.next(looped).map_err(|error| unreadable(&frames.path, &error)))?;
        if matches!(polled, VideoPoll::End) {
            self.frames.say_dropped();
        }
        Ok(polled)
    }
}

/// The pictures of a file in order.
#[derive(Debug)]
struct Frames {
    path: PathBuf,
    reading: Reading,
}

#[derive(Debug)]
enum Reading {
    File(File, MjpegReader),
    Folder(JpegFolder),
}

impl Frames {
    fn open(path: &Path) -> Result<Self, Error> {
        if path.is_dir() {
            let reading = Reading::Folder(JpegFolder::open(path)?);
            return Ok(Self { path: path.to_owned(), reading });
        }
        let (file, is_mjpeg) = open(path)?;
        if !is_mjpeg {
            return Err(Error::new(format!(
                "{} does not begin with a JPEG picture: convert it with \
                 ffmpeg -i IN -c:v mjpeg -pix_fmt yuvj420p -huffman default -f mjpeg OUT.mjpeg",
                path.display()
            )));
        }
        let reading = Reading::File(file, MjpegReader::default());
        Ok(Self { path: path.to_owned(), reading })
    }

    fn next(&mut self, looped: bool) -> io::Result<Next> {
        let (file, reader) = match &mut self.reading {
            Reading::File(file, reader) => (file, reader),
            Reading::Folder(folder) => return folder.next(looped),
        };
        let next = reader.read(file, Monotonic(0))?;
        if !looped || !matches!(next, Next::End) {
            return Ok(next);
        }
        file.rewind()?;
        // A second end in a row means that the file has shrunk to nothing: End then, not a spin.
        reader.read(file, Monotonic(0))
    }

    const fn dropped(&self) -> u64 {
        match &self.reading {
            Reading::File(_, reader) => reader.dropped(),
            Reading::Folder(_) => 0,
        }
    }

    fn say_dropped(&self) {
        let dropped = self.dropped();
        if dropped > 0 {
            log::warn!("{self}: {dropped} frames were damaged or cut off and left out");
        }
    }
}

impl std::fmt::Display for Frames {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.path.display().fmt(f)
    }
}

/// The file, at its beginning, and whether that is a JPEG's (SOI and the next marker's prefix).
fn open(path: &Path) -> Result<(File, bool), Error> {
    let unreadable = |error: io::Error| unreadable(path, &error);
    // Asked first, because to open a named pipe would wait for its writer.
    if !path.metadata().map_err(unreadable)?.is_file() {
        return Err(Error::new(format!(
            "{} is not a regular file: pipe it in with --video file:-",
            path.display()
        )));
    }
    let mut file = File::open(path).map_err(unreadable)?;
    let mut begin = Vec::with_capacity(3);
    file.by_ref().take(3).read_to_end(&mut begin).map_err(unreadable)?;
    file.rewind().map_err(unreadable)?;
    if begin.is_empty() {
        return Err(Error::new(format!("{} is empty", path.display())));
    }
    Ok((file, begin == [0xFF, 0xD8, 0xFF]))
}

fn unreadable(path: &Path, error: &io::Error) -> Error {
    Error::new(format!("cannot read {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::mjpeg_reader::tests::picture;
    use super::*;
    use std::fs;

    const RATE: FrameRate = FrameRate { numerator: 30_000, denominator: 1001 };

    /// Pictures of increasing brightness.
    fn pictures(count: u8) -> Vec<Vec<u8>> {
        (0..count).map(|index| picture(index * 8)).collect()
    }

    fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clip.mjpeg");
        fs::write(&path, bytes).unwrap();
        (folder, path)
    }

    /// Plays at the deadlines until the end or so many frames, none of them held for longer.
    fn play(source: &mut MjpegFile, most: usize) -> Vec<(Vec<u8>, Monotonic)> {
        let mut frames = Vec::new();
        while let Some(now) = source.deadline() {
            loop {
                match source.poll(now).unwrap() {
                    VideoPoll::Unit(frame) => {
                        assert_eq!(frame.capture, now);
                        frames.push((frame.bytes.to_vec(), frame.capture));
                    }
                    VideoPoll::Idle => break,
                    VideoPoll::End => return frames,
                }
                if frames.len() == most {
                    return frames;
                }
            }
        }
        panic!("no deadline and no end");
    }

    #[test]
    fn a_file_plays_at_its_rate_to_its_end() {
        let pictures = pictures(5);
        let (_folder, path) = file(&pictures.concat());
        assert!(is_mjpeg(&path).unwrap());
        let mut source = MjpegFile::open(&path, RATE, Monotonic(1_000), false).unwrap();
        assert_eq!(source.format(), VideoFormat { width: 64, height: 48, rate: Some(RATE) });
        assert!(matches!(source.poll(Monotonic(999)), Ok(VideoPoll::Idle)));
        for (index, (bytes, capture)) in play(&mut source, usize::MAX).iter().enumerate() {
            assert_eq!(bytes, &pictures[index]);
            let nanos = RATE.frame_nanos(u64::try_from(index).unwrap());
            assert_eq!(*capture, Monotonic(1_000).offset(nanos));
        }
        assert_eq!((source.paced.index(), source.dropped()), (5, 0));
    }

    #[test]
    fn a_loop_goes_on_and_on_in_time() {
        let pictures = pictures(2);
        let (_folder, path) = file(&pictures.concat());
        let mut source = MjpegFile::open(&path, RATE, Monotonic(0), true).unwrap();
        for (index, (bytes, capture)) in play(&mut source, 7).iter().enumerate() {
            assert_eq!(bytes, &pictures[index % 2]);
            assert_eq!(capture.0, RATE.frame_nanos(u64::try_from(index).unwrap()));
        }
    }

    #[test]
    fn frames_wait_for_a_buffer_without_being_skipped() {
        let pictures = pictures(7);
        let (_folder, path) = file(&pictures.concat());
        let mut source = MjpegFile::open(&path, RATE, Monotonic(0), false).unwrap();
        let late = Monotonic(10_000_000_000);
        let mut held = Vec::new();
        while let VideoPoll::Unit(frame) = source.poll(late).unwrap() {
            held.push(frame);
        }
        assert!(held.len() < 7);
        assert!(source.deadline().unwrap() > late);
        let mut seen = held.len();
        held.clear();
        while let VideoPoll::Unit(frame) = source.poll(late).unwrap() {
            assert_eq!(&*frame.bytes, pictures[seen]);
            seen += 1;
        }
        assert_eq!(seen, 7);
    }

    #[test]
    fn a_cut_last_picture_is_dropped_and_counted() {
        let pictures = pictures(3);
        let stream = pictures.concat();
        let (_folder, path) = file(&stream[..stream.len() - 20]);
        let mut source = MjpegFile::open(&path, RATE, Monotonic(0), false).unwrap();
        assert_eq!(play(&mut source, usize::MAX).len(), 2);
        assert_eq!(source.dropped(), 1);
    }

    #[test]
    fn pictures_without_an_end_and_those_beside_a_wrong_length_play() {
        let pictures = pictures(4);
        // Without EOI, and with what is left of one.
        for tail in [&[][..], &[0xFF], &[0xD9, 0x00]] {
            let bare = |it: &Vec<u8>| [&it[..it.len() - 2], tail].concat();
            let (_folder, path) = file(&pictures.iter().map(bare).collect::<Vec<_>>().concat());
            let mut source = MjpegFile::open(&path, RATE, Monotonic(0), false).unwrap();
            let played = play(&mut source, usize::MAX);
            assert_eq!((played.len(), source.dropped()), (4, 0), "{tail:?}");
            for ((played, _), picture) in played.iter().zip(&pictures) {
                assert!(played.starts_with(&picture[..picture.len() - 2]));
            }
        }
        // APP0, two bytes behind SOI, says that it covers the pictures behind it.
        let mut wrong = pictures[1].clone();
        wrong[4..6].copy_from_slice(&4000_u16.to_be_bytes());
        let stream = [&pictures[0], &wrong, &pictures[2], &pictures[3]].map(Vec::as_slice).concat();
        let (_folder, path) = file(&stream);
        let mut source = MjpegFile::open(&path, RATE, Monotonic(0), false).unwrap();
        let played: Vec<_> = play(&mut source, usize::MAX).into_iter().map(|(it, _)| it).collect();
        assert_eq!(played, [&pictures[0], &pictures[2], &pictures[3]].map(Clone::clone));
    }

    #[test]
    fn as_fast_as_it_goes_the_loop_gets_its_turn() {
        let pictures = pictures(3);
        let (_folder, path) = file(&pictures.concat());
        let mut source = preload(&path, RATE, true).unwrap();
        assert_eq!((source.format().width, source.format().height), (64, 48));
        for index in 0..8 {
            let now = Monotonic(index);
            assert!(source.deadline().unwrap() <= now);
            let VideoPoll::Unit(frame) = source.poll(now).unwrap() else { panic!() };
            assert_eq!(frame.capture, now);
            assert_eq!(&*frame.bytes, pictures[usize::try_from(index).unwrap() % 3]);
            assert!(matches!(source.poll(now), Ok(VideoPoll::Idle)));
        }
        let mut once = preload(&path, RATE, false).unwrap();
        for _ in 0..5 {
            assert!(!matches!(once.poll(Monotonic(0)), Ok(VideoPoll::End)));
        }
        assert!(matches!(once.poll(Monotonic(0)), Ok(VideoPoll::End)));
        assert_eq!(once.deadline(), None);
    }

    #[test]
    fn what_is_no_such_file_is_said() {
        let said =
            |path: &Path| MjpegFile::open(path, RATE, Monotonic(0), false).unwrap_err().to_string();
        let (folder, path) = file(b"");
        assert!(said(&path).ends_with("clip.mjpeg is empty"));
        assert!(is_mjpeg(&path).is_err());
        assert!(said(folder.path()).contains("there are no .jpg or .jpeg files"));
        assert!(said(Path::new("/dev/null")).contains("is not a regular file"));
        assert!(said(&folder.path().join("none")).contains("cannot read"));
        let (_folder, path) = file(b"\0\0\0 ftypisom");
        assert!(said(&path).contains("does not begin with a JPEG picture"));
        assert!(!is_mjpeg(&path).unwrap());
        let (_folder, path) = file(&pictures(1)[0][..100]);
        assert!(said(&path).contains("no complete JPEG picture"));
        assert!(preload(&path, RATE, false).is_err());
    }
}
