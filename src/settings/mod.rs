//! The settings: what the user chose, checked, so that the daemon can act on every value. What
//! devices then grant is known by [`capture`](crate::capture).

mod choice;
mod chosen;
mod destination;
mod error;
mod load;
mod parse;
#[cfg(test)]
mod tests;

pub use choice::{AudioChoice, RateChoice, VideoChoice, Wait};
pub use chosen::Settings;
pub use destination::{DESTINATIONS_MAX, Destination, Endpoint, PORT_DEFAULT};
pub use error::Error;
pub use load::load;
