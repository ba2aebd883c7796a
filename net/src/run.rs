//! Which packets of a batch one message to the kernel can carry (UDP GSO, `udp(7)`,
//! `UDP_SEGMENT`): the kernel cuts a message into packets of one length, the last may be shorter.

/// Packets that one message may be cut into: `UDP_MAX_SEGMENTS`, 64 but for the newest kernels.
const SEGMENTS_MAX: usize = 64;

/// UDP payload that one message to the kernel may have: what an IPv4 packet can carry, also when
/// the kernel is to cut it up.
const BYTES_MAX: usize = 65_507;

/// Packets that follow each other and leave in one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// How many, at least one.
    pub(crate) packets: usize,
    /// Their bytes together.
    pub(crate) bytes: usize,
    /// The length that the kernel is to cut at; `None` for a single packet.
    pub(crate) segment: Option<u16>,
}

impl Run {
    /// The longest run at the start of `lengths`, which is not empty.
    pub(crate) fn segmented(lengths: &[usize]) -> Self {
        let plain = Self::plain(lengths);
        let length = plain.bytes;
        let Some(segment) = u16::try_from(length).ok().filter(|&segment| segment > 0) else {
            return plain;
        };
        let most = SEGMENTS_MAX.min(BYTES_MAX / length);
        let same = lengths.iter().take(most).take_while(|&&other| other == length).count();
        let shorter = |&last: &usize| same < most && (1..length).contains(&last);
        let last = lengths.get(same).copied().filter(shorter);
        let packets = same + usize::from(last.is_some());
        if packets < 2 {
            return plain;
        }
        Self { packets, bytes: same * length + last.unwrap_or_default(), segment: Some(segment) }
    }

    /// The first packet alone.
    pub(crate) fn plain(lengths: &[usize]) -> Self {
        Self { packets: 1, bytes: lengths.first().copied().unwrap_or_default(), segment: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(packets: usize, bytes: usize, segment: u16) -> Run {
        Run { packets, bytes, segment: Some(segment) }
    }

    #[test]
    fn equal_packets_and_a_shorter_last_one_go_together() {
        assert_eq!(Run::segmented(&[1400; 16]), run(16, 16 * 1400, 1400));
        assert_eq!(Run::segmented(&[1400, 1400, 300]), run(3, 3100, 1400));
        assert_eq!(Run::segmented(&[1400, 300]), run(2, 1700, 1400));
    }

    #[test]
    fn a_run_ends_after_a_shorter_packet_and_before_a_longer_one() {
        assert_eq!(Run::segmented(&[1400, 1400, 300, 300]), run(3, 3100, 1400));
        assert_eq!(Run::segmented(&[300, 300, 1400]), run(2, 600, 300));
        assert_eq!(Run::segmented(&[300, 1400]), Run::plain(&[300]));
    }

    #[test]
    fn bounds_of_the_kernel_are_kept() {
        assert_eq!(Run::segmented(&[100; 70]).packets, SEGMENTS_MAX);
        // 46 packets of 1400 bytes are 64,400; one more would not fit.
        assert_eq!(Run::segmented(&[1400; 64]).packets, 46);
        let mut lengths = [1400; 47];
        lengths[46] = 20;
        assert_eq!(Run::segmented(&lengths).packets, 46);
        assert_eq!(Run::segmented(&[65_507, 1]), Run::plain(&[65_507]));
        assert_eq!(Run::segmented(&[70_000, 70_000]), Run::plain(&[70_000]));
    }

    #[test]
    fn a_single_or_empty_packet_is_not_segmented() {
        assert_eq!(Run::segmented(&[1400]), Run::plain(&[1400]));
        assert_eq!(Run::segmented(&[0, 0]), Run::plain(&[0]));
        assert_eq!(Run::segmented(&[1400, 0]), Run::plain(&[1400]));
    }
}
