//! What the user chose, checked: every value here is one that the daemon can act on. What the
//! devices then grant is another matter ([`capture`](crate::capture)).

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
