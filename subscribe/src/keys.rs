//! What protected sessions are received with.

use streamsocket_srtp::master_key::MasterKey;

/// The keys that there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Each is tried, the first one first.
    pub keys: Vec<MasterKey>,
    /// Nothing else is wanted: a session that is not protected may be a stranger's.
    pub required: bool,
}
