//! Takes sessions of several publishers, who push them by RTSP, and hands each on as an ordinary session: the same packets,
//! to a group of its own, announced under the names of its room and its publisher.
//!
//! Nothing is put together in between. `guard` says which packets are handed on and which are not, `track` takes a batch of
//! them from the kernel and gives it back. `offer` reads what a publisher announces, `description` says what viewers are
//! told. `publisher` is one of them, and `places` what is kept for one that returns. `connections` are those by which they
//! come, and a `camera` is one that is asked for what it has (`cameras`; `pulled` are those of the command line); `answers`
//! says what they are answered, `viewers` what those are who watch one by one (`viewings`), to whom `fan` sends; `notices`
//! say which rooms there are, and `turn` is the loop. `source_clock` measures the clock of each source against ours, and `telling` tells viewers.
#![forbid(unsafe_code)]

mod answers;
mod batch;
mod camera;
mod cameras;
pub mod command;
mod configuration;
mod connections;
mod description;
mod event;
mod fan;
mod guard;
mod hearing;
mod notices;
mod offer;
pub mod options;
mod places;
mod publisher;
mod publishers;
mod pulled;
mod reload;
mod reloaded;
mod search;
mod source_clock;
mod state;
mod telling;
mod told;
mod track;
mod turn;
mod users;
mod viewers;
mod viewings;
