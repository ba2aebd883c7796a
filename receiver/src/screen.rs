//! The window: the newest picture with its aspect kept, a few lines of text over it, and the keys.
//! It belongs to the main thread, decodes nothing, and keeps no queue: what is shown last counts.

mod error;
mod iyuv;
mod label;
mod layout;
mod sdl;
mod yuv_mode;

use core::time::Duration;

use sdl2::event::{Event, EventSender, WindowEvent};
use sdl2::keyboard::Keycode;
use sdl2::mouse::{MouseButton, MouseUtil};
use sdl2::pixels::{Color, PixelFormatEnum};
use sdl2::rect::Rect;
use sdl2::render::{ScaleMode, Texture, TextureCreator, WindowCanvas};
use sdl2::video::{FullscreenType, WindowContext, WindowPos};
use sdl2::{EventPump, EventSubsystem, VideoSubsystem};

use crate::decode::Picture;
pub use error::Error;
use error::sdl_error;
use iyuv::Converter;
use label::Label;
use sdl::HINTS;

/// What the viewer asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Space: hold the picture and sound, or go on.
    Pause,
    /// M: sound off and on.
    Mute,
    /// F, a double click, or Esc while in full screen: [`Screen::toggle_fullscreen`].
    Fullscreen,
    /// I: the overlay off and on.
    Overlay,
    /// S: keep this picture.
    Snapshot,
    /// R: recording on and off.
    Record,
    /// Q, Esc in a window, or the window was closed.
    Quit,
}

/// SDL and its window. Dropped, it gives the display back, which matters on a bare console.
pub struct Window {
    /// Whether the screen is to begin as a full one.
    fullscreen: bool,
    // In this order: the renderer's parts go before what they were made by.
    creator: TextureCreator<WindowContext>,
    canvas: WindowCanvas,
    pump: EventPump,
    events: EventSubsystem,
    video: VideoSubsystem,
    mouse: MouseUtil,
}

impl Window {
    /// Opens a window, or takes the whole screen, on X11, Wayland or the bare console. Only one
    /// thread of a program can ever do so. SIGINT and SIGTERM stay the program's.
    ///
    /// # Errors
    /// [`Error::NoDisplay`] if there is nothing to show a window on, [`Error::Sdl`] else.
    pub fn open(title: &str, fullscreen: bool) -> Result<Self, Error> {
        for (hint, value) in HINTS {
            sdl2::hint::set(hint, value);
        }
        let context = sdl2::init().map_err(Error::NoDisplay)?;
        let video = context.video().map_err(Error::NoDisplay)?;
        if sdl::is_invisible(video.current_video_driver()) {
            return Err(Error::NoDisplay("neither X11, Wayland nor a console".into()));
        }
        yuv_mode::set_full_range();
        let mut builder = video.window(title, FIRST_SIZE.0, FIRST_SIZE.1);
        let window = builder.position_centered().resizable().allow_highdpi().build();
        let window = window.map_err(|e| Error::NoDisplay(e.to_string()))?;
        // No wait for the display's refresh: a picture is shown when it is due.
        let canvas = window.into_canvas().build().map_err(sdl_error("renderer"))?;
        log::info!("screen: {} by {}", video.current_video_driver(), canvas.info().name);
        Ok(Self {
            fullscreen,
            creator: canvas.texture_creator(),
            canvas,
            pump: context.event_pump().map_err(sdl_error("events"))?,
            events: context.event().map_err(sdl_error("events"))?,
            video,
            mouse: context.mouse(),
        })
    }

    /// Lets another thread end [`Screen::wait`].
    #[must_use]
    pub fn waker(&self) -> Waker {
        Waker(self.events.event_sender())
    }

    /// The screen in this window.
    ///
    /// # Errors
    /// [`Error::Sdl`] if the renderer has no room for the text.
    pub fn screen(&mut self) -> Result<Screen<'_>, Error> {
        let overlay = Label::new(&self.creator, OVERLAY_COLUMNS, OVERLAY_ROWS)?;
        let notice = Label::new(&self.creator, NOTICE_COLUMNS, NOTICE_ROWS)?;
        let mut screen = Screen {
            canvas: &mut self.canvas,
            creator: &self.creator,
            pump: &mut self.pump,
            video: &self.video,
            mouse: &self.mouse,
            converter: Converter::default(),
            picture: None,
            sized: false,
            windowed: None,
            overlay,
            notice,
            stale: false,
            dirty: true,
        };
        if self.fullscreen {
            screen.toggle_fullscreen()?;
        }
        Ok(screen)
    }
}

/// Wakes the screen's thread, from any thread; it may outlive the window.
pub struct Waker(EventSender);

