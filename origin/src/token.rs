//! Links that let their holders watch one session for some time: `/t/EXPIRES/SIGNATURE/NAME/...`. Caches can check them
//! by themselves, since the signature is the one of nginx's `secure_link`: MD5 of `EXPIRES/NAME SECRET`, in base64url.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::path::Path;
use std::sync::Arc;
use streamsocket_net::machine;
use subtle::ConstantTimeEq;

/// What such paths begin with.
pub(crate) const PREFIX: &str = "/t/";

/// Characters that stand for themselves in a path (RFC 3986 section 2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Bytes of a secret's file at most.
const FILE_MAX: usize = 1024;

/// Letters of a secret at least: half of what is made.
const SECRET_MIN: usize = 16;

/// The secret by which links are signed.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<str>);

impl core::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str("Tokens(..)")
    }
}

/// Why somebody may not watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The link is none of ours.
    Forged,
    /// It was good until some time ago.
    Expired,
}

impl Tokens {
    /// The secret in a file, which only its owner and group may read.
    ///
    /// # Errors
    /// One line: what is wrong with the file, and what to do.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = crate::secret::read(path, FILE_MAX)?;
        if text.len() < SECRET_MIN {
            return Err(format!(
                "{}: a secret has {SECRET_MIN} letters at least: remove the file, and 'streamsocket-origin token' makes one",
                path.display()
            ));
        }
        Ok(Self(text.into()))
    }

    /// The same, which is made if it is not there.
    ///
    /// # Errors
    /// As those of [`read`](Self::read).
    pub(crate) fn read_or_make(path: &Path) -> Result<Self, String> {
        if !path.exists() {
            let random: [u8; 24] = machine::random_bytes()
                .map_err(|error| format!("no secret can be made: {error}"))?;
            crate::secret::make(path, &URL_SAFE_NO_PAD.encode(random))?;
        }
        Self::read(path)
    }

    fn signature(&self, expires: &str, name: &str) -> String {
        URL_SAFE_NO_PAD.encode(Md5::digest(format!("{expires}/{name} {}", self.0)))
    }

    /// The path of a session for whoever is to watch it until `expires`, in seconds since 1970.
    pub(crate) fn path(&self, name: &str, expires: u64) -> String {
        let signature = self.signature(&expires.to_string(), name);
        format!("{PREFIX}{expires}/{signature}/{}/", encoded(name))
    }

    /// Whether a link to a session is good at `now`, in seconds since 1970.
    ///
    /// # Errors
    /// Why it is not.
    pub(crate) fn check(
        &self,
        expires: &str,
        signature: &str,
        name: &str,
        now: u64,
    ) -> Result<(), Refused> {
        let ours = self.signature(expires, name);
        if !bool::from(ours.as_bytes().ct_eq(signature.as_bytes())) {
            return Err(Refused::Forged);
        }
        match expires.parse::<u64>() {
            Ok(expires) if now <= expires => Ok(()),
            _ => Err(Refused::Expired),
        }
    }
}

/// A name as it stands in a path.
pub(crate) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, ESCAPED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_good_for_its_session_until_it_expires() {
        let tokens = Tokens("0123456789abcdef".into());
        // echo -n '2000000000/Front door 0123456789abcdef' | openssl md5 -binary | basenc --base64url
        assert_eq!(
            tokens.path("Front door", 2_000_000_000),
            "/t/2000000000/HVZdhA1PUoDx3HTp8T-xqQ/Front%20door/"
        );
        let signature = tokens.signature("2000000000", "Front door");
        let check = |expires, name, now| tokens.check(expires, &signature, name, now);
        assert_eq!(check("2000000000", "Front door", 2_000_000_000), Ok(()));
        assert_eq!(check("2000000000", "Front door", 2_000_000_001), Err(Refused::Expired));
        assert_eq!(check("2000000001", "Front door", 1), Err(Refused::Forged));
        assert_eq!(check("2000000000", "Garden", 1), Err(Refused::Forged));
        assert_eq!(tokens.check("2000000000", "", "Front door", 1), Err(Refused::Forged));
        let never = tokens.signature("never", "Front door");
        assert_eq!(tokens.check("never", &never, "Front door", 1), Err(Refused::Expired));
    }
}
