//! How the loop calls what it watches.

use mio::Token;

/// Events taken from the kernel at a time; more wait for the next turn.
pub(super) const EVENTS_MAX: usize = 64;

pub(super) const TIMER: Token = Token(0);
pub(super) const SIGNAL: Token = Token(1);
pub(super) const WAKER: Token = Token(2);
pub(super) const VIDEO: Token = Token(3);
pub(super) const RTCP: Token = Token(4);
pub(super) const HOTPLUG: Token = Token(5);
pub(super) const CHANGES: Token = Token(6);
pub(super) const ASKED: Token = Token(7);
/// The microphone's descriptors, one token each, up to [`CONTROL_FIRST`].
pub(super) const AUDIO_FIRST: usize = 16;
/// The control socket and its clients.
pub(super) const CONTROL_FIRST: usize = 64;
