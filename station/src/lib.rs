//! What the programs that send sessions have in common: how a session gets a group of its own and is announced, who may
//! ask for it, and the timer and the signals of a loop.
//!
//! - [`group`]: a group to which nobody else sends, derived from this machine and the session's name by [`identity`].
//! - [`announce`]: announcements (SAP), and their deletion.
//! - [`output`]: a socket to one address; [`unicast`]: those of a track who are served one by one, each by its own socket
//!   or within its connection, in whose [`outbox`] packets wait.
//! - [`clock`]: the time, and a timer for a loop; [`signals`]: those that end a program, or have it read its configuration.
//! - [`users_file`]: who has a name and a password.
#![forbid(unsafe_code)]

pub mod announce;
pub mod clock;
pub mod group;
pub mod identity;
pub mod outbox;
pub mod output;
pub mod signals;
pub mod unicast;
pub mod users_file;