impl Waker {
    /// Makes a [`Screen::wait`] that is under way, or else the next one, return at once.
    pub fn wake(&self) {
        let event = Event::User {
            timestamp: 0,
            window_id: 0,
            type_: USER_EVENT,
            code: 0,
            data1: core::ptr::null_mut(),
            data2: core::ptr::null_mut(),
        };
        // It fails when the queue is full, and then there is enough to wake up for.
        let _ = self.0.push_event(event);
    }
}

/// The picture on the GPU.
struct Uploaded<'w> {
    texture: Texture<'w>,
    width: u32,
    height: u32,
}

/// What the viewer sees.
pub struct Screen<'w> {
    canvas: &'w mut WindowCanvas,
    creator: &'w TextureCreator<WindowContext>,
    pump: &'w mut EventPump,
    video: &'w VideoSubsystem,
    mouse: &'w MouseUtil,
    converter: Converter,
    picture: Option<Uploaded<'w>>,
    /// Whether the window has been fitted to a picture.
    sized: bool,
    /// Where the window was before it took the whole screen.
    windowed: Option<Rect>,
    overlay: Label<'w>,
    notice: Label<'w>,
    /// Whether the picture is an old one.
    stale: bool,
    /// Whether what is seen is not what should be.
    dirty: bool,
}

/// Keys pressed during one wait, in order; more than these are not typed in a frame's time.
pub type Keys = heapless::Vec<Key, KEYS_MAX>;

impl<'w> Screen<'w> {
    /// Shows a picture at once; a blank one clears the screen. A last odd column or row is not
    /// shown.
    ///
    /// # Errors
    /// [`Error::Sdl`], for instance for a picture larger than the GPU takes.
    pub fn show(&mut self, picture: &Picture) -> Result<(), Error> {
        let Some(planes) = self.converter.planes(picture) else {
            self.picture = None;
            return self.draw();
        };
        let (width, height) = (planes.width, planes.height);
        let mut uploaded = match self.picture.take() {
            Some(same) if (same.width, same.height) == (width, height) => same,
            _ => create(self.creator, width, height)?,
        };
        let [y, u, v] = planes.data;
        let pitch = planes.chroma_pitch;
        uploaded
            .texture
            .update_yuv(None, y, planes.luma_pitch, u, pitch, v, pitch)
            .map_err(sdl_error("picture"))?;
        self.picture = Some(uploaded);
        if !self.sized {
            self.sized = true;
            self.fit_window(width, height);
        }
        self.draw()
    }

    /// Lines of text in the upper left corner, until called again; none: no overlay. Lines and
    /// rows that are too many are cut.
    ///
    /// # Errors
    /// [`Error::Sdl`]
    pub fn set_overlay(&mut self, lines: &[&str]) -> Result<(), Error> {
        self.dirty = true;
        self.overlay.set(lines.iter().copied())
    }

    /// A message in the middle, such as "waiting for Door ...", until called again.
    ///
    /// # Errors
    /// [`Error::Sdl`]
    pub fn set_notice(&mut self, text: Option<&str>) -> Result<(), Error> {
        self.dirty = true;
        self.notice.set(layout::wrap(text.unwrap_or_default(), NOTICE_COLUMNS))
    }

    /// Marks the picture as an old one, by dimming it, until called again.
    pub const fn set_stale(&mut self, stale: bool) {
        self.dirty |= stale != self.stale;
        self.stale = stale;
    }

    /// Draws what has changed, then waits for something to happen: a key, the window changed, or
    /// [`Waker::wake`]; for `timeout` at most.
    ///
    /// # Errors
    /// [`Error::Sdl`]: nothing can be shown any more.
    pub fn wait(&mut self, timeout: Duration) -> Result<Keys, Error> {
        if self.dirty {
            self.draw()?;
        }
        let mut keys = Keys::new();
        let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        let mut next = self.pump.wait_event_timeout(millis.min(WAIT_MILLIS_MAX));
        while let Some(event) = next {
            if let Some(key) = self.key(&event) {
                let _ = keys.push(key);
            }
            self.dirty |= changes_window(&event);
            next = self.pump.poll_event();
        }
        if self.dirty {
            self.draw()?;
        }
        Ok(keys)
    }

    /// Takes the whole screen, or goes back to the window.
    ///
    /// # Errors
    /// [`Error::Sdl`]
    pub fn toggle_fullscreen(&mut self) -> Result<(), Error> {
        let state =
            if self.is_fullscreen() { FullscreenType::Off } else { FullscreenType::Desktop };
        let window = self.canvas.window_mut();
        // An X server without a window manager leaves all of it to us.
        let bounds = window.display_index().and_then(|index| self.video.display_bounds(index));
        if state != FullscreenType::Off && self.windowed.is_none() {
            let (position, size) = (window.position(), window.size());
            self.windowed = Some(Rect::new(position.0, position.1, size.0, size.1));
            if let Ok(bounds) = bounds {
                place(window, bounds);
            }
        }
        window.set_fullscreen(state).map_err(sdl_error("full screen"))?;
        if let Some(before) = self.windowed.take_if(|_| state == FullscreenType::Off) {
            place(window, before);
        }
        self.mouse.show_cursor(state == FullscreenType::Off);
        self.dirty = true;
        Ok(())
    }

