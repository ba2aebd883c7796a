//! Master keys: what both ends have before anything is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of a master key.
pub const KEY_LEN: usize = 16;

/// Bytes of a master salt.
pub const SALT_LEN: usize = 14;

/// Bytes of both, as they stand in a description or a file one behind the other (RFC 4568 section 6.1).
pub const MASTER_LEN: usize = KEY_LEN + SALT_LEN;

/// In front of a key that is written as such (RFC 4568 section 9.2).
const INLINE: &str = "inline:";

/// A master key with its salt (RFC 3711 section 3.2.1). It is wiped when it is dropped, and never shown by accident.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct MasterKey {
    key: [u8; KEY_LEN],
    salt: [u8; SALT_LEN],
}

impl MasterKey {
    /// A key and a salt, one behind the other.
    #[must_use]
    pub fn new(bytes: &[u8; MASTER_LEN]) -> Self {
        let mut it = Self { key: [0; KEY_LEN], salt: [0; SALT_LEN] };
        let (key, salt) = bytes.split_at(KEY_LEN);
        it.key.copy_from_slice(key);
        it.salt.copy_from_slice(salt);
        it
    }

    /// The key.
    #[must_use]
    pub const fn key(&self) -> &[u8; KEY_LEN] {
        &self.key
    }

    /// The salt; of AES-GCM its first 12 bytes count.
    #[must_use]
    pub const fn salt(&self) -> &[u8; SALT_LEN] {
        &self.salt
    }

    /// The key as `inline:` and base64, which is what a file has. The text is wiped when it is dropped.
    #[must_use]
    pub fn to_inline(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; MASTER_LEN]);
        let (key, salt) = bytes.split_at_mut(KEY_LEN);
        key.copy_from_slice(&self.key);
        salt.copy_from_slice(&self.salt);
        // A string that grows leaves copies of itself behind.
        let mut text = Zeroizing::new(String::with_capacity(64));
        text.push_str(INLINE);
        STANDARD.encode_string(*bytes, &mut text);
        text
    }

    /// A key that is written as `inline:` and base64; `None` if the text is no such thing.
    ///
    /// # Errors
    /// It begins so, but there are not 30 bytes of base64 behind it.
    pub fn from_inline(text: &str) -> Option<Result<Self, &'static str>> {
        let encoded = text.strip_prefix(INLINE)?;
        let mut bytes = Zeroizing::new([0; 2 * MASTER_LEN]);
        let decoded = STANDARD.decode_slice(encoded.trim(), &mut bytes[..]).ok();
        let exact = decoded.filter(|len| *len == MASTER_LEN);
        let bytes = exact.and_then(|_| bytes.first_chunk::<MASTER_LEN>());
        Some(bytes.map(Self::new).ok_or(
            "a key has 30 bytes, which are 40 characters of base64 behind \"inline:\"; make one with: streamsocket key new",
        ))
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_as_it_is_written_and_not_shown() {
        let key = MasterKey::new(&std::array::from_fn(|at| u8::try_from(at).unwrap()));
        let text = key.to_inline();
        assert_eq!(&**text, "inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd");
        assert_eq!(MasterKey::from_inline(&text), Some(Ok(key.clone())));
        assert_eq!(format!("{key:?}"), "MasterKey(..)");
    }

    #[test]
    fn keys_of_other_lengths_are_refused() {
        assert_eq!(MasterKey::from_inline("four words of a song"), None);
        for text in
            ["inline:", "inline:AAEC", "inline:?", &("inline:".to_owned() + &"A".repeat(200))]
        {
            assert!(MasterKey::from_inline(text).unwrap().is_err(), "{text}");
        }
    }
}
