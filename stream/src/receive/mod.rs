//! From packets to a frame or samples that are due.

pub mod arrival;
pub mod conceal;
pub mod depayloader;
pub mod fate;
pub mod jitter;
pub mod jpeg;
pub mod l16;
pub mod opus;
pub mod output_delay;
pub mod peer;
pub mod playout;
pub mod refusal;
pub mod repair;
pub mod resample;
pub mod sound;
pub mod source;
pub mod source_packet;
pub mod spread;
pub mod sync;
mod ticks;
pub mod timeline;
pub mod wall_offset;

/// How long a packet that is missing may still arrive after its successors did: a LAN reorders by far less, and waiting longer would be seen.
pub const REORDER: streamsocket_media::clock::Delay =
    streamsocket_media::clock::Delay::from_millis(20);

/// Says when what has this RTP time must be handed on to be presented in time, if that is known: who
/// waits longer for what is missing before it loses it as well.
pub type Latest<'a> = &'a dyn Fn(
    streamsocket_wire::rtp::ExtendedTime,
) -> Option<streamsocket_media::clock::Monotonic>;
