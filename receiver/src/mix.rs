//! One sound card for several senders: what each of them plays is mixed a few milliseconds before it is heard. Each plays
//! into its place as it would on a card of its own ([`Input`]).

mod input;
mod mixer;
mod table;

pub use self::input::Input;
pub use self::mixer::{MIX_CHANNELS, MIX_RATE, Mixer};

#[cfg(test)]
mod tests;
