//! The settings: what the user chose, checked, so that the daemon can act on every value. What
//! devices then grant is known only when [`capture`](crate::capture) has opened them.

mod choice;
mod chosen;
mod destination;
mod error;
mod file;
mod input;
mod inputs;
mod load;
mod parse;
mod protection;
mod relay;
mod serving;
#[cfg(test)]
mod tests;
mod tier;

pub use crate::capture::Wait;
pub use choice::{AudioChoice, RateChoice, VideoChoice};
pub use chosen::Settings;
pub use destination::{DESTINATIONS_MAX, Destination, Endpoint, PORT_DEFAULT, places};
pub use error::Error;
pub use input::{AudioSettings, INPUTS_MAX, InputSettings, VideoSettings};
pub use load::load;
pub use relay::{RelayAddress, shown};
pub use serving::{Listening, Serving, USERS_FILE};
pub use tier::{TIER_NAME_MAX, TIERS_MAX, Tier, TierPictures, TierSound};
