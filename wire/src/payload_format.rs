//! Payload formats (RFC 3550 section 5.1, RFC 3551): what the payload type of a packet stands for, as a
//! description maps it.

/// A format that the packets of a stream may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PayloadFormat<'a> {
    /// The payload type that stands for it in RTP headers, 7 bits.
    pub number: u8,
    /// Name of the encoding, such as JPEG or L16; case does not matter (RFC 4855 section 3).
    pub encoding: &'a str,
    /// RTP ticks a second.
    pub clock_rate: u32,
    /// Channels of sound; 1 for pictures.
    pub channels: u8,
    /// Parameters of the format (`a=fmtp`, RFC 8866 section 6.15), as the text that follows the number.
    pub fmtp: Option<&'a str>,
}

impl PayloadFormat<'static> {
    /// JPEG (RFC 2435), with its static number (RFC 3551 table 5).
    pub const JPEG: Self = Self::new(26, "JPEG", 90_000, 1);

    /// L16 (RFC 3551 section 4.5.11) of so many sample frames a second under this number.
    #[must_use]
    pub const fn l16(number: u8, rate: u32, channels: u8) -> Self {
        Self::new(number, "L16", rate, channels)
    }

    /// Opus under this number: its clock and channels are these whatever is encoded (RFC 7587 section 7).
    #[must_use]
    pub const fn opus(number: u8) -> Self {
        Self::new(number, "opus", 48_000, 2)
    }

    /// What a number stands for if nothing maps it (RFC 3551 section 6); without a name where that says nothing.
    #[must_use]
    pub const fn unmapped(number: u8) -> Self {
        let (encoding, clock_rate, channels) = match number {
            0 => ("PCMU", 8_000, 1),
            3 => ("GSM", 8_000, 1),
            4 => ("G723", 8_000, 1),
            5 => ("DVI4", 8_000, 1),
            6 => ("DVI4", 16_000, 1),
            7 => ("LPC", 8_000, 1),
            8 => ("PCMA", 8_000, 1),
            9 => ("G722", 8_000, 1),
            10 => ("L16", 44_100, 2),
            11 => ("L16", 44_100, 1),
            12 => ("QCELP", 8_000, 1),
            13 => ("CN", 8_000, 1),
            14 => ("MPA", 90_000, 1),
            15 => ("G728", 8_000, 1),
            16 => ("DVI4", 11_025, 1),
            17 => ("DVI4", 22_050, 1),
            18 => ("G729", 8_000, 1),
            25 => ("CelB", 90_000, 1),
            26 => return Self::JPEG,
            28 => ("nv", 90_000, 1),
            31 => ("H261", 90_000, 1),
            32 => ("MPV", 90_000, 1),
            33 => ("MP2T", 90_000, 1),
            34 => ("H263", 90_000, 1),
            _ => ("", 0, 1),
        };
        Self::new(number, encoding, clock_rate, channels)
    }
}

impl<'a> PayloadFormat<'a> {
    /// A format without parameters.
    #[must_use]
    pub const fn new(number: u8, encoding: &'a str, clock_rate: u32, channels: u8) -> Self {
        Self { number, encoding, clock_rate, channels, fmtp: None }
    }

    /// Whether its encoding has this name.
    #[must_use]
    pub fn is(&self, encoding: &str) -> bool {
        self.encoding.eq_ignore_ascii_case(encoding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn static_numbers_stand_for_what_rfc_3551_says_and_others_for_nothing() {
        assert_eq!(PayloadFormat::unmapped(26), PayloadFormat::JPEG);
        assert_eq!(PayloadFormat::unmapped(10), PayloadFormat::l16(10, 44_100, 2));
        assert_eq!(PayloadFormat::unmapped(11), PayloadFormat::l16(11, 44_100, 1));
        // G.722 has 16,000 samples a second and, by a mistake that was kept, half as many ticks (section 4.5.2).
        assert_eq!(PayloadFormat::unmapped(9).clock_rate, 8_000);
        let named = (0..=127).filter(|it| !PayloadFormat::unmapped(*it).encoding.is_empty());
        assert_eq!(named.count(), 24);
        assert!(
            (96..=127).all(|it| PayloadFormat::unmapped(it) == PayloadFormat::new(it, "", 0, 1))
        );
    }

    #[test]
    fn an_encoding_has_its_name_in_any_case() {
        assert!(PayloadFormat::JPEG.is("jpeg") && PayloadFormat::l16(97, 48_000, 2).is("l16"));
        assert!(!PayloadFormat::JPEG.is("jpeg2000"));
    }
}
