//! What is live of a track: the latest segments and their parts, in memory, and the media playlist of them.

mod listing;
mod live;

pub use self::listing::{Ask, Report};
pub use self::live::{Reached, Window};

#[cfg(test)]
mod tests;
