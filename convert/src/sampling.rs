//! How many samples a picture has, as libjpeg-turbo decodes it to planes.

use turbojpeg::{DecompressHeader, Subsamp};

/// By how much luma is sampled more often than chroma, across and down.
#[must_use]
pub fn factors(subsamp: Subsamp) -> (usize, usize) {
    if subsamp == Subsamp::Gray { (1, 1) } else { subsamp.size() }
}

/// Samples of luma, and of each chroma, as the decoder writes them.
#[must_use]
pub fn sample_counts(header: &DecompressHeader) -> (usize, usize) {
    let &DecompressHeader { width, height, subsamp, .. } = header;
    let (across, down) = factors(subsamp);
    let (columns, rows) = (width.div_ceil(across), height.div_ceil(down));
    let chroma = if subsamp == Subsamp::Gray { 0 } else { columns * rows };
    (columns * across * rows * down, chroma)
}
