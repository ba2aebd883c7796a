//! Questions for IPv4 addresses and what is answered to them (RFC 1035), as bytes.

use std::net::Ipv4Addr;

/// Type A, class IN.
const A_IN: [u8; 4] = [0, 1, 0, 1];
/// What is said before questions.
const HEADER: usize = 12;
/// A label is this long at most, and so is a name (section 2.3.4).
const LABEL_MAX: usize = 63;
const NAME_MAX: usize = 253;

/// The question for the addresses of a name. None if it is no name.
pub(crate) fn question(id: u16, name: &str) -> Option<Vec<u8>> {
    // Recursion is asked for: the server may be one that asks others.
    let mut bytes = [&id.to_be_bytes()[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
    let fits = |label: &str| (1..=LABEL_MAX).contains(&label.len());
    if name.len() > NAME_MAX || !name.split('.').all(fits) {
        return None;
    }
    for label in name.split('.') {
        bytes.push(u8::try_from(label.len()).ok()?);
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend_from_slice(&A_IN);
    Some(bytes)
}

/// The addresses in an answer to the question with this number, and for how many seconds they are good at least. None if it is no
/// answer to it, or there are none.
pub(crate) fn answer(id: u16, bytes: &[u8]) -> Option<(Vec<Ipv4Addr>, u32)> {
    let short = |at: usize| Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]));
    let flags = short(2)?;
    // An answer, and no error.
    if short(0)? != id || flags & 0x8000 == 0 || flags & 0x000F != 0 {
        return None;
    }
    let mut at = HEADER;
    for _ in 0..short(4)? {
        at = behind_name(bytes, at)? + 4;
    }
    let (mut addresses, mut seconds) = (Vec::new(), u32::MAX);
    for _ in 0..short(6)? {
        at = behind_name(bytes, at)?;
        let record = bytes.get(at..at + 10)?;
        let (length, data) = (usize::from(short(at + 8)?), at + 10);
        if record.starts_with(&A_IN) {
            let address: [u8; 4] = bytes.get(data..data + length)?.try_into().ok()?;
            addresses.push(address.into());
            seconds = seconds.min(u32::from_be_bytes(record[4..8].try_into().ok()?));
        }
        at = data + length;
    }
    (!addresses.is_empty()).then_some((addresses, seconds))
}

/// Behind a name: labels, or from some label on where it stands already (section 4.1.4).
fn behind_name(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match *bytes.get(at)? {
            0 => return Some(at + 1),
            length if length & 0xC0 == 0xC0 => return Some(at + 2),
            length if usize::from(length) <= LABEL_MAX => at += 1 + usize::from(length),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{answer, question};

    /// An answer to it with these addresses, behind another name for it (CNAME).
    fn answered(addresses: &[[u8; 4]]) -> Vec<u8> {
        let mut bytes = question(7, "live.example.org").unwrap();
        bytes[2] = 0x85;
        bytes[7] = u8::try_from(addresses.len() + 1).unwrap();
        bytes.extend([0xC0, 12, 0, 5, 0, 1, 0, 0, 0, 1, 0, 4, 1, b'x', 0xC0, 17]);
        for (index, address) in addresses.iter().enumerate() {
            let seconds = u8::try_from(30 - index).unwrap();
            bytes.extend([0xC0, 45, 0, 1, 0, 1, 0, 0, 0, seconds, 0, 4]);
            bytes.extend(address);
        }
        bytes
    }

    #[test]
    fn a_question_is_as_the_rfc_has_it() {
        let asked = question(0x1234, "a.bc").unwrap();
        let expected =
            b"\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x01a\x02bc\x00\x00\x01\x00\x01";
        assert_eq!(asked, expected);
        assert_eq!(question(1, "a..b"), None);
        assert_eq!(question(1, &"a".repeat(64)), None);
        assert_eq!(question(1, &"a.".repeat(130)), None);
    }

    #[test]
    fn addresses_are_read_and_how_long_they_are_good() {
        let bytes = answered(&[[192, 0, 2, 1], [192, 0, 2, 2]]);
        let (addresses, seconds) = answer(7, &bytes).unwrap();
        assert_eq!(
            addresses.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["192.0.2.1", "192.0.2.2"]
        );
        assert_eq!(seconds, 29);
        assert_eq!(answer(8, &bytes), None);
        assert_eq!(answer(7, &answered(&[])), None);
        let mut refused = bytes.clone();
        refused[3] |= 3;
        assert_eq!(answer(7, &refused), None);
        // Cut off anywhere, it is none.
        for length in 0..bytes.len() {
            assert_eq!(answer(7, &bytes[..length]), None, "{length}");
        }
    }
}
