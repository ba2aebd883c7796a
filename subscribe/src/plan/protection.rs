//! Whether a session is protected (SRTP, RFC 3711).

use streamsocket_srtp::suite::Suite;
use streamsocket_wire::sdp::{Media, Session};

/// What is to be done about packets that are not authentic.
pub const ANOTHER_KEY: &str = "what comes is protected with another key: copy the sender's key file here, and name it \
                               by --key-file";

/// Whether a session is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protected {
    /// Nobody says: only its address is known.
    Unknown,
    /// It is not.
    No,
    /// It is.
    Yes,
}

impl Protected {
    /// What a description says: of a session of which a part is protected, that it is.
    pub(super) fn of(session: &Session<'_>) -> Self {
        if session.media.iter().any(|media| media.sealed) { Self::Yes } else { Self::No }
    }
}

/// The suites by which a medium may be sealed: that which its session names; each, if none is named. `None` if that is
/// one that is not known.
pub(super) fn suites(media: &Media<'_>, session: &Session<'_>) -> Option<Vec<Suite>> {
    match session.protected.filter(|_| media.sealed) {
        Some(name) => name.parse().ok().map(|suite| vec![suite]),
        None if media.sealed => Some(Suite::ALL.to_vec()),
        None => Some(Vec::new()),
    }
}
