//! H.264 by x264, in a child.

use crate::child::{Ffmpeg, PATIENCE_MILLIS, Pipes, prepare, write_all};
use crate::error::Error;
use crate::flv::{Splitter, Tag};
use crate::jpeg::Decoded;
use crate::nal::{AccessUnit, ParameterSets};
use crate::picture::Picture;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::process::{ChildStdin, ChildStdout};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;
use streamsocket_media::clock::Wall;

/// Bytes of the pipe to the child: as many as an ordinary user may have, so that it is woken once or twice for a
/// picture.
const PIPE: i32 = 1 << 20;

/// Pictures that may be in the child: some while it starts, none later.
const PENDING_MAX: usize = 90;

/// Tags that may wait to be fetched.
const QUEUE: usize = 16;

/// Ticks in a second of the times that the child is told: twice as many as milliseconds, since the lowest bit says
/// whether a picture is to be a key picture.
const TICKS: u32 = 2000;

/// Longest time between two pictures that the child is told, in milliseconds: its rate control is to spend on one
/// picture what a second has at most.
const STEP_MAX: i64 = 1000;

/// Longest wait for the picture that was just handed over: it takes less, unless the child is starting.
const WAIT: Duration = Duration::from_millis(100);

/// A child and the pictures that are in it.
#[derive(Debug)]
pub(crate) struct Encoder {
    child: Ffmpeg,
    input: ChildStdin,
    tags: Receiver<Tag>,
    pending: VecDeque<Wall>,
    /// When the last picture was captured, and the milliseconds that the child was told.
    last: Option<(Wall, i64)>,
    /// A picture as it is written.
    frame: Vec<u8>,
}

impl Encoder {
    /// Starts a child for pictures of `size` (width and height, even), `bitrate` bits and about `rate` pictures a
    /// second.
    ///
    /// # Errors
    /// [`Error::Start`] with what to do about it.
    pub(crate) fn new(size: (usize, usize), bitrate: u32, rate: f32) -> Result<Self, Error> {
        let (child, Pipes { mut input, output }) = start(bitrate, rate)?;
        let failed = |error: std::io::Error| Error::Start(format!("x264: {error}"));
        prepare(&input, PIPE).map_err(failed)?;
        write_all(&mut input, &ivf_header(size)).map_err(failed)?;
        let (sender, tags) = sync_channel(QUEUE);
        let reader = thread::Builder::new().name("x264 out".into());
        reader.spawn(move || read(output, &sender)).map_err(failed)?;
        let (pending, frame) = (VecDeque::new(), Vec::new());
        Ok(Self { child, input, tags, pending, last: None, frame })
    }

    /// Hands a picture to the child, and appends to `out` what it has ready.
    ///
    /// # Errors
    /// [`Error::Ended`] if it has died, or takes or gives nothing.
    pub(crate) fn encode(
        &mut self,
        picture: &Decoded<'_>,
        at: Wall,
        key: bool,
        sets: &mut ParameterSets,
        out: &mut Vec<Picture>,
    ) -> Result<(), Error> {
        // The first picture is one anyway, and ffmpeg may count time from it.
        let key = key && self.last.is_some();
        let millis = self.millis(at);
        self.frame.clear();
        append_frame(picture, millis * i64::from(TICKS / 1000) + i64::from(key), &mut self.frame);
        if let Err(error) = write_all(&mut self.input, &self.frame) {
            return Err(self.child.ended(&match error.kind() {
                ErrorKind::TimedOut => "takes no picture any more".to_owned(),
                _ => format!("has ended: {error}"),
            }));
        }
        self.pending.push_back(at);
        let before = out.len();
        let fetched = loop {
            match self.tags.recv_timeout(WAIT) {
                Ok(tag) => take(&tag, &mut self.pending, sets, out),
                Err(RecvTimeoutError::Timeout) if self.pending.len() < PENDING_MAX => break Ok(()),
                Err(RecvTimeoutError::Timeout) => break Err("gives no pictures any more"),
                Err(RecvTimeoutError::Disconnected) => break Err("has ended"),
            }
            if self.pending.is_empty() {
                break Ok(());
            }
        };
        fetched.map_err(|symptom| {
            out.truncate(before);
            self.child.ended(symptom)
        })
    }

    /// What the child is told of `at`: later than the one before.
    fn millis(&mut self, at: Wall) -> i64 {
        let millis = self
            .last
            .map_or(0, |(last, told)| told.saturating_add((at - last).millis().clamp(1, STEP_MAX)));
        self.last = Some((at, millis));
        millis
    }

    #[cfg(test)]
    pub(crate) fn kill(&mut self) {
        self.child.end();
    }

