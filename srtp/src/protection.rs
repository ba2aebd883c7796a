//! What a sender protects its streams with.

use crate::master_key::MasterKey;
use crate::suite::Suite;

/// Keys and a suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// The first one is sent with; reports are taken that are sealed with any.
    pub keys: Vec<MasterKey>,
    /// How.
    pub suite: Suite,
}
