//! What flows from sources to sinks: a unit of coded media, which is one picture, with the time of its
//! capture and whether others depend on it.

use crate::bytes::Bytes;
use crate::clock::Monotonic;
use crate::codec::Codec;
use crate::raw::RawFormat;

/// A unit of coded media: one picture. Clones share its bytes.
#[derive(Clone, Debug)]
pub struct Unit {
    /// A picture as `codec` says.
    pub bytes: Bytes,
    /// How they are coded.
    pub codec: Codec,
    /// When it was captured.
    pub capture: Monotonic,
    /// What the units after it need of it.
    pub dependency: Dependency,
}

/// How a unit depends on others of its stream (RFC 6184 and RFC 7741 have both kinds of predicted pictures).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dependency {
    /// It needs no other unit, and none needs it: each JPEG and each raw picture.
    Independent,
    /// It needs no other unit, and those after it need it.
    Key,
    /// It needs those before it, back to the last key, and those after it may need it.
    Delta,
}

impl Dependency {
    /// Whether a unit may be left out without harm to those after it.
    #[must_use]
    pub const fn may_be_left_out(self) -> bool {
        matches!(self, Self::Independent)
    }
}

impl Unit {
    /// A JPEG.
    #[must_use]
    pub const fn jpeg(bytes: Bytes, capture: Monotonic) -> Self {
        Self { bytes, codec: Codec::Jpeg, capture, dependency: Dependency::Independent }
    }

    /// A raw picture.
    #[must_use]
    pub const fn raw(bytes: Bytes, format: RawFormat, capture: Monotonic) -> Self {
        Self { bytes, codec: Codec::Raw(format), capture, dependency: Dependency::Independent }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nothing_depends_on_may_be_left_out() {
        let unit = Unit::jpeg(Bytes::from(vec![1]), Monotonic(0));
        assert!(unit.dependency.may_be_left_out());
        assert!(
            ![Dependency::Key, Dependency::Delta].map(Dependency::may_be_left_out).contains(&true)
        );
    }
}
