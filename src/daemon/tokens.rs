//! The tokens under which the loop watches descriptors.

use mio::Token;

/// Events taken from the kernel at a time; further ones wait for the next turn.
pub(super) const EVENTS_MAX: usize = 64;

pub(super) const TIMER: Token = Token(0);
pub(super) const SIGNAL: Token = Token(1);
pub(super) const WAKER: Token = Token(2);
pub(super) const VIDEO: Token = Token(3);
pub(super) const RTCP: Token = Token(4);
pub(super) const HOTPLUG: Token = Token(5);
pub(super) const CHANGES: Token = Token(6);
pub(super) const ASKED: Token = Token(7);
/// First token of the microphone's descriptors, one each, up to [`CONTROL_FIRST`].
pub(super) const AUDIO_FIRST: usize = 16;
/// First token of the control socket and its clients.
pub(super) const CONTROL_FIRST: usize = 64;
