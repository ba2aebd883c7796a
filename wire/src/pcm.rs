//! L16: signed 16-bit samples in network byte order (RFC 3551 section 4.5.11).

use crate::{Error, space};

/// Writes samples to the begin of `out` and returns the bytes written.
///
/// # Errors
/// If `out` is too short.
pub fn encode(samples: &[i16], out: &mut [u8]) -> Result<usize, Error> {
    let out = space(out, samples.len() * 2)?;
    for (bytes, sample) in out.chunks_exact_mut(2).zip(samples) {
        bytes.copy_from_slice(&sample.to_be_bytes());
    }
    Ok(out.len())
}

/// Reads samples to the begin of `out` and returns their number.
///
/// # Errors
/// If half a sample is left over, or `out` is too short.
pub fn decode(bytes: &[u8], out: &mut [i16]) -> Result<usize, Error> {
    let (count, actual) = (bytes.len() / 2, out.len());
    if bytes.len() % 2 != 0 {
        return Err(Error::Malformed("half a sample at the end"));
    }
    let out = out.get_mut(..count).ok_or(Error::Space { needed: count, actual })?;
    for (sample, bytes) in out.iter_mut().zip(bytes.chunks_exact(2)) {
        *sample = i16::from_be_bytes([bytes[0], bytes[1]]);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn samples_are_big_endian() {
        let mut out = [0; 6];
        assert_eq!(encode(&[1, -2, 0x1234], &mut out), Ok(6));
        assert_eq!(out, [0, 1, 0xFF, 0xFE, 0x12, 0x34]);
        assert_eq!(
            decode(&out[..3], &mut [0; 9]),
            Err(Error::Malformed("half a sample at the end"))
        );
        assert_eq!(encode(&[1], &mut [0]), Err(Error::Space { needed: 2, actual: 1 }));
    }

    proptest! {
        #[test]
        fn samples_come_back(samples in proptest::collection::vec(any::<i16>(), 0..200)) {
            let (mut bytes, mut back) = ([0; 400], [0; 200]);
            let len = encode(&samples, &mut bytes).unwrap();
            let count = decode(&bytes[..len], &mut back).unwrap();
            prop_assert_eq!(&back[..count], &samples[..]);
        }
    }
}
