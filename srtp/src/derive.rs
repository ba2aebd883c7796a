//! Session keys from master keys (RFC 3711 section 4.3, RFC 7714 section 11), with a key derivation rate of 0.

use crate::counter::{self, KeyStream};
use crate::master_key::{KEY_LEN, MasterKey, SALT_LEN};
use crate::suite::Suite;
use aes::Aes128;
use aes::cipher::KeyInit as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a session key for authentication.
pub const AUTH_LEN: usize = 20;

/// What session keys are for: the labels of RFC 3711 section 4.3.1 begin here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// RTP: labels 0 to 2.
    Rtp = 0,
    /// RTCP: labels 3 to 5.
    Rtcp = 3,
}

/// The session keys of RTP or of RTCP.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SessionKeys {
    /// Encrypts.
    pub key: [u8; KEY_LEN],
    /// Authenticates; AES-GCM has none.
    pub auth: [u8; AUTH_LEN],
    /// Goes into each counter; of AES-GCM the first 12 bytes count.
    pub salt: [u8; SALT_LEN],
}

impl SessionKeys {
    /// Derives them.
    #[must_use]
    pub fn derive(master: &MasterKey, suite: Suite, purpose: Purpose) -> Self {
        let mut salt = *master.salt();
        // Shorter salts are padded with zeros on the right (RFC 7714 section 11).
        salt[suite.salt_len()..].fill(0);
        let label = purpose as u8;
        let mut it = Self { key: [0; KEY_LEN], auth: [0; AUTH_LEN], salt: [0; SALT_LEN] };
        stretch(master.key(), &salt, label, &mut it.key);
        stretch(master.key(), &salt, label + 1, &mut it.auth);
        stretch(master.key(), &salt, label + 2, &mut it.salt[..suite.salt_len()]);
        salt.zeroize();
        it
    }
}

/// The pseudo-random function AES-CM (RFC 3711 section 4.3.3).
fn stretch(key: &[u8; KEY_LEN], salt: &[u8; SALT_LEN], label: u8, out: &mut [u8]) {
    let mut start = Zeroizing::new(*salt);
    start[7] ^= label;
    out.fill(0);
    let mut stream = Zeroizing::new(KeyStream::default());
    counter::apply(&Aes128::new(key.into()), &start, &mut stream, out);
}
