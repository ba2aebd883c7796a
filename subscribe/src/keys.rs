//! The keys that protected sessions are received with. They may change while a subscription runs.

use crate::plan::{Error, Plan, Protected};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use streamsocket_srtp::master_key::MasterKey;
use streamsocket_srtp::suite::Suite;

/// Keys, and whether nothing is received without them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// Each is tried.
    pub keys: Vec<MasterKey>,
    /// The user has named them: sessions that are not protected are refused.
    pub required: bool,
}

impl Keys {
    /// What is to be received of a session with these keys.
    ///
    /// # Errors
    /// It is protected, and there is no key, or it is not, and that is what is wanted. One line that says what to do.
    pub fn open(&self, plan: &Plan) -> Result<Plan, Error> {
        let (mut opened, name) = (plan.clone(), &plan.name);
        let mut streams = [&plan.video, &plan.audio].into_iter().flatten();
        if plan.protected == Protected::Yes && streams.any(|stream| stream.suites.is_empty()) {
            return Err(Error(format!(
                "a part of {name} is protected and a part is not, which nobody does who means well: its description may be forged"
            )));
        }
        match plan.protected {
            Protected::Yes if self.keys.is_empty() => Err(Error(format!(
                "{name} is protected: copy the key file of its sender to this machine, and name it with --key-file FILE"
            ))),
            Protected::No if self.required => Err(Error(format!(
                "{name} is not protected, as --key-file wants it to be: to receive it all the same leave that option out"
            ))),
            Protected::Unknown if self.required => {
                for stream in [&mut opened.video, &mut opened.audio].into_iter().flatten() {
                    stream.suites = Suite::ALL.to_vec();
                }
                Ok(opened)
            }
            Protected::Unknown | Protected::No | Protected::Yes => Ok(opened),
        }
    }
}

/// Keys that several threads have, one of which may exchange them.
#[derive(Clone, Debug, Default)]
pub struct KeyRing(Arc<Held>);

#[derive(Debug, Default)]
struct Held {
    keys: Mutex<Arc<Keys>>,
    changes: AtomicU64,
}

impl KeyRing {
    /// These keys.
    #[must_use]
    pub fn new(keys: Keys) -> Self {
        Self(Arc::new(Held { keys: Mutex::new(Arc::new(keys)), changes: AtomicU64::new(0) }))
    }

    /// The keys as they are now.
    #[must_use]
    pub fn get(&self) -> Arc<Keys> {
        Arc::clone(&self.lock())
    }

    /// How often they were exchanged: a loop may ask that in each turn, and for the keys if it is another number.
    #[must_use]
    pub fn changes(&self) -> u64 {
        self.0.changes.load(Ordering::Acquire)
    }

    /// Has these keys instead. Whether they are required stays.
    pub fn exchange(&self, keys: Vec<MasterKey>) {
        let mut held = self.lock();
        *held = Arc::new(Keys { keys, required: held.required });
        drop(held);
        self.0.changes.fetch_add(1, Ordering::Release);
    }

    /// Whether anybody else has them.
    pub(crate) fn is_shared(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Keys>> {
        self.0.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_srtp::master_key::MASTER_LEN;

    #[test]
    fn whoever_has_a_ring_sees_that_its_keys_are_others_now() {
        let key = |byte| MasterKey::new(&[byte; MASTER_LEN]);
        let ring = KeyRing::new(Keys { keys: vec![key(1)], required: true });
        let other = ring.clone();
        let (before, changes) = (other.get(), other.changes());
        ring.exchange(vec![key(2), key(1)]);
        assert_ne!(other.changes(), changes);
        assert_eq!(*other.get(), Keys { keys: vec![key(2), key(1)], required: true });
        assert_eq!(before.keys, [key(1)], "who has them still has them");
        assert_eq!(*KeyRing::default().get(), Keys::default());
        assert!(ring.is_shared());
        drop(other);
        assert!(!ring.is_shared());
    }

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
        let error = Keys::default().open(&plan).unwrap_err();
        assert!(error.0.starts_with("Hall is protected: copy the key file"), "{error}");
        assert_eq!(with(true).open(&plan), Ok(plan));
        let open = Plan::from_sdp(&SEALED.replace("SAVP", "AVP")).unwrap();
        let error = with(true).open(&open).unwrap_err();
        assert!(error.0.starts_with("Hall is not protected, as --key-file wants"), "{error}");
        assert_eq!(with(false).open(&open), Ok(open));
        let mixed = SEALED.to_owned() + "m=audio 5006 RTP/AVP 10\n";
        let error = with(false).open(&Plan::from_sdp(&mixed).unwrap()).unwrap_err();
        assert!(error.0.starts_with("a part of Hall is protected and a part is not"), "{error}");
        let other =
            Plan::from_sdp(&SEALED.replace("a=x-protected:AEAD_AES_128_GCM\n", "")).unwrap();
        assert_eq!(suites_of(&other), Suite::ALL);
        let address = Plan::at("239.1.1.1:5004".parse().unwrap(), None);
        assert_eq!(suites_of(&with(true).open(&address).unwrap()), Suite::ALL);
        assert_eq!(with(false).open(&address), Ok(address));
    }

    #[test]
    fn suites_that_are_not_known_are_named() {
        let text = SEALED.replace("AEAD_AES_128_GCM", "DOUBLE_AEAD\u{1b}");
        let error = Plan::from_sdp(&text).unwrap_err();
        assert!(error.0.contains("video as JPEG/90000/1 protected by DOUBLE_AEAD?;"), "{error}");
    }
}
