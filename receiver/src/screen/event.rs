//! What comes in from the window system: keys, changes of the window, and other threads' wake-ups.

use sdl2::event::{Event, EventSender, WindowEvent};
use sdl2::keyboard::Keycode;
use sdl2::mouse::MouseButton;

/// What the viewer asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Key {
    /// Space: hold the picture and sound, or go on.
    Pause,
    /// M: sound off and on.
    Mute,
    /// F, a double click, or Esc while in full screen: [`super::Screen::toggle_fullscreen`].
    Fullscreen,
    /// I: the overlay off and on.
    Overlay,
    /// S: keep this picture.
    Snapshot,
    /// R: recording on and off.
    Record,
    /// Of a room, 1 to 9: the sender in that place on the whole screen, or all again; 0: all. Of a session, 1 to 5: itself
    /// or one of its tiers; 0: the best that arrives.
    Choose(u8),
    /// Tab: the next sender on the whole screen.
    Next,
    /// Q, Esc in a window, or the window was closed.
    Quit,
}

/// Wakes the screen's thread, from any thread; it may outlive the window.
pub struct Waker(pub(super) EventSender);

impl Waker {
    /// Makes a [`super::Screen::wait`] that is under way, or else the next one, return at once.
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

/// What an event asks for, if anything.
pub(super) fn key(event: &Event, fullscreen: bool) -> Option<Key> {
    match *event {
        Event::KeyDown { keycode: Some(code), repeat: false, .. } => match code {
            Keycode::Escape if fullscreen => Some(Key::Fullscreen),
            Keycode::Escape | Keycode::Q => Some(Key::Quit),
            Keycode::F => Some(Key::Fullscreen),
            Keycode::Space => Some(Key::Pause),
            Keycode::M => Some(Key::Mute),
            Keycode::I => Some(Key::Overlay),
            Keycode::S => Some(Key::Snapshot),
            Keycode::R => Some(Key::Record),
            Keycode::Tab => Some(Key::Next),
            _ => digit(code).map(Key::Choose),
        },
        Event::MouseButtonDown { mouse_btn: MouseButton::Left, clicks: 2, .. } => {
            Some(Key::Fullscreen)
        }
        Event::Quit { .. } => Some(Key::Quit),
        _ => None,
    }
}

/// The digit of a key, also of the number pad.
fn digit(code: Keycode) -> Option<u8> {
    const DIGITS: [[Keycode; 2]; 10] = [
        [Keycode::NUM_0, Keycode::KP_0],
        [Keycode::NUM_1, Keycode::KP_1],
        [Keycode::NUM_2, Keycode::KP_2],
        [Keycode::NUM_3, Keycode::KP_3],
        [Keycode::NUM_4, Keycode::KP_4],
        [Keycode::NUM_5, Keycode::KP_5],
        [Keycode::NUM_6, Keycode::KP_6],
        [Keycode::NUM_7, Keycode::KP_7],
        [Keycode::NUM_8, Keycode::KP_8],
        [Keycode::NUM_9, Keycode::KP_9],
    ];
    let at = DIGITS.iter().position(|keys| keys.contains(&code))?;
    u8::try_from(at).ok()
}

/// Whether the window has to be drawn again.
pub(super) fn changes_window(event: &Event) -> bool {
    match event {
        Event::Window { win_event, .. } => matches!(
            win_event,
            WindowEvent::Exposed | WindowEvent::SizeChanged(..) | WindowEvent::Shown
        ),
        Event::RenderTargetsReset { .. } => true,
        _ => false,
    }
}

/// Whether the window may be on another display now.
pub(super) fn changes_display(event: &Event) -> bool {
    let Event::Window { win_event, .. } = event else { return false };
    matches!(win_event, WindowEvent::DisplayChanged(_) | WindowEvent::SizeChanged(..))
}

/// `SDL_USEREVENT`: nothing else in the program posts events.
const USER_EVENT: u32 = 0x8000;
