//! The camera of a session: where it is plugged in now, what it has lost so far, and whether it
//! still gives pictures.

use super::without::go_on_without;
use crate::capture::camera::{Camera, CameraCounts, CameraRequest};
use crate::capture::devices::{self, CameraName, Identity};
use crate::capture::error::{Cause, Error};
use crate::capture::frame::VideoPoll;
use crate::capture::plug::Plug;
use crate::capture::wait::Wait;
use std::os::fd::RawFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use streamsocket_media::clock::Monotonic;
use streamsocket_media::{FrameRate, VideoFormat};

/// Without a picture for so long, or for [`FROZEN_FRAMES`] if that is longer, a camera is frozen.
const FROZEN_MIN: Duration = Duration::from_secs(2);

/// Cameras skip frames when it gets dark; so many in a row are not skipped any more.
const FROZEN_FRAMES: u64 = 8;

/// What a session that waits for its first camera is described with, unless the user said it.
const SIZE_DEFAULT: (u16, u16) = (1280, 720);

/// The camera of a session.
pub struct LiveCamera {
    plug: Plug<Camera>,
    format: VideoFormat,
    name: String,
    /// What became of the frames of the cameras before this one.
    past: CameraCounts,
    /// Pictures and useless buffers that this one had given when the last picture came, and when that was.
    given: (u64, u64),
    heard: Monotonic,
    frozen_after: Duration,
    /// It froze, and has not given a picture since, though it was opened again.
    frozen: Option<Error>,
}

/// Finds and opens the camera, on whatever thread.
struct Finder {
    name: CameraName,
    request: CameraRequest,
    /// The size that the session began with, if the user did not ask for one.
    size: Mutex<Option<(u16, u16)>>,
    known: Mutex<Option<Identity>>,
}

impl Finder {
    fn open(&self) -> Result<Camera, Error> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let device = devices::find_camera(&self.name, known.as_ref())?;
        let identity = devices::identity_of_camera(&device);
        let camera = self.open_at(&device)?;
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = identity;
        Ok(camera)
    }

    fn open_at(&self, device: &Path) -> Result<Camera, Error> {
        let mut kept = self.size.lock().unwrap_or_else(PoisonError::into_inner);
        let size = self.request.size.or(*kept);
        let request = CameraRequest { device: device.into(), size, ..self.request.clone() };
        let mut opened = Camera::open(&request);
        let other = |error: &Error| error.cause() == Cause::Other;
        // Another camera may not have the size; a picture of another size is better than none.
        if self.request.size.is_none() && size.is_some() && opened.as_ref().is_err_and(other) {
            opened = Camera::open(&CameraRequest { size: None, ..request });
        }
        let camera = opened?;
        let granted = camera.granted();
        *kept = Some((granted.width, granted.height));
        Ok(camera)
    }
}

impl LiveCamera {
    /// Opens a camera, or begins without if that is worth waiting for. `request` says what is
    /// wanted of it, whatever its node is.
    ///
    /// # Errors
    /// As for opening a camera.
    pub fn open(
        name: CameraName,
        request: CameraRequest,
        wait: Wait,
        waker: Arc<mio::Waker>,
    ) -> Result<Self, Error> {
        let (width, height) = request.size.unwrap_or(SIZE_DEFAULT);
        let rate = request.rate.unwrap_or(FrameRate { numerator: 30, denominator: 1 });
        let mut label = name.to_string();
        let finder = Arc::new(Finder { name, request, size: None.into(), known: None.into() });
        let device = match finder.open() {
            Ok(camera) => Ok(camera),
            Err(why) => Err(go_on_without(why, wait)?),
        };
        let mut format = VideoFormat { width, height, rate: Some(rate) };
        if let Ok(camera) = &device {
            format = camera.granted();
            camera.name().clone_into(&mut label);
        }
        let plug = Plug::new(device, Arc::new(move || finder.open()), waker);
        Ok(Self {
            plug,
            format,
            name: label,
            past: CameraCounts::default(),
            given: (0, 0),
            heard: Monotonic(0),
            frozen_after: FROZEN_MIN.max(span(format.reckoned_rate(), FROZEN_FRAMES)),
            frozen: None,
        })
    }

    /// What the session was described with.
    #[must_use]
    pub const fn format(&self) -> VideoFormat {
        self.format
    }

