//! PCMU and PCMA: samples of 8 bits on a logarithmic scale (ITU-T G.711, RFC 3551 section 4.5.14).

/// The sample of 16 bits that one of PCMU stands for.
#[must_use]
pub const fn ulaw(code: u8) -> i16 {
    let code = !code;
    let (exponent, mantissa) = ((code >> 4) & 7, (code & 15) as i16);
    let magnitude = ((2 * mantissa + 33) << (exponent + 2)) - 132;
    if code & 0x80 == 0 { magnitude } else { -magnitude }
}

/// The sample of 16 bits that one of PCMA stands for.
#[must_use]
pub const fn alaw(code: u8) -> i16 {
    let code = code ^ 0x55;
    let (exponent, mantissa) = ((code >> 4) & 7, (code & 15) as i16);
    let magnitude = match exponent {
        0 => (2 * mantissa + 1) << 3,
        _ => (2 * mantissa + 33) << (exponent + 2),
    };
    if code & 0x80 == 0 { -magnitude } else { magnitude }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_laws_are_those_of_the_recommendation() {
        // As ffmpeg decodes them: ffmpeg -f mulaw -i codes -f s16le -, and the same for alaw.
        let codes = [0x00, 0x01, 0x0F, 0x10, 0x7F, 0x80, 0x81, 0x8F, 0xF0, 0xFE, 0xFF];
        assert_eq!(
            codes.map(ulaw),
            [-32_124, -31_100, -16_764, -15_996, 0, 32_124, 31_100, 16_764, 120, 8, 0]
        );
        assert_eq!(
            codes.map(alaw),
            [-5504, -5248, -6784, -2752, -848, 5504, 5248, 6784, 688, 880, 848]
        );
    }
}
