//! The window: the newest picture with its aspect kept, a few lines of text over it, and the keys.
//! It belongs to the main thread, decodes nothing, and keeps no queue: what is shown last counts.

mod error;
mod event;
mod iyuv;
mod label;
pub(crate) mod layout;
mod sdl;
mod tile;
mod yuv_mode;

use core::time::Duration;

use sdl2::mouse::MouseUtil;
use sdl2::pixels::Color;
use sdl2::rect::Rect;
use sdl2::render::{TextureCreator, WindowCanvas};
use sdl2::video::{FullscreenType, SwapInterval, WindowContext};
use sdl2::{EventPump, EventSubsystem, VideoSubsystem};

pub use error::Error;
use error::sdl_error;
pub use event::{Key, Waker};
use event::{changes_display, changes_window, key};
use iyuv::Converter;
use label::Label;
use sdl::{HINTS, place};
use streamsocket_decode::DecodedPicture;
use tile::Tile;

/// SDL and its window. Dropped, it gives the display back, which matters on a bare console.
pub struct Window {
    /// Whether the screen is to begin as a full one.
    fullscreen: bool,
    /// Whether what is presented waits for the display's refresh.
    synchronised: bool,
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
        if video.current_video_driver().eq_ignore_ascii_case("kmsdrm") {
            sdl2::hint::set("SDL_RENDER_DRIVER", sdl::CONSOLE_RENDERER);
        }
        yuv_mode::set_full_range();
        // Wherever it comes up, until it is fitted to the first picture.
        let room = video.display_usable_bounds(0).map_or(FIRST_SIZE, |bounds| bounds.size());
        let (width, height) = layout::fit(FIRST_SIZE, room);
        let mut builder = video.window(title, width, height);
        let window = builder.position_centered().resizable().allow_highdpi().build();
        let window = window.map_err(|e| Error::NoDisplay(e.to_string()))?;
        let canvas = window.into_canvas().build().map_err(sdl_error("renderer"))?;
        // Not by SDL's renderer: where the display cannot make it wait, SDL would wait by itself, for
        // moments that have nothing to do with the display's.
        let synchronised = video.gl_set_swap_interval(SwapInterval::VSync).is_ok();
        let refresh = if synchronised { "on its refresh" } else { "at once" };
        let (driver, renderer) = (video.current_video_driver(), canvas.info().name);
        log::info!("screen: {driver} by {renderer}; pictures are shown {refresh}");
        Ok(Self {
            fullscreen,
            synchronised,
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
            synchronised: self.synchronised,
            refresh: None,
            converter: Converter::default(),
            tiles: Vec::new(),
            large: None,
            marked: None,
            sized: false,
            windowed: None,
            overlay,
            notice,
            dirty: true,
        };
        screen.refresh = screen.measure_refresh();
        if self.fullscreen {
            screen.toggle_fullscreen()?;
        }
        Ok(screen)
    }
}

/// What the viewer sees.
pub struct Screen<'w> {
    canvas: &'w mut WindowCanvas,
    creator: &'w TextureCreator<WindowContext>,
    pump: &'w mut EventPump,
    video: &'w VideoSubsystem,
    mouse: &'w MouseUtil,
    synchronised: bool,
    /// Between two refreshes of the display that the window is on, if it is waited for.
    refresh: Option<Duration>,
    converter: Converter,
    /// A part for each sender.
    tiles: Vec<Tile<'w>>,
    /// The one that has the whole screen, if one has.
    large: Option<usize>,
    /// The one that has a frame.
    marked: Option<usize>,
    /// Whether the window has been fitted to a picture.
    sized: bool,
    /// Where the window was before it took the whole screen.
    windowed: Option<Rect>,
    overlay: Label<'w>,
    notice: Label<'w>,
    /// Whether what is seen is not what should be.
    dirty: bool,
}

/// Keys pressed during one wait, in order; more than these are not typed in a frame's time.
pub type Keys = heapless::Vec<Key, KEYS_MAX>;

impl<'w> Screen<'w> {
    /// Makes room for the picture of the only sender there is: all of the screen, and nothing is written on it.
    pub fn add_only(&mut self) {
        self.tiles.push(Tile::alone());
        self.dirty = true;
    }

    /// Makes room for the picture of a sender beside others, behind those that there are.
    ///
    /// # Errors
    /// [`Error::Sdl`] if the renderer has no room for the text.
    pub fn add(&mut self) -> Result<(), Error> {
        self.tiles.push(Tile::named(self.creator)?);
        self.dirty = true;
        Ok(())
    }

    /// Takes away the place of a sender. Those behind it move up.
    pub fn remove(&mut self, index: usize) {
        if index < self.tiles.len() {
            self.tiles.remove(index);
        }
        (self.large, self.marked, self.dirty) = (None, None, true);
    }

    /// Gives the window the size of such a picture, as the first one would.
    pub fn fit(&mut self, width: u32, height: u32) {
        if !std::mem::replace(&mut self.sized, true) {
            self.fit_window(width, height);
        }
    }

    /// Takes the picture of a sender over, to be seen after [`Screen::compose`] and [`Screen::present`]; a blank one clears
    /// its place. A last odd column or row is not shown.
    ///
    /// # Errors
    /// [`Error::Sdl`], for instance for a picture larger than the GPU takes.
    pub fn put(&mut self, index: usize, picture: &DecodedPicture) -> Result<(), Error> {
        let Some(tile) = self.tiles.get_mut(index) else { return Ok(()) };
        if let Some((width, height)) = tile.upload(self.creator, &mut self.converter, picture)? {
            self.fit(width, height);
        }
        Ok(())
    }

