//! The built-in picture as a source: drawn and encoded on the JPEG worker, a frame at its time.
//!
//! When the worker is late the newest frame wins; those in between are skipped and counted.

use super::canvas::{Canvas, Scene};
use super::error::Error;
use super::flash::Flash;
use super::frame::VideoPoll;
use super::preloaded::{Loader, Preloaded};
use crate::worker::{Kind, Worker};
use std::ops::RangeInclusive;
use std::os::fd::RawFd;
use std::sync::Arc;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{Bytes, Pool, PoolBuffer, Unit, VideoFormat};
use turbojpeg::{Compressor, Subsamp, compressed_buf_len};

/// Sizes of the picture: the smallest that its time is readable in, and the largest that RFC 2435
/// can describe.
const WIDTHS: RangeInclusive<u16> = 64..=2040;
const HEIGHTS: RangeInclusive<u16> = 48..=2040;
/// RFC 2435 counts in blocks of 8 pixels: other sizes would be shown with a border of rubbish.
const BLOCK: u16 = 8;
/// Buffers: two on their way out, one being encoded, one to spare.
const BUFFERS: usize = 4;
/// Frames that are kept for sending as fast as it goes: one flash and some movement.
const PRELOADED_FRAMES: u64 = 30;

/// What the picture is to be.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Pixels; rounded up to a multiple of 8.
    pub width: u16,
    /// Pixels; rounded up to a multiple of 8.
    pub height: u16,
    /// Capture time of the first frame, and the rate.
    pub flash: Flash,
    /// Nanoseconds of Unix time minus nanoseconds of the monotonic clock, for the time that is
    /// drawn; add the time zone's offset if local time is to be shown.
    pub unix_offset: i64,
    /// JPEG quality, 1 to 100.
    pub quality: u8,
}

/// The built-in picture, live.
pub struct Pattern {
    format: VideoFormat,
    flash: Flash,
    unix_offset: i64,
    worker: Worker<Job, Done>,
    pool: Pool,
    /// Index of the first frame that was neither submitted nor skipped.
    next: u64,
    skipped: u64,
}

impl Pattern {
    /// Starts the picture and its worker; `waker` announces frames.
    ///
    /// # Errors
    /// A size, rate or quality that cannot be, or no more threads.
    pub fn new(settings: &Settings, waker: Arc<mio::Waker>) -> Result<Self, Error> {
        let format = granted(settings)?;
        let mut encoder = Encoder::new(format, settings.quality)?;
        let worker = Worker::start(Kind::JPEG, waker, move |job| encoder.work(job))?;
        Ok(Self {
            format,
            flash: settings.flash,
            unix_offset: settings.unix_offset,
            worker,
            pool: Pool::new(BUFFERS, 0),
            next: 0,
            skipped: 0,
        })
    }

    /// What it delivers: the size as rounded up.
    #[must_use]
    pub const fn format(&self) -> VideoFormat {
        self.format
    }

    /// Sets the capture time of the first frame, before the first poll.
    pub const fn begin(&mut self, epoch: Monotonic) {
        self.flash.epoch = epoch;
    }

    /// When to poll again, apart from when the waker says so.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        (self.worker.outstanding() == 0).then(|| self.flash.frame_time(self.next))
    }

    /// Nothing to watch: the waker announces frames.
    #[must_use]
    pub const fn descriptor(&self) -> Option<RawFd> {
        None
    }

    /// Frames that were left out because the worker or the way out was late.
    #[must_use]
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Corrects the time of day that is drawn from the next frame on, as
    /// [`Settings::unix_offset`].
    pub const fn set_unix_offset(&mut self, unix_offset: i64) {
        self.unix_offset = unix_offset;
    }

    /// A frame that has been encoded; has the newest one begun that is due.
    ///
    /// # Errors
    /// The encoder refuses.
    pub fn poll(&mut self, now: Monotonic) -> Result<VideoPoll, Error> {
        let done = self.worker.take();
        if self.worker.outstanding() == 0 {
            self.submit_newest(now);
        }
        let Some(Done { capture, bytes }) = done else { return Ok(VideoPoll::Idle) };
        Ok(VideoPoll::Unit(Unit::jpeg(bytes?, capture)))
    }

    fn submit_newest(&mut self, now: Monotonic) {
        let Some(index) = self.flash.newest(now).filter(|newest| *newest >= self.next) else {
            return;
        };
        self.skipped += index - self.next;
        self.next = index + 1;
        let job = self.pool.take().map(|buffer| {
            let capture = self.flash.frame_time(index);
            Job { capture, scene: scene(&self.flash, index, self.unix_offset), buffer }
        });
        if job.is_none_or(|job| self.worker.submit(job).is_err()) {
            self.skipped += 1;
        }
    }
}

/// Frames encoded now, to be handed out as fast as it goes.
///
/// # Errors
/// As [`Pattern::new`].
pub fn preload(settings: &Settings) -> Result<Preloaded, Error> {
    let format = granted(settings)?;
    let mut encoder = Encoder::new(format, settings.quality)?;
    let mut loader = Loader::default();
    let mut frame = Vec::new();
    for index in 0..PRELOADED_FRAMES {
        encoder.encode(&scene(&settings.flash, index, settings.unix_offset), &mut frame)?;
        if !loader.push(&frame) {
            break;
        }
    }
    loader.finish("the pattern", format.reckoned_rate(), true, 0)
}

