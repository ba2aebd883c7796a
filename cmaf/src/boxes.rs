//! Boxes of the ISO base media file format (ISO/IEC 14496-12 section 4.2), written into a buffer.

/// Writes a box: its size, its type, and what `content` writes.
pub(crate) fn boxed(out: &mut Vec<u8>, kind: [u8; 4], content: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&kind);
    content(out);
    // Whoever calls it bounds what is in a box: nothing here comes near 4 GiB.
    let size = u32::try_from(out.len() - start).unwrap_or(u32::MAX);
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// Writes a full box: a box with a version and 24 bits of flags.
pub(crate) fn full(
    out: &mut Vec<u8>,
    kind: [u8; 4],
    version: u8,
    flags: u32,
    content: impl FnOnce(&mut Vec<u8>),
) {
    boxed(out, kind, |out| {
        word(out, u32::from(version) << 24 | flags);
        content(out);
    });
}

/// Writes 16 bits.
pub(crate) fn half(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Writes 32 bits.
pub(crate) fn word(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Writes words of 32 bits.
pub(crate) fn words(out: &mut Vec<u8>, values: &[u32]) {
    for value in values {
        word(out, *value);
    }
}