    /// Whether the whole screen is taken.
    #[must_use]
    pub fn is_fullscreen(&self) -> bool {
        self.canvas.window().fullscreen_state() != FullscreenType::Off
    }

    /// Width and height of the area drawn to, in pixels.
    #[must_use]
    pub fn size(&self) -> (u32, u32) {
        self.canvas.output_size().unwrap_or(FIRST_SIZE)
    }

    fn draw(&mut self) -> Result<(), Error> {
        self.dirty = false;
        let area = self.size();
        self.canvas.set_draw_color(Color::BLACK);
        self.canvas.clear();
        if let Some(picture) = &mut self.picture {
            let light = if self.stale { STALE_LIGHT } else { u8::MAX };
            picture.texture.set_color_mod(light, light, light);
            let place = layout::letterbox((picture.width, picture.height), area);
            self.canvas.copy(&picture.texture, None, Some(place)).map_err(sdl_error("picture"))?;
        }
        let scale = layout::text_scale(area);
        self.overlay.draw(self.canvas, |size| layout::corner(size, scale, area))?;
        self.notice.draw(self.canvas, |size| layout::centred(size, scale, area))?;
        self.canvas.present();
        Ok(())
    }

    /// Gives the window the first picture's size, if the desktop has the room.
    fn fit_window(&mut self, width: u32, height: u32) {
        let window = self.canvas.window_mut();
        if window.fullscreen_state() != FullscreenType::Off || window.is_maximized() {
            return;
        }
        let bounds = window.display_index().and_then(|i| self.video.display_usable_bounds(i));
        let Ok(bounds) = bounds else { return };
        let (width, height) = layout::fit((width, height), bounds.size());
        // A window that does not follow is still a window.
        let _ = window.set_size(width, height);
    }

    fn key(&self, event: &Event) -> Option<Key> {
        match *event {
            Event::KeyDown { keycode: Some(code), repeat: false, .. } => match code {
                Keycode::Escape if self.is_fullscreen() => Some(Key::Fullscreen),
                Keycode::Escape | Keycode::Q => Some(Key::Quit),
                Keycode::F => Some(Key::Fullscreen),
                Keycode::Space => Some(Key::Pause),
                Keycode::M => Some(Key::Mute),
                Keycode::I => Some(Key::Overlay),
                Keycode::S => Some(Key::Snapshot),
                Keycode::R => Some(Key::Record),
                _ => None,
            },
            Event::MouseButtonDown { mouse_btn: MouseButton::Left, clicks: 2, .. } => {
                Some(Key::Fullscreen)
            }
            Event::Quit { .. } => Some(Key::Quit),
            _ => None,
        }
    }
}

/// Moves the window there; one that does not follow is still a window.
fn place(window: &mut sdl2::video::Window, place: Rect) {
    window.set_position(WindowPos::Positioned(place.x()), WindowPos::Positioned(place.y()));
    let _ = window.set_size(place.width(), place.height());
}

fn create<'w>(
    creator: &'w TextureCreator<WindowContext>,
    width: u32,
    height: u32,
) -> Result<Uploaded<'w>, Error> {
    let mut texture = creator
        .create_texture_streaming(PixelFormatEnum::IYUV, width, height)
        .map_err(sdl_error("picture"))?;
    texture.set_scale_mode(ScaleMode::Linear);
    Ok(Uploaded { texture, width, height })
}

fn changes_window(event: &Event) -> bool {
    match event {
        Event::Window { win_event, .. } => matches!(
            win_event,
            WindowEvent::Exposed | WindowEvent::SizeChanged(..) | WindowEvent::Shown
        ),
        Event::RenderTargetsReset { .. } => true,
        _ => false,
    }
}

/// What is left of a stale picture's light: to be told from a live one at a glance, and still seen.
const STALE_LIGHT: u8 = 96;
/// Until the first picture says what size it has.
const FIRST_SIZE: (u32, u32) = (960, 540);
/// `SDL_USEREVENT`: nothing else in the program posts events.
const USER_EVENT: u32 = 0x8000;
/// A caller that asks for longer still looks around once a second.
const WAIT_MILLIS_MAX: u32 = 1000;
const KEYS_MAX: usize = 16;
const OVERLAY_COLUMNS: usize = 64;
const OVERLAY_ROWS: usize = 12;
const NOTICE_COLUMNS: usize = 40;
const NOTICE_ROWS: usize = 4;