    /// Lets the child come to its end, and appends to `out` what was in it.
    ///
    /// # Errors
    /// [`Error::Ended`] if it died before.
    pub(crate) fn finish(
        self,
        sets: &mut ParameterSets,
        out: &mut Vec<Picture>,
    ) -> Result<(), Error> {
        let Self { mut child, input, tags, mut pending, .. } = self;
        drop(input);
        while !pending.is_empty() {
            let wait = Duration::from_millis(PATIENCE_MILLIS.into());
            let tag = tags.recv_timeout(wait).map_err(|_| child.ended("has ended"))?;
            take(&tag, &mut pending, sets, out);
        }
        Ok(())
    }
}

fn take(tag: &Tag, pending: &mut VecDeque<Wall>, sets: &mut ParameterSets, out: &mut Vec<Picture>) {
    let (Tag::Sets(units) | Tag::Picture(units)) = tag;
    let mut unit = AccessUnit::default();
    units.iter().for_each(|nal| unit.take(nal, sets));
    if unit.data.is_empty() {
        return;
    }
    if let Some(at) = pending.pop_front() {
        out.push(Picture { data: unit.data.into(), at, key: unit.key });
    }
}

fn start(bitrate: u32, rate: f32) -> Result<(Ffmpeg, Pipes), Error> {
    let bits = bitrate.to_string();
    let burst = bitrate.saturating_mul(2).to_string();
    let ticks = format!("1:{TICKS}");
    // Its level goes by this; its bits go by the times of the pictures.
    let x264_params = format!("fps={}/1:{X264}", rate.round().max(1.0));
    let input = ["-probesize", "32", "-analyzeduration", "0", "-f", "ivf"];
    let passed = ["-i", "pipe:0", "-vsync", "passthrough", "-copyts", "-enc_time_base", &ticks];
    let keys = ["-g", "1000000", "-forced-idr", "1", "-force_key_frames", KEYS];
    let x264 = ["-c:v", "libx264", "-preset", "veryfast", "-tune", "zerolatency", "-bf", "0"];
    let bits = ["-threads", "1", "-b:v", &bits, "-maxrate", &bits, "-bufsize", &burst];
    let output = ["-x264-params", &x264_params, "-flush_packets", "1", "-f", "flv", "pipe:1"];
    let options = [&input[..], &passed, &keys, &x264, &bits, &output].concat();
    Ffmpeg::start("x264", &options)
}

/// A picture is to be a key picture if its time, in ticks, is odd.
const KEYS: &str = "expr:mod(round(t*2000),2)";

/// No key pictures of its own; JFIF's colours (ITU-T H.264 annex E).
const X264: &str = "scenecut=0:keyint=infinite:ref=1:sliced-threads=0:fullrange=on:colorprim=bt709:\
                    transfer=iec61966-2-1:colormatrix=smpte170m";

/// The header of an IVF file with pictures in I420: of the containers that ffmpeg reads the simplest that has
/// times.
fn ivf_header((width, height): (usize, usize)) -> Vec<u8> {
    let side = |pixels: usize| u16::try_from(pixels).unwrap_or(u16::MAX).to_le_bytes();
    let mut header = Vec::with_capacity(32);
    for part in [&b"DKIF\0\0\x20\0I420"[..], &side(width), &side(height)] {
        header.extend_from_slice(part);
    }
    // Of an unknown number of pictures.
    for number in [TICKS, 1, u32::MAX, 0] {
        header.extend_from_slice(&number.to_le_bytes());
    }
    header
}

/// Appends a picture with its header: its length, its time, its planes without gaps.
fn append_frame(picture: &Decoded<'_>, time: i64, out: &mut Vec<u8>) {
    let (width, height) = picture.size;
    let length = u32::try_from(width * height * 3 / 2).unwrap_or(u32::MAX);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&time.to_le_bytes());
    for (index, plane) in picture.planes.iter().enumerate() {
        let stride = picture.strides[index.min(1)];
        let (width, height) = if index == 0 { (width, height) } else { (width / 2, height / 2) };
        for row in plane.chunks(stride).take(height) {
            out.extend_from_slice(&row[..width]);
        }
    }
}

/// Reads tags until the child has ended, or writes something else, or nobody wants them.
fn read(mut output: ChildStdout, tags: &SyncSender<Tag>) {
    let (mut splitter, mut buffer) = (Splitter::default(), vec![0; 1 << 16]);
    loop {
        match output.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => splitter.push(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return log::error!("cannot read from ffmpeg: {error}"),
        }
        loop {
            match splitter.next_tag() {
                Ok(Some(tag)) => {
                    if tags.send(tag).is_err() {
                        return;
                    }
                }
                Ok(None) => break,
                Err(_) => return log::error!("ffmpeg writes no FLV for x264"),
            }
        }
    }
}
