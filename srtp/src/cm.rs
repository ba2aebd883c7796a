//! AES in counter mode with HMAC-SHA1 (RFC 3711 section 4).

use crate::counter::{self, KeyStream, xor};
use crate::derive::SessionKeys;
use crate::master_key::SALT_LEN;
use crate::suite::Suite;
use aes::Aes128;
use aes::cipher::KeyInit as _;
use hmac::{Hmac, Mac as _};
use sha1::Sha1;
use subtle::ConstantTimeEq as _;
use zeroize::Zeroize as _;

/// Bytes of a tag.
pub(crate) const TAG_LEN: usize = Suite::AesCm128HmacSha1_80.tag_len();

/// Encrypts and authenticates with one set of session keys.
pub(crate) struct Cm {
    cipher: Aes128,
    mac: Hmac<Sha1>,
    salt: [u8; SALT_LEN],
}

/// What a tag is over, but for what comes last: guesses of that are cheap.
#[derive(Clone)]
pub(crate) struct Tagged(Hmac<Sha1>);

impl Cm {
    pub(crate) fn new(keys: &SessionKeys) -> Self {
        let mac = Hmac::new_from_slice(&keys.auth);
        let mac = mac.unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        Self { cipher: Aes128::new(&keys.key.into()), mac, salt: keys.salt }
    }

    /// Encrypts or decrypts.
    pub(crate) fn apply(&self, ssrc: u32, index: u64, bytes: &mut [u8]) {
        let mut start = self.salt;
        xor(&mut start[4..8], &ssrc.to_be_bytes());
        xor(&mut start[8..], &index.to_be_bytes()[2..]);
        counter::apply(&self.cipher, &start, &mut KeyStream::default(), bytes);
    }

    /// The tag over these bytes, and a last word.
    pub(crate) fn tag(&self, bytes: &[u8], last: &[u8]) -> [u8; TAG_LEN] {
        self.tagged(bytes).tag(last)
    }

    /// What a tag is over, but for the last word.
    pub(crate) fn tagged(&self, bytes: &[u8]) -> Tagged {
        let mut mac = self.mac.clone();
        mac.update(bytes);
        Tagged(mac)
    }
}

impl Tagged {
    fn tag(mut self, last: &[u8]) -> [u8; TAG_LEN] {
        self.0.update(last);
        let whole = self.0.finalize().into_bytes();
        std::array::from_fn(|at| whole[at])
    }

    /// Whether this is the tag with that last word.
    pub(crate) fn is(&self, tag: &[u8], last: &[u8]) -> bool {
        self.clone().tag(last).ct_eq(tag).into()
    }
}

impl Drop for Cm {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}