    /// Makes what was drawn seen: at the display's next refresh if there is one to wait for.
    pub fn present(&mut self) {
        self.canvas.present();
    }

    /// Between two refreshes of the display, if what is presented waits for them.
    #[must_use]
    pub const fn refresh(&self) -> Option<Duration> {
        self.refresh
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

    /// Marks the picture of a sender as an old one, by dimming it, until called again.
    pub fn set_stale(&mut self, index: usize, stale: bool) {
        let Some(tile) = self.tiles.get_mut(index) else { return };
        self.dirty |= stale != tile.stale;
        tile.stale = stale;
    }

    /// Writes a name on the picture of a sender, until called again.
    ///
    /// # Errors
    /// [`Error::Sdl`]
    pub fn set_name(&mut self, index: usize, name: &str) -> Result<(), Error> {
        self.dirty = true;
        self.tiles.get_mut(index).map_or(Ok(()), |tile| tile.set_name(name))
    }

    /// A message in the middle of the place of a sender, until called again.
    ///
    /// # Errors
    /// [`Error::Sdl`]
    pub fn set_notice_of(&mut self, index: usize, text: Option<&str>) -> Result<(), Error> {
        self.dirty = true;
        let tile = self.tiles.get_mut(index);
        tile.map_or(Ok(()), |tile| tile.set_notice(text.unwrap_or_default()))
    }

    /// Gives all of the screen to a sender, or to all of them.
    pub fn set_large(&mut self, large: Option<usize>) {
        self.dirty |= large != self.large;
        self.large = large;
    }

    /// Draws a frame around the picture of a sender, or of none.
    pub fn set_marked(&mut self, marked: Option<usize>) {
        self.dirty |= marked != self.marked;
        self.marked = marked;
    }

    /// Draws what has changed, then waits for something to happen: a key, the window changed, or
    /// [`Waker::wake`]; for `timeout` at most.
    ///
    /// # Errors
    /// [`Error::Sdl`]: nothing can be shown any more.
    pub fn wait(&mut self, timeout: Duration) -> Result<Keys, Error> {
        if self.dirty {
            self.compose()?;
            self.present();
        }
        let mut keys = Keys::new();
        let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        let mut next = self.pump.wait_event_timeout(millis.min(WAIT_MILLIS_MAX));
        while let Some(event) = next {
            if let Some(key) = key(&event, self.is_fullscreen()) {
                let _ = keys.push(key);
            }
            self.dirty |= changes_window(&event);
            if changes_display(&event) {
                self.refresh = self.measure_refresh();
            }
            next = self.pump.poll_event();
        }
        if self.dirty {
            self.compose()?;
            self.present();
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

    /// Draws all there is, to be seen after [`Screen::present`].
    ///
    /// # Errors
    /// [`Error::Sdl`]
    pub fn compose(&mut self) -> Result<(), Error> {
        self.dirty = false;
        let area = self.size();
        self.canvas.set_draw_color(Color::BLACK);
        self.canvas.clear();
        let (whole, count) = (Rect::new(0, 0, area.0, area.1), self.tiles.len());
        for (index, tile) in self.tiles.iter_mut().enumerate() {
            let place = match self.large {
                Some(large) if large != index => continue,
                Some(_) => whole,
                None => layout::cell(index, count, whole),
            };
            // The only one to be seen needs no frame.
            let alone = count == 1 || self.large.is_some();
            tile.draw(self.canvas, place, self.marked == Some(index) && !alone)?;
        }
        let scale = layout::text_scale(area);
        self.overlay.draw(self.canvas, |size| layout::corner(size, scale, area))?;
        self.notice.draw(self.canvas, |size| layout::centred(size, scale, area))
    }

    /// Of the display that most of the window is on.
    fn measure_refresh(&self) -> Option<Duration> {
        let mode = self.canvas.window().display_index();
        let mode = mode.and_then(|index| self.video.current_display_mode(index));
        let hertz = mode.ok().and_then(|mode| u32::try_from(mode.refresh_rate).ok());
        let hertz = hertz.filter(|hertz| *hertz > 0).unwrap_or(USUAL_HERTZ);
        self.synchronised.then(|| Duration::from_secs(1) / hertz)
    }

    /// Gives the window the first picture's size, if the desktop has the room, in the middle of it.
    fn fit_window(&mut self, width: u32, height: u32) {
        let window = self.canvas.window_mut();
        if window.fullscreen_state() != FullscreenType::Off || window.is_maximized() {
            return;
        }
        let bounds = window.display_index().and_then(|i| self.video.display_usable_bounds(i));
        let Ok(bounds) = bounds else { return };
        place(window, layout::in_the_middle((width, height), bounds));
    }
}

/// Of a display that does not tell.
const USUAL_HERTZ: u32 = 60;
/// Until the first picture says what size it has.
const FIRST_SIZE: (u32, u32) = (960, 540);
/// A caller that asks for longer still looks around once a second.
const WAIT_MILLIS_MAX: u32 = 1000;
const KEYS_MAX: usize = 16;
const OVERLAY_COLUMNS: usize = 64;
const OVERLAY_ROWS: usize = 14;
const NOTICE_COLUMNS: usize = 40;
const NOTICE_ROWS: usize = 4;
