//! MIKEY (RFC 3830): a key, as a description tells it (RFC 4567) to whoever asks over an encrypted connection.
//!
//! The message is that of a shared key of which nothing is encrypted and nothing authenticated: the connection does
//! both. GStreamer writes and reads the same.

use crate::derive::AUTH_LEN;
use crate::master_key::KEY_LEN;
use crate::protection::Protection;
use crate::suite::Suite;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// Bytes of the random value: the fewest that there may be (RFC 3830 section 6.11).
pub const RANDOM_LEN: usize = 16;

/// Bytes of a message at most: a buffer that grows would leave copies of the key behind.
const MESSAGE_MAX: usize = 160;

/// The payload that follows (RFC 3830 section 6.1).
mod next {
    pub(super) const LAST: u8 = 0;
    pub(super) const KEMAC: u8 = 1;
    pub(super) const TIME: u8 = 5;
    pub(super) const POLICY: u8 = 10;
    pub(super) const RANDOM: u8 = 11;
}

/// What a policy says of SRTP, each in a byte (RFC 3830 section 6.10.1, RFC 7714 section 14.3).
mod parameter {
    pub(super) const ENCRYPTION: u8 = 0;
    pub(super) const KEY_LEN: u8 = 1;
    pub(super) const AUTHENTICATION: u8 = 2;
    pub(super) const AUTH_LEN: u8 = 3;
    pub(super) const SALT_LEN: u8 = 4;
    pub(super) const RTP_ENCRYPTED: u8 = 7;
    pub(super) const RTCP_ENCRYPTED: u8 = 8;
    pub(super) const RTP_AUTHENTICATED: u8 = 10;
    pub(super) const TAG_LEN: u8 = 11;
    pub(super) const AEAD_TAG_LEN: u8 = 20;
}

/// Of algorithms: none.
const NULL: u8 = 0;

/// Each parameter has one byte.
const ONE: u8 = 1;

/// The key encrypts packets, and is good for as long as it is told (RFC 3830 section 6.13). Its salt is a part of it:
/// GStreamer passes over one that follows by itself, which the RFC has as well.
const TRAFFIC_KEY: u8 = 2 << 4;

/// A stream of packets, as it is now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    /// Synchronization source.
    pub ssrc: u32,
    /// The roll-over counter.
    pub rollovers: u32,
}

/// What no two messages share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Occasion {
    /// The time in NTP format: seconds since 1900 in the upper half.
    pub ntp: u64,
    /// A random number.
    pub id: u32,
    /// A random value, which keys would be made of if the one that is told were not used itself.
    pub random: [u8; RANDOM_LEN],
}

/// The message in base64 that tells the key that a stream is sent with. `None` if there is no key. The text is wiped
/// when it is dropped.
#[must_use]
pub fn message(
    protection: &Protection,
    stream: Stream,
    occasion: &Occasion,
) -> Option<Zeroizing<String>> {
    let master = protection.keys.first()?;
    let (key, salt) = (master.key(), &master.salt()[..protection.suite.salt_len()]);
    let mut out = Zeroizing::new(Vec::with_capacity(MESSAGE_MAX));
    // Version 1, the message of who has a shared key, no answer wanted.
    out.extend([1, 0, next::TIME, 0]);
    out.extend(occasion.id.to_be_bytes());
    // One stream, named by SSRC and roll-over counter, with the policy of number 0.
    out.extend([1, 0, 0]);
    out.extend(stream.ssrc.to_be_bytes());
    out.extend(stream.rollovers.to_be_bytes());
    // In NTP format, UTC.
    out.extend([next::RANDOM, 0]);
    out.extend(occasion.ntp.to_be_bytes());
    out.extend([next::POLICY, byte(RANDOM_LEN)]);
    out.extend(occasion.random);
    let policy = match protection.suite {
        Suite::AesCm128HmacSha1_80 => CM,
        Suite::AeadAes128Gcm => GCM,
    };
    // The policy of number 0 is of SRTP.
    out.extend([next::KEMAC, 0, 0, 0, byte(3 * policy.len())]);
    policy.iter().for_each(|(kind, value)| out.extend([*kind, ONE, *value]));
    let len = key.len() + salt.len();
    out.extend([next::LAST, NULL, 0, byte(4 + len)]);
    out.extend([next::LAST, TRAFFIC_KEY, 0, byte(len)]);
    out.extend(key);
    out.extend(salt);
    out.push(NULL);
    let mut text = Zeroizing::new(String::with_capacity(MESSAGE_MAX / 3 * 4 + 4));
    STANDARD.encode_string(&*out, &mut text);
    Some(text)
}

/// A length that fits a byte.
const fn byte(len: usize) -> u8 {
    len.to_le_bytes()[0]
}

