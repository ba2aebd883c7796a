//! What a session is to the outside: where it goes, how it is described and announced, and who receives it.

pub mod announce;
pub mod description;
pub mod group;
pub mod identity;
pub mod network;
pub mod output;
pub(crate) mod repair;
pub(crate) mod transport;
pub mod viewers;
