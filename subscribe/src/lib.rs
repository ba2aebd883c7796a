//! The network half of a receiver: finds a session, joins it, and yields its frames and samples, each with the time
//! that it is due.
//!
//! [`locate`] finds a session by a file, an address or its announcement (SAP); [`plan`] is what its description
//! (SDP) means for receiving. [`subscription`] owns the sockets and their event loop, on a thread of the caller's,
//! and hands what is complete to an [`outlet`], for which [`queue`] has bounded queues. [`counters`] tell other
//! threads how it goes, and the subscription how long presenting takes. [`keys`] are for protected sessions, read of a
//! [`key_file`]; [`tiers`] are the same pictures at other sizes, of which one is received at a time.
//!
//! Nothing here decodes, shows, plays or records.
#![forbid(unsafe_code)]

pub mod cells;
pub mod clock;
pub mod counters;
mod diagnosis;
pub mod in_step;
pub mod key_file;
pub mod keys;
pub mod latency;
mod link;
pub mod locate;
pub mod memory;
pub mod outlet;
pub mod plan;
pub mod presentation_time;
pub mod queue;
mod rtp_session;
mod shared_time;
pub mod subscription;
mod synchronisation;
pub mod text;
pub mod tiers;