/// The format that the settings lead to.
fn granted(settings: &Settings) -> Result<VideoFormat, Error> {
    let Settings { width, height, quality, flash, .. } = *settings;
    if !WIDTHS.contains(&width) || !HEIGHTS.contains(&height) {
        return Err(Error::new(format!(
            "the pattern cannot be {width}x{height}: choose a size from {}x{} to {}x{}",
            WIDTHS.start(),
            HEIGHTS.start(),
            WIDTHS.end(),
            HEIGHTS.end()
        )));
    }
    if !(1..=100).contains(&quality) {
        return Err(Error::new(format!("JPEG quality {quality} is not within 1 to 100")));
    }
    if flash.rate.numerator == 0 || flash.rate.denominator == 0 {
        return Err(Error::new("the pattern needs a frame rate above 0"));
    }
    let [width, height] = [width, height].map(|side| side.next_multiple_of(BLOCK));
    Ok(VideoFormat { width, height, rate: Some(flash.rate) })
}

fn scene(flash: &Flash, index: u64, unix_offset: i64) -> Scene {
    let nanos = flash.rate.frame_nanos(index);
    Scene {
        index,
        flash: flash.is_flash(index),
        nanos,
        unix_nanos: flash.frame_time(index).0.saturating_add(unix_offset),
    }
}

/// A frame to draw and encode.
#[derive(Debug)]
struct Job {
    capture: Monotonic,
    scene: Scene,
    buffer: PoolBuffer,
}

/// What became of it.
#[derive(Debug)]
struct Done {
    capture: Monotonic,
    bytes: Result<Bytes, Error>,
}

/// What the worker needs to make pictures, kept from one to the next.
struct Encoder {
    canvas: Canvas,
    compressor: Compressor,
    /// Room for the largest JPEG of this size, which the compressor writes to without asking.
    /// Untouched pages of it cost nothing.
    output: Vec<u8>,
}

impl Encoder {
    fn new(format: VideoFormat, quality: u8) -> Result<Self, Error> {
        let [width, height] = [format.width, format.height].map(usize::from);
        let mut compressor = Compressor::new().map_err(refused)?;
        compressor.set_quality(i32::from(quality)).map_err(refused)?;
        let room = compressed_buf_len(width, height, Subsamp::Sub2x1).map_err(refused)?;
        Ok(Self { canvas: Canvas::new(width, height), compressor, output: vec![0; room] })
    }

    fn work(&mut self, job: Job) -> Done {
        let Job { capture, scene, mut buffer } = job;
        let bytes = self.encode(&scene, buffer.bytes_mut()).map(|()| buffer.freeze());
        Done { capture, bytes }
    }

    fn encode(&mut self, scene: &Scene, frame: &mut Vec<u8>) -> Result<(), Error> {
        self.canvas.draw(scene);
        let length = self
            .compressor
            .compress_yuv_planes_to_slice(&self.canvas.image(), &mut self.output)
            .map_err(refused)?;
        frame.clear();
        frame.extend_from_slice(&self.output[..length]);
        Ok(())
    }
}

