//! What sources say of themselves (RFC 3550 section 6.5).

use super::code::{CLOCK_PREFIX, CNAME, NOTE, PRIV};
use crate::reader::Reader;
use crate::rtp::Ssrc;

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
        let mut description = Description { ssrc, cname: None, note: None, clock: None };
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
                PRIV => description.clock = private(text, CLOCK_PREFIX).or(description.clock),
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
