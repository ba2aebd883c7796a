//! What sources say of themselves (RFC 3550 section 6.5).

use super::code::{CLOCK_PREFIX, CNAME, NOTE, PRIV, SHARED_PREFIX};
use crate::reader::Reader;
use crate::rtp::Ssrc;
use crate::shared_clock::SharedClock;

/// What a source says of itself (section 6.5): the items that are used here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description<'a> {
    /// Who.
    pub ssrc: Ssrc,
    /// Its canonical name (section 6.5.1).
    pub cname: Option<&'a [u8]>,
    /// Its state at the moment, for people (section 6.5.7).
    pub note: Option<&'a [u8]>,
    /// What its wall clock is, as `ts-refclk` says it (RFC 7273 section 4).
    pub clock: Option<&'a [u8]>,
    /// How the wall clock of a source whose packets it hands on stands against a shared one: an item of our own.
    pub shared: Option<Shared>,
}

/// What a source is to say of itself: each text is cut to 255 bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Items<'a> {
    /// Its canonical name (section 6.5.1).
    pub cname: &'a str,
    /// Its state at the moment, for people (section 6.5.7).
    pub note: Option<&'a str>,
    /// What its wall clock is, as `ts-refclk` says it (RFC 7273 section 4).
    pub clock: Option<&'a str>,
    /// How the wall clock of a source whose packets it hands on stands against a shared one: an item of our own.
    pub shared: Option<Shared>,
}

/// How a source's wall clock stands against a shared one, by somebody else: `SSRC CLOCK NANOSECONDS`, the source in
/// hexadecimal, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    /// The source.
    pub of: Ssrc,
    /// Its clock.
    pub clock: SharedClock,
}

impl Shared {
    /// Reads the value of the item.
    fn parse(value: &[u8]) -> Option<Self> {
        let mut words = core::str::from_utf8(value).ok()?.split_ascii_whitespace();
        let of = Ssrc(u32::from_str_radix(words.next()?, 16).ok()?);
        Some(Self { of, clock: SharedClock::take(&mut words)? })
    }
}

impl core::fmt::Display for Shared {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:08x} {}", self.of.0, self.clock)
    }
}

/// The chunks of a source description, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptions<'a> {
    /// How many are left, as the header says.
    pub(super) chunks: u8,
    pub(super) bytes: &'a [u8],
}

impl<'a> Iterator for Descriptions<'a> {
    type Item = Description<'a>;
    fn next(&mut self) -> Option<Self::Item> {
        self.chunks = self.chunks.checked_sub(1)?;
        let mut reader = Reader::new(self.bytes);
        // What is cut off ends the description.
        self.bytes = &[];
        let ssrc = Ssrc(reader.u32().ok()?);
        let (cname, note, clock, shared) = (None, None, None, None);
        let mut description = Description { ssrc, cname, note, clock, shared };
        loop {
            let kind = reader.u8().ok()?;
            if kind == 0 {
                break;
            }
            let len = reader.u8().ok()?;
            let text = reader.bytes(len.into()).ok()?;
            match kind {
                CNAME => description.cname = Some(text),
                NOTE => description.note = Some(text),
                PRIV => {
                    description.clock = private(text, CLOCK_PREFIX).or(description.clock);
                    let shared = private(text, SHARED_PREFIX).and_then(Shared::parse);
                    description.shared = shared.or(description.shared);
                }
                _ => {}
            }
        }
        let padding = reader.position().next_multiple_of(4) - reader.position();
        self.bytes = reader.rest().get(padding..).unwrap_or_default();
        Some(description)
    }
}

/// The value of a private item, if it has this prefix.
pub(super) fn private<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (len, rest) = text.split_first()?;
    let (found, value) = rest.split_at_checked(usize::from(*len))?;
    (found == prefix).then_some(value)
}