    /// The camera's name, as it tells it, or what the user called it before it was there.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The node it is at, while it is there.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.plug.device().map(Camera::path)
    }

    /// Why there are no pictures, if so: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<String> {
        self.plug.why().or(self.frozen.as_ref()).map(ToString::to_string)
    }

    /// Whether there are no pictures.
    #[must_use]
    pub const fn is_away(&self) -> bool {
        self.plug.why().is_some() || self.frozen.is_some()
    }

    /// The descriptor to watch, and a number that changes with it.
    #[must_use]
    pub fn descriptor(&self) -> (Option<RawFd>, u64) {
        (self.plug.device().map(Camera::descriptor), self.plug.count())
    }

    /// What became of the frames of this camera and those before it.
    #[must_use]
    pub fn counts(&self) -> CameraCounts {
        self.plug.device().map_or(self.past, |camera| self.past.and(camera.counts()))
    }

    /// Times that it was opened again.
    #[must_use]
    pub const fn returns(&self) -> u64 {
        self.plug.count().saturating_sub(1)
    }

    /// Some device has come or gone.
    pub const fn rescan(&mut self, now: Monotonic) {
        self.plug.rescan(now);
    }

    /// When it is next tried to open the device, while it is away and nobody is trying.
    #[must_use]
    pub const fn next_attempt(&self) -> Option<Monotonic> {
        self.plug.deadline()
    }

    /// The session begins now: a camera has from now on to give a picture.
    pub const fn begin(&mut self, now: Monotonic) {
        self.heard = now;
    }

    /// When to poll even if nothing is readable.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.plug.deadline().or_else(|| {
            let camera = self.plug.device()?;
            Some(if camera.is_ready() { self.heard } else { self.heard + self.frozen_after })
        })
    }

    /// The next frame, if there is one. A camera that is lost is no error: it is waited for.
    pub fn poll(&mut self, now: Monotonic) -> VideoPoll {
        if self.plug.turn(now) {
            self.arrived(now);
        }
        let Some(camera) = self.plug.device_mut() else { return VideoPoll::Idle };
        match camera.poll(now) {
            Ok(polled) => {
                let counts = camera.counts();
                self.watch(counts.pictures(), counts.useless(), now);
                polled
            }
            Err(error) => {
                log::warn!("{error}; waiting for it to return");
                self.lose(error, now);
                VideoPoll::Idle
            }
        }
    }

    fn arrived(&mut self, now: Monotonic) {
        (self.given, self.heard) = ((0, 0), now);
        let Some(camera) = self.plug.device() else { return };
        let format = camera.granted();
        let (VideoFormat { width, height, .. }, rate) = (format, format.reckoned_rate());
        camera.name().clone_into(&mut self.name);
        self.frozen_after = FROZEN_MIN.max(span(rate, FROZEN_FRAMES));
        let (name, path) = (&self.name, camera.path().display());
        let line = format!("camera: {name} ({path}), {width}x{height} at {rate} frames/s");
        // One that froze is opened again and again; its first picture is the news.
        if self.frozen.is_some() { log::debug!("{line}") } else { log::info!("{line}") }
    }

    /// Notices that the camera gives pictures, or has stopped to.
    fn watch(&mut self, pictures: u64, useless: u64, now: Monotonic) {
        if pictures != self.given.0 {
            (self.given, self.heard) = ((pictures, useless), now);
            if self.frozen.take().is_some() {
                log::info!("camera: {} gives pictures again", self.name);
            }
        } else if now.since(self.heard) >= self.frozen_after {
            let seconds = self.frozen_after.as_secs_f32();
            let why = Error::new(match useless.saturating_sub(self.given.1) {
                0 => format!("camera \"{}\" has frozen", self.name),
                _ => format!(
                    "camera \"{}\" gives only damaged or empty pictures (another cable, port or \
                     power supply may help, or a smaller --size)",
                    self.name
                ),
            });
            if self.frozen.replace(why.clone()).is_none() {
                log::warn!("{why}: no picture for {seconds:.1} s; opening it again");
            }
            self.lose(why, now);
        }
    }

    fn lose(&mut self, why: Error, now: Monotonic) {
        self.past = self.counts();
        self.plug.lose(why, now);
    }
}

/// The time that so many frames take.
fn span(rate: FrameRate, frames: u64) -> Duration {
    Duration::from_nanos(u64::try_from(rate.frame_nanos(frames)).unwrap_or(0))
}
