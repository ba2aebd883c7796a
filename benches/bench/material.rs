//! What is streamed: the clips of the tests, the same as single files for GStreamer, and clips of any
//! number of bytes a picture.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use streamsocket_benches::{noise, noise_of_size};
use streamsocket_tests::clip::{clip, split, voice};
use streamsocket_tests::program::{output, peer};
use streamsocket_wire::jpeg_scan::scan;

/// A clip, in both forms.
#[derive(Clone, Debug)]
pub(crate) struct Clip {
    /// Pictures one after the other.
    pub(crate) file: PathBuf,
    /// A file each, `00000.jpg` and so on.
    pub(crate) folder: PathBuf,
    /// How many.
    pub(crate) pictures: usize,
    /// Width and height.
    pub(crate) size: (u16, u16),
    /// Bytes of a picture on average.
    pub(crate) bytes: usize,
}

impl Clip {
    /// So many pictures at so many a second, as an AVI file, made once.
    pub(crate) fn avi(&self, rate: u32, pictures: u64) -> PathBuf {
        let avi = self.folder.join(format!("{rate}-{pictures}.avi"));
        if !avi.exists() {
            let mut ffmpeg = peer("ffmpeg");
            ffmpeg.args(["-nostdin", "-v", "error", "-stream_loop", "-1", "-f", "mjpeg"]);
            ffmpeg.args(["-framerate", &rate.to_string(), "-i"]).arg(&self.file);
            ffmpeg.args(["-frames:v", &pictures.to_string(), "-c", "copy"]).arg(&avi);
            output(&mut ffmpeg);
        }
        avi
    }
}

/// The clip of the tests of this size.
pub(crate) fn usual(size: &str) -> Clip {
    kept(size, || fs::read(clip(size)).unwrap())
}

/// A clip whose pictures have about so many bytes.
pub(crate) fn of_bytes(bytes: usize) -> Clip {
    kept(&format!("{bytes} bytes"), || noise(bytes, PICTURES).concat())
}

/// A clip of pictures of this size that are as large as a camera's best: 0.65 bytes a pixel.
pub(crate) fn of_size(width: usize, height: usize) -> Clip {
    /// Noise at this quality has as many.
    const QUALITY: i32 = 64;
    let make = || noise_of_size((width, height), QUALITY, PICTURES).concat();
    kept(&format!("noise of {width}x{height}"), make)
}

/// The voice of the tests as most microphones of cameras give theirs, 48 kHz in two channels: a WAV file, made once.
pub(crate) fn stereo() -> PathBuf {
    let wav = scratch().join("stereo.wav");
    if !wav.exists() {
        let mut ffmpeg = peer("ffmpeg");
        ffmpeg.args(["-nostdin", "-v", "error", "-i"]).arg(voice());
        output(ffmpeg.args(["-ac", "2", "-ar", "48000"]).arg(&wav));
    }
    wav
}

/// Pictures of a made clip: enough that they are not all in the processor's cache.
const PICTURES: usize = 12;

/// The clip of that name, made once.
fn kept(name: &str, make: impl FnOnce() -> Vec<u8>) -> Clip {
    static CLIPS: OnceLock<Mutex<HashMap<String, Clip>>> = OnceLock::new();
    let mut clips = CLIPS.get_or_init(Mutex::default).lock().unwrap();
    if let Some(clip) = clips.get(name) {
        return clip.clone();
    }
    let clip = write(&scratch().join(name), &make());
    clips.insert(name.to_owned(), clip.clone());
    clip
}

/// Where all of it is put.
fn scratch() -> &'static Path {
    static SCRATCH: OnceLock<tempfile::TempDir> = OnceLock::new();
    SCRATCH.get_or_init(|| tempfile::tempdir().unwrap()).path()
}

fn write(folder: &Path, bytes: &[u8]) -> Clip {
    fs::create_dir(folder).unwrap();
    let file = folder.join("clip.mjpeg");
    fs::write(&file, bytes).unwrap();
    let pictures = split(bytes);
    for (index, picture) in pictures.iter().enumerate() {
        fs::write(folder.join(format!("{index:05}.jpg")), picture).unwrap();
    }
    let first = scan(pictures[0]).expect("a picture for RTP");
    Clip {
        file,
        folder: folder.to_owned(),
        pictures: pictures.len(),
        size: (first.picture.width, first.picture.height),
        bytes: bytes.len() / pictures.len(),
    }
}
