//! Whether a session is protected (SRTP, RFC 3711), and with what it can be received.

use super::{Error, Plan};
use crate::keys::Keys;
use streamsocket_srtp::suite::Suite;
use streamsocket_wire::sdp::{Media, Session};

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

impl Plan {
    /// What is to be received with these keys.
    ///
    /// # Errors
    /// It is protected, and there is no key, or it is not, and that is what is wanted. One line that says what to do.
    pub fn with_keys(&self, keys: &Keys) -> Result<Self, Error> {
        let (mut plan, name) = (self.clone(), &self.name);
        match self.protected {
            Protected::Yes if keys.keys.is_empty() => Err(Error(format!(
                "{name} is protected: copy the key file of its sender to this machine, and name it with --key-file FILE"
            ))),
            Protected::No if keys.required => Err(Error(format!(
                "{name} is not protected, as --key-file wants it to be: to receive it all the same leave that option out"
            ))),
            Protected::Unknown if keys.required => {
                for stream in [&mut plan.video, &mut plan.audio].into_iter().flatten() {
                    stream.suites = Suite::ALL.to_vec();
                }
                Ok(plan)
            }
            Protected::Unknown | Protected::No | Protected::Yes => Ok(plan),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_srtp::master_key::MasterKey;

    const SEALED: &str = "v=0\ns=Hall\nc=IN IP4 239.1.1.1\na=x-protected:AEAD_AES_128_GCM\nm=video 5004 RTP/SAVP 26\n";

    fn suites_of(plan: &Plan) -> &[Suite] {
        &plan.video.as_ref().unwrap().suites
    }

    #[test]
    fn a_session_is_received_as_it_is_protected() {
        let with = |required| Keys { keys: vec![MasterKey::new(&[1; 30])], required };
        let plan = Plan::from_sdp(SEALED).unwrap();
        assert_eq!(
            (plan.protected, suites_of(&plan)),
            (Protected::Yes, &[Suite::AeadAes128Gcm][..])
        );
        let error = plan.with_keys(&Keys::default()).unwrap_err();
        assert!(error.0.starts_with("Hall is protected: copy the key file"), "{error}");
        assert_eq!(plan.with_keys(&with(true)), Ok(plan));
        let open = Plan::from_sdp(&SEALED.replace("SAVP", "AVP")).unwrap();
        let error = open.with_keys(&with(true)).unwrap_err();
        assert!(error.0.starts_with("Hall is not protected, as --key-file wants"), "{error}");
        assert_eq!(open.with_keys(&with(false)), Ok(open));
        let other =
            Plan::from_sdp(&SEALED.replace("a=x-protected:AEAD_AES_128_GCM\n", "")).unwrap();
        assert_eq!(suites_of(&other), Suite::ALL);
        let address = Plan::at("239.1.1.1:5004".parse().unwrap(), None);
        assert_eq!(suites_of(&address.with_keys(&with(true)).unwrap()), Suite::ALL);
        assert_eq!(address.with_keys(&with(false)), Ok(address));
    }

    #[test]
    fn suites_that_are_not_known_are_named() {
        let text = SEALED.replace("AEAD_AES_128_GCM", "DOUBLE_AEAD\u{1b}");
        let error = Plan::from_sdp(&text).unwrap_err();
        assert!(error.0.contains("video as JPEG/90000/1 protected by DOUBLE_AEAD?;"), "{error}");
    }
}
