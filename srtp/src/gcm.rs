//! AES-GCM (RFC 7714).

use crate::counter::xor;
use crate::derive::SessionKeys;
use crate::master_key::KEY_LEN;
use crate::suite::Suite;
use aes::Aes128;
use aes::cipher::{BlockCipherEncrypt as _, KeyInit as _};
use ghash::GHash;
use ghash::universal_hash::UniversalHash as _;
use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use subtle::ConstantTimeEq as _;
use zeroize::{Zeroize as _, Zeroizing};

/// Bytes of a tag.
pub(crate) const TAG_LEN: usize = Suite::AeadAes128Gcm.tag_len();

/// Encrypts and authenticates with one set of session keys.
pub(crate) struct Gcm {
    whole: LessSafeKey,
    /// For guesses, which need the hash of a packet once.
    key: Zeroizing<[u8; KEY_LEN]>,
    salt: [u8; NONCE_LEN],
}

/// The hash of a packet, by which a counter is guessed with one block of AES.
pub(crate) struct Hashed {
    cipher: Aes128,
    hash: [u8; TAG_LEN],
    salt: [u8; NONCE_LEN],
}

impl Gcm {
    pub(crate) fn new(keys: &SessionKeys) -> Self {
        let whole = UnboundKey::new(&AES_128_GCM, &keys.key);
        let whole = whole.unwrap_or_else(|_| unreachable!("a key of AES-128 has 16 bytes"));
        let salt = std::array::from_fn(|at| keys.salt[at]);
        Self { whole: LessSafeKey::new(whole), key: Zeroizing::new(keys.key), salt }
    }

    /// Encrypts bytes, and returns the tag over them and `clear`. Only of more bytes than AES-GCM can take there is
    /// none: 64 GB.
    pub(crate) fn seal(
        &self,
        nonce: [u8; NONCE_LEN],
        clear: &[u8],
        bytes: &mut [u8],
    ) -> [u8; TAG_LEN] {
        let nonce = Nonce::assume_unique_for_key(salted(&self.salt, nonce));
        let tag = self.whole.seal_in_place_separate_tag(nonce, Aad::from(clear), bytes);
        let mut out = [0; TAG_LEN];
        if let Ok(tag) = tag {
            out.copy_from_slice(tag.as_ref());
        }
        out
    }

    /// Decrypts bytes with their tag behind them, in place. False if the tag is another one; the bytes are void then.
    pub(crate) fn open(&self, nonce: [u8; NONCE_LEN], clear: &[u8], bytes: &mut [u8]) -> bool {
        let nonce = Nonce::assume_unique_for_key(salted(&self.salt, nonce));
        self.whole.open_in_place(nonce, Aad::from(clear), bytes).is_ok()
    }

    /// The hash over encrypted bytes and `clear`.
    pub(crate) fn hashed(&self, clear: &[u8], bytes: &[u8]) -> Hashed {
        let cipher = Aes128::new(&(*self.key).into());
        let mut subkey = [0; 16].into();
        cipher.encrypt_block(&mut subkey);
        let mut hash = GHash::new(&subkey);
        subkey.zeroize();
        hash.update_padded(clear);
        hash.update_padded(bytes);
        let bits = |bytes: &[u8]| (8 * bytes.len() as u64).to_be_bytes();
        let mut lengths = [0; 16];
        lengths[..8].copy_from_slice(&bits(clear));
        lengths[8..].copy_from_slice(&bits(bytes));
        hash.update(&[lengths.into()]);
        Hashed { cipher, hash: hash.finalize().into(), salt: self.salt }
    }
}

impl Hashed {
    /// Whether this is the tag with that nonce.
    pub(crate) fn is(&self, tag: &[u8], nonce: [u8; NONCE_LEN]) -> bool {
        let mut block = [0; 16];
        block[..NONCE_LEN].copy_from_slice(&salted(&self.salt, nonce));
        block[15] = 1;
        let mut block = block.into();
        self.cipher.encrypt_block(&mut block);
        let mut own = self.hash;
        xor(&mut own, &block);
        own.ct_eq(tag).into()
    }
}

fn salted(salt: &[u8; NONCE_LEN], mut nonce: [u8; NONCE_LEN]) -> [u8; NONCE_LEN] {
    xor(&mut nonce, salt);
    nonce
}

impl Drop for Gcm {
    fn drop(&mut self) {
        self.salt.zeroize();
    }
}

/// The nonce of an RTP packet, before the salt (RFC 7714 section 8.1): SSRC, then the index of 48 bits.
pub(crate) fn rtp_nonce(ssrc: u32, index: u64) -> [u8; NONCE_LEN] {
    nonce(ssrc, index)
}

/// The nonce of a compound packet of RTCP, before the salt (RFC 7714 section 9.1): SSRC, two zeros, the index of 31 bits.
pub(crate) fn rtcp_nonce(ssrc: u32, index: u32) -> [u8; NONCE_LEN] {
    nonce(ssrc, index.into())
}

fn nonce(ssrc: u32, index: u64) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    nonce[2..6].copy_from_slice(&ssrc.to_be_bytes());
    nonce[6..].copy_from_slice(&index.to_be_bytes()[2..]);
    nonce
}
