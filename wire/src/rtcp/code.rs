//! Numbers and names assigned for RTCP.

/// Packet types (RFC 3550 section 12.1, RFC 5760 section 10).
pub(super) const SENDER_REPORT: u8 = 200;
pub(super) const RECEIVER_REPORT: u8 = 201;
pub(super) const SOURCE_DESCRIPTION: u8 = 202;
pub(super) const GOODBYE: u8 = 203;
pub(super) const EXTENDED_REPORT: u8 = 207;
pub(super) const SUMMARY_INFORMATION: u8 = 209;

/// Item types of a source description (section 12.2).
pub(super) const CNAME: u8 = 1;
pub(super) const NOTE: u8 = 7;
pub(super) const PRIV: u8 = 8;

/// Prefix of the private item (section 6.5.8) that says what the sender's wall clock is, in the words
/// of the description's `ts-refclk` (RFC 7273 section 4): a description is written once, a clock that
/// is not synchronised may be later.
pub(super) const CLOCK_PREFIX: &[u8] = b"ts-refclk";

/// Prefix of the private item in which who hands a source's packets on says how its wall clock stands against a shared
/// one.
pub(super) const SHARED_PREFIX: &[u8] = b"x-clock";

/// Sub-report block of the group and average packet size (RFC 5760 section 7.1.6).
pub(super) const GROUP_SIZE: u8 = 10;

/// Bytes of a report block.
pub(super) const BLOCK_LEN: usize = 24;