/// What is said of AES in counter mode. GStreamer takes an `AUTH_LEN` of 4 or 10 for bytes of a tag, and any other for
/// what it is.
const CM: &[(u8, u8)] = &[
    (parameter::ENCRYPTION, 1),
    (parameter::KEY_LEN, byte(KEY_LEN)),
    (parameter::AUTHENTICATION, 1),
    (parameter::AUTH_LEN, byte(AUTH_LEN)),
    (parameter::SALT_LEN, byte(Suite::AesCm128HmacSha1_80.salt_len())),
    (parameter::RTP_ENCRYPTED, 1),
    (parameter::RTCP_ENCRYPTED, 1),
    (parameter::RTP_AUTHENTICATED, 1),
    (parameter::TAG_LEN, byte(Suite::AesCm128HmacSha1_80.tag_len())),
];

/// What is said of AES-GCM.
const GCM: &[(u8, u8)] = &[
    (parameter::ENCRYPTION, 6),
    (parameter::KEY_LEN, byte(KEY_LEN)),
    (parameter::AUTHENTICATION, NULL),
    (parameter::AUTH_LEN, 0),
    (parameter::SALT_LEN, byte(Suite::AeadAes128Gcm.salt_len())),
    (parameter::RTP_ENCRYPTED, 1),
    (parameter::RTCP_ENCRYPTED, 1),
    (parameter::AEAD_TAG_LEN, byte(Suite::AeadAes128Gcm.tag_len())),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::master_key::{MASTER_LEN, MasterKey};

    const OCCASION: Occasion =
        Occasion { ntp: 0xdead_beef_0123_4567, id: 0x0a0b_0c0d, random: [0xaa; RANDOM_LEN] };

    fn told(suite: Suite) -> Vec<u8> {
        let master = MasterKey::new(&std::array::from_fn(|at| u8::try_from(at).unwrap()));
        let protection = Protection { keys: vec![master], suite };
        let stream = Stream { ssrc: 0xcafe_babe, rollovers: 7 };
        let text = message(&protection, stream, &OCCASION).unwrap();
        STANDARD.decode(&*text).unwrap()
    }

    /// The head, as each message of that occasion has it.
    const HEAD: [&[u8]; 6] = [
        &[1, 0, 5, 0, 0x0a, 0x0b, 0x0c, 0x0d, 1, 0],
        &[0, 0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 7],
        &[11, 0, 0xde, 0xad, 0xbe, 0xef, 0x01, 0x23, 0x45, 0x67],
        &[10, 16],
        &[0xaa; RANDOM_LEN],
        &[1, 0, 0, 0],
    ];

    #[test]
    fn a_key_is_told_byte_by_byte() {
        let policy: &[u8] = &[
            27, 0, 1, 1, 1, 1, 16, 2, 1, 1, 3, 1, 20, 4, 1, 14, 7, 1, 1, 8, 1, 1, 10, 1, 1, 11, 1,
            10,
        ];
        let key: Vec<u8> = (0..16).collect();
        let salt: Vec<u8> = (16..30).collect();
        let kemac: [&[u8]; 4] = [&[0, 0, 0, 34, 0, 0x20, 0, 30], &key, &salt, &[0]];
        let expected = [HEAD.concat(), policy.to_vec(), kemac.concat()].concat();
        assert_eq!(told(Suite::AesCm128HmacSha1_80), expected);
        assert!(expected.len() <= MESSAGE_MAX);
    }

    #[test]
    fn of_gcm_less_of_the_salt_counts() {
        let policy: &[u8] =
            &[24, 0, 1, 6, 1, 1, 16, 2, 1, 0, 3, 1, 0, 4, 1, 12, 7, 1, 1, 8, 1, 1, 20, 1, 16];
        let key: Vec<u8> = (0..16).collect();
        let salt: Vec<u8> = (16..28).collect();
        let kemac: [&[u8]; 4] = [&[0, 0, 0, 32, 0, 0x20, 0, 28], &key, &salt, &[0]];
        let expected = [HEAD.concat(), policy.to_vec(), kemac.concat()].concat();
        assert_eq!(told(Suite::AeadAes128Gcm), expected);
    }

    #[test]
    fn the_key_that_is_sent_with_is_told_and_without_one_nothing() {
        let suite = Suite::AesCm128HmacSha1_80;
        let [first, second] = [1, 2].map(|byte| MasterKey::new(&[byte; MASTER_LEN]));
        let stream = Stream { ssrc: 1, rollovers: 0 };
        let told = |keys: &[&MasterKey]| {
            let keys = keys.iter().map(|key| (*key).clone()).collect();
            message(&Protection { keys, suite }, stream, &OCCASION)
        };
        assert_eq!(told(&[&first, &second]), told(&[&first]));
        assert_ne!(told(&[&second]), told(&[&first]));
        assert_eq!(told(&[]), None);
    }
}
