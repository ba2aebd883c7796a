//! Key files: a key a line, as `inline:` and base64, or a passphrase. Empty lines, and lines that begin with `#`, mean
//! nothing.

use crate::master_key::{MASTER_LEN, MasterKey};
use argon2::{Algorithm, Argon2, Params, Version};
use zeroize::Zeroizing;

/// Keys of a file at most: the one that is sent with, and those that it takes the place of or gives way to.
pub const KEYS_MAX: usize = 4;

/// Characters of a passphrase at least: four words.
pub const PASSPHRASE_MIN: usize = 16;

/// Bytes of a file at most: four passphrases as long as a page.
pub const FILE_MAX: usize = 16 << 10;

/// What passphrases are stretched with. Both ends know it before they know of each other, so that it cannot be random.
const SALT: &[u8] = b"StreamSocket SRTP master key, 1";

/// Memory in KiB and passes of the stretching: the second of the recommendations of RFC 9106 section 4 with a third of
/// its memory, which a Pi Zero 2 W has beside all else. A guess then takes 0.06 s on a PC.
const COSTS: (u32, u32) = (19 << 10, 4);

/// The keys of a file, in order: the first one is sent with, each is received with.
///
/// # Errors
/// The line, from 1, and what is wrong with it.
pub fn parse(text: &str) -> Result<Vec<MasterKey>, (usize, &'static str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    let mut keys = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        if keys.len() == KEYS_MAX {
            return Err((number, "there are four keys at most"));
        }
        let key = MasterKey::from_inline(line).unwrap_or_else(|| stretched(line));
        keys.push(key.map_err(|why| (number, why))?);
    }
    if keys.is_empty() {
        return Err((1, "there is no key; make one with: streamsocket key new"));
    }
    Ok(keys)
}

/// The key that a passphrase stands for: argon2id (RFC 9106), the same on all machines.
fn stretched(passphrase: &str) -> Result<MasterKey, &'static str> {
    if passphrase.chars().count() < PASSPHRASE_MIN {
        return Err(
            "a passphrase has 16 characters or more, such as five words; or make a key with: streamsocket key new",
        );
    }
    let (memory, passes) = COSTS;
    let params = Params::new(memory, passes, 1, Some(MASTER_LEN));
    let argon2 = params.map(|params| Argon2::new(Algorithm::Argon2id, Version::V0x13, params));
    let mut bytes = Zeroizing::new([0; MASTER_LEN]);
    argon2
        .and_then(|it| it.hash_password_into(passphrase.as_bytes(), SALT, &mut *bytes))
        .map_err(|_| "the passphrase cannot be stretched: there is too little memory")?;
    Ok(MasterKey::new(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_passphrases_are_read_in_order() {
        let key = MasterKey::new(&[7; MASTER_LEN]);
        let text =
            format!("# of the hall\n\n{}\n  correct horse battery staple  \n", *key.to_inline());
        let keys = parse(&text).unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[0], key);
        // argon2-cffi 25.1: hash_secret_raw(b"correct horse battery staple", SALT, 4, 19456, 1, 30, Type.ID)
        assert_eq!(*keys[1].to_inline(), "inline:Yu6g2BWwRvrDGKaSYQ4iYHdySSqu6oC/jZBps+tl");
    }

    #[test]
    fn what_is_no_key_is_told_by_its_line() {
        for (text, line) in [
            ("", 1),
            ("# only this\n", 1),
            ("\nshort\n", 2),
            ("inline:AAAA", 1),
            (&"inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwd\n".repeat(5), 5),
        ] {
            assert_eq!(parse(text).unwrap_err().0, line, "{text}");
        }
    }
}
