//! The suites: how packets are encrypted and authenticated.

use std::fmt;
use std::str::FromStr;

/// A suite, by its name in descriptions (RFC 4568 section 6.2, RFC 7714 section 14.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Suite {
    /// AES in counter mode, and 80 bits of HMAC-SHA1 (RFC 3711 section 4): what every program has that has any.
    AesCm128HmacSha1_80,
    /// AES-GCM (RFC 7714): less work for processors without instructions for AES.
    AeadAes128Gcm,
}

impl Suite {
    /// Both.
    pub const ALL: [Self; 2] = [Self::AesCm128HmacSha1_80, Self::AeadAes128Gcm];

    /// What takes this machine the least work, of what it sends: AES in counter mode and SHA-1 where the processor has
    /// instructions for both, since more programs have it, else AES-GCM.
    #[must_use]
    pub fn of_this_machine() -> Self {
        if has_instructions() { Self::AesCm128HmacSha1_80 } else { Self::AeadAes128Gcm }
    }

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
        }
    }

    /// Bytes of the tag behind a packet: 10 or 16.
    #[must_use]
    pub const fn tag_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 => 10,
            Self::AeadAes128Gcm => 16,
        }
    }

    /// Bytes of a master salt that count: 14 or 12.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 => 14,
            Self::AeadAes128Gcm => 12,
        }
    }
}

#[cfg(target_arch = "aarch64")]
fn has_instructions() -> bool {
    std::arch::is_aarch64_feature_detected!("aes")
        && std::arch::is_aarch64_feature_detected!("sha2")
}

#[cfg(target_arch = "x86_64")]
fn has_instructions() -> bool {
    std::arch::is_x86_feature_detected!("aes") && std::arch::is_x86_feature_detected!("sha")
}

#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
const fn has_instructions() -> bool {
    false
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Not the name of a suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseSuiteError;

impl fmt::Display for ParseSuiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = Suite::ALL;
        write!(f, "expected {first} or {second}")
    }
}

impl std::error::Error for ParseSuiteError {}

impl FromStr for Suite {
    type Err = ParseSuiteError;

    fn from_str(text: &str) -> Result<Self, ParseSuiteError> {
        Self::ALL.into_iter().find(|it| it.name() == text).ok_or(ParseSuiteError)
    }
}
