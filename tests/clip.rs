//! Pictures and sound to stream, and what arrived to compare with them.

use crate::program::{output, peer};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Pictures of a clip.
pub const FRAMES: usize = 90;

/// Sample frames a second of the voice, which is mono.
pub const VOICE_RATE: usize = 48_000;

/// A clip of this size, `640x480`, `1280x720` or `1920x1080`: JPEGs one after the other.
pub fn clip(size: &str) -> PathBuf {
    folder().join(format!("{size}.mjpeg"))
}

/// The voice: a WAV file.
pub fn voice() -> PathBuf {
    folder().join("voice.wav")
}

/// Where `tests/data/make-clips` puts them; they are made at the first call.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        if let Some(made) = std::env::var_os("STREAMSOCKET_CLIPS") {
            return made.into();
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let folder = root.join("../target/clips");
        output(Command::new(root.join("data/make-clips")).arg(&folder));
        folder
    })
}

/// The JPEGs of a file that has nothing else in it, and none inside another.
pub fn split(mjpeg: &[u8]) -> Vec<&[u8]> {
    const START: [u8; 3] = [0xFF, 0xD8, 0xFF];
    let mut starts: Vec<usize> =
        (0..mjpeg.len()).filter(|&at| mjpeg[at..].starts_with(&START)).collect();
    assert_eq!(starts.first(), Some(&0), "no JPEG at the start of {} bytes", mjpeg.len());
    starts.push(mjpeg.len());
    starts.windows(2).map(|pair| &mjpeg[pair[0]..pair[1]]).collect()
}

/// A number that stands for a JPEG's pixels, as turbojpeg decodes them.
pub fn pixels(jpeg: &[u8]) -> u64 {
    pixels_if_whole(jpeg).unwrap()
}

/// The same, if turbojpeg finds nothing wrong with it.
pub fn pixels_if_whole(jpeg: &[u8]) -> turbojpeg::Result<u64> {
    let image = turbojpeg::decompress(jpeg, turbojpeg::PixelFormat::RGB)?;
    let mut hasher = DefaultHasher::new();
    (image.width, image.height, image.pixels).hash(&mut hasher);
    Ok(hasher.finish())
}

/// The pixels of each picture of a clip or of what was received.
pub fn all_pixels(mjpeg: &[u8]) -> Vec<u64> {
    split(mjpeg).into_iter().map(pixels).collect()
}

/// The JPEGs of a recording, byte by byte as they are in it, read by ffmpeg.
pub fn recorded_video(file: &Path) -> Vec<u8> {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(file);
    output(ffmpeg.args(["-map", "0:v", "-c", "copy", "-f", "mjpeg", "-"]))
}

/// The samples of a recording or of any other file, read by ffmpeg.
pub fn samples(file: &Path) -> Vec<i16> {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-i"]).arg(file);
    let bytes = output(ffmpeg.args(["-map", "0:a", "-f", "s16le", "-c:a", "pcm_s16le", "-"]));
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Asserts that `got` is `source` from some place on, round and round, without a gap; returns
/// that place.
#[track_caller]
pub fn assert_runs_through<T: PartialEq>(source: &[T], got: &[T]) -> usize {
    let first = got.first().expect("nothing was received");
    let start = source.iter().position(|it| it == first);
    let start = start.expect("the first received is none of the source");
    for (index, received) in got.iter().enumerate() {
        let expected = (start + index) % source.len();
        let found = source.iter().position(|it| it == received);
        assert!(
            source[expected] == *received,
            "number {index} of {} received is {found:?} of the source, not {expected}",
            got.len()
        );
    }
    start
}

/// Where `part` begins in `whole`, if it is in it.
pub fn find(whole: &[i16], part: &[i16]) -> Option<usize> {
    whole.windows(part.len()).position(|window| window == part)
}