fn refused(error: turbojpeg::Error) -> Error {
    Error::new(format!("the pattern cannot be encoded: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::frame::AudioPoll;
    use crate::capture::tone::Tone;
    use crate::codec::QUALITY_DEFAULT;
    use crate::worker::tests::Loop;
    use streamsocket_media::{AudioFormat, FrameRate};
    use turbojpeg::{PixelFormat, decompress, read_header};

    const EPOCH: Monotonic = Monotonic(4_000_000_000);

    fn settings(width: u16, height: u16, numerator: u32, denominator: u32) -> Settings {
        let rate = FrameRate { numerator, denominator };
        let flash = Flash { epoch: EPOCH, rate };
        Settings { width, height, flash, unix_offset: 0, quality: QUALITY_DEFAULT }
    }

    /// The next frame, waiting for the worker.
    fn frame(pattern: &mut Pattern, event_loop: &mut Loop, now: Monotonic) -> Unit {
        loop {
            if let VideoPoll::Unit(frame) = pattern.poll(now).unwrap() {
                return frame;
            }
            event_loop.wait();
        }
    }

    /// Mean brightness of the band at the top.
    fn band(jpeg: &[u8]) -> u32 {
        let image = decompress(jpeg, PixelFormat::GRAY).unwrap();
        let rows = Canvas::new(image.width, image.height).band();
        let pixels = &image.pixels[..rows * image.pitch];
        pixels.iter().map(|pixel| u32::from(*pixel)).sum::<u32>()
            / u32::try_from(pixels.len()).unwrap()
    }

    #[test]
    fn flash_and_beep_are_captured_together() {
        for (numerator, denominator) in [(10, 1), (12_000, 1001)] {
            let settings = settings(64, 48, numerator, denominator);
            let mut event_loop = Loop::new();
            let mut pattern = Pattern::new(&settings, Arc::clone(&event_loop.waker)).unwrap();
            let mut flashes = Vec::new();
            for index in 0..35 {
                let due = settings.flash.frame_time(index);
                assert_eq!(pattern.deadline(), Some(due));
                assert!(matches!(pattern.poll(due.offset(-1)), Ok(VideoPoll::Idle)));
                let frame = frame(&mut pattern, &mut event_loop, due);
                assert_eq!(frame.capture, due);
                match band(&frame.bytes) {
                    0..=2 => {}
                    253..=255 => flashes.push(frame.capture),
                    grey => panic!("band of brightness {grey}"),
                }
            }
            assert_eq!(pattern.skipped(), 0);

            let mut tone = Tone::new(settings.flash, AudioFormat { rate: 48_000, channels: 2 });
            let (mut out, mut beeps, mut quiet) = ([0; 480], Vec::new(), 0);
            while let Some(now) = tone.deadline().filter(|now| *now < EPOCH.offset(3_300_000_000)) {
                let AudioPoll::Samples { frames, capture } = tone.poll(now, &mut out).unwrap()
                else {
                    panic!("due")
                };
                for (n, sample) in (0..).zip(out.chunks_exact(2).take(frames)) {
                    if sample[0] != 0 && (quiet > 4_800 || beeps.is_empty()) {
                        beeps.push(capture.offset(n * 1_000_000_000 / 48_000));
                    }
                    quiet = if sample[0] == 0 { quiet + 1 } else { 0 };
                }
            }
            assert_eq!((flashes.len(), beeps.len()), (if denominator == 1 { 4 } else { 3 }, 4));
            for (flash, beep) in flashes.iter().zip(&beeps) {
                // The first sample of the sine is 0; the beep's first audible one follows it.
                let audible = beep.nanos_since(*flash);
                assert!((0..=2 * 1_000_000_000 / 48_000).contains(&audible), "{audible} ns");
            }
        }
    }

    #[test]
    fn when_the_worker_is_late_the_newest_frame_wins() {
        let settings = settings(64, 48, 30, 1);
        let mut event_loop = Loop::new();
        let mut pattern = Pattern::new(&settings, Arc::clone(&event_loop.waker)).unwrap();
        let late = settings.flash.frame_time(7);
        let first = frame(&mut pattern, &mut event_loop, late);
        assert_eq!((first.capture, pattern.skipped()), (late, 7));
        let later = settings.flash.frame_time(9);
        let held: Vec<Unit> = (0..3)
            .map(|n| {
                let now = later.offset(n * 40_000_000);
                frame(&mut pattern, &mut event_loop, now)
            })
            .collect();
        let skipped = pattern.skipped();
        assert!(matches!(pattern.poll(later.offset(200_000_000)), Ok(VideoPoll::Idle)));
        assert!(pattern.skipped() > skipped, "no buffer: the frame is lost and counted");
        assert!(pattern.deadline() > Some(later.offset(200_000_000)));
        drop((first, held));
        let now = later.offset(300_000_000);
        assert!(now.nanos_since(frame(&mut pattern, &mut event_loop, now).capture) < 33_333_334);
    }

    #[test]
    fn sizes_are_rounded_up_to_blocks() {
        for (asked, granted) in [
            ((64, 48), (64, 48)),
            ((65, 97), (72, 104)),
            ((634, 470), (640, 472)),
            ((1920, 1080), (1920, 1080)),
        ] {
            let preloaded = preload(&Settings { quality: 20, ..settings(asked.0, asked.1, 5, 1) });
            let mut preloaded = preloaded.unwrap();
            assert_eq!((preloaded.format().width, preloaded.format().height), granted);
            let VideoPoll::Unit(frame) = preloaded.poll(Monotonic(0)).unwrap() else { panic!() };
            let header = read_header(&frame.bytes).unwrap();
            assert_eq!(header.subsamp, Subsamp::Sub2x1);
            assert_eq!((header.width, header.height), (granted.0.into(), granted.1.into()));
        }
    }

    #[test]
    fn frames_differ_by_number_and_time() {
        let mut preloaded = preload(&settings(320, 240, 30, 1)).unwrap();
        let mut frames = Vec::new();
        while frames.len() < 31 {
            if let VideoPoll::Unit(frame) = preloaded.poll(Monotonic(0)).unwrap() {
                frames.push(frame.bytes.to_vec());
            }
        }
        assert_eq!(frames[0], frames[30], "endless");
        for (index, frame) in frames[..30].iter().enumerate() {
            assert!(!frames[..index].contains(frame));
            assert_eq!(band(frame) > 250, index == 0);
        }
    }

    #[test]
    fn impossible_settings_are_refused() {
        let refused = |settings: Settings| preload(&settings).unwrap_err().to_string();
        assert!(refused(settings(63, 48, 30, 1)).contains("64x48 to 2040x2040"));
        assert!(refused(settings(64, 2041, 30, 1)).contains("64x2041"));
        assert!(refused(settings(64, 48, 0, 1)).contains("rate"));
        assert!(refused(Settings { quality: 0, ..settings(64, 48, 30, 1) }).contains("quality"));
    }
}
