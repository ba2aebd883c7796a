//! Planes of luma and chroma in one of the two samplings that RTP can carry (4:2:2, 4:2:0), made
//! from planes in any sampling. Luma is never changed, chroma as little as the sampling requires.

use turbojpeg::{Subsamp, YuvPlanesImage};

/// Neutral chroma.
const NEUTRAL: u8 = 128;

/// The planes; their memory is reused for the next picture.
#[derive(Debug)]
pub struct Planes {
    width: usize,
    height: usize,
    sampling: Subsamp,
    luma: Vec<u8>,
    blue: Vec<u8>,
    red: Vec<u8>,
    /// A row of chroma before it is sampled otherwise.
    row: Vec<u8>,
}

/// Samples in rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rows<'a> {
    /// Begins with the first sample of the first row.
    pub(crate) bytes: &'a [u8],
    /// Bytes from one row to the next.
    pub(crate) stride: usize,
    /// Bytes from one sample to the next in a row: 1, 2 or 4.
    pub(crate) step: usize,
}

impl<'a> Rows<'a> {
    /// Rows of adjacent samples.
    pub(crate) const fn plain(bytes: &'a [u8], stride: usize) -> Self {
        Self { bytes, stride, step: 1 }
    }

    /// Appends at most so many samples of row `y`; none beyond the end.
    fn append(self, y: usize, samples: usize, out: &mut Vec<u8>) {
        let row = self.bytes.get(y.saturating_mul(self.stride)..).unwrap_or_default();
        match self.step {
            1 => out.extend_from_slice(&row[..samples.min(row.len())]),
            2 => every::<2>(row, samples, out),
            _ => every::<4>(row, samples, out),
        }
    }
}

/// Appends at most so many samples, each `STEP` bytes after the other: a constant, so that the compiler makes
/// vector instructions of it.
fn every<const STEP: usize>(row: &[u8], samples: usize, out: &mut Vec<u8>) {
    let whole = row.chunks_exact(STEP);
    // Of the last sample there may be its own byte alone.
    let last = whole.remainder().first().filter(|_| whole.len() < samples);
    out.extend(whole.take(samples).map(|chunk| chunk[0]));
    out.extend(last);
}

impl Default for Planes {
    fn default() -> Self {
        let [luma, blue, red, row] = [const { Vec::new() }; 4];
        Self { width: 0, height: 0, sampling: Subsamp::Sub2x2, luma, blue, red, row }
    }
}

impl Planes {
    /// Fills the planes with a picture of `size` pixels. `chromas` come with the factors by which
    /// luma is sampled more often: 1, 2 or 4 across, 1 or 2 down. Without chromas the picture is
    /// grey.
    pub(crate) fn fill(
        &mut self,
        size: (usize, usize),
        luma: Rows<'_>,
        chromas: Option<([Rows<'_>; 2], (usize, usize))>,
    ) {
        let (width, height) = size;
        let down = chromas.map_or(2, |(_, (_, down))| down);
        self.sampling = if down == 1 { Subsamp::Sub2x1 } else { Subsamp::Sub2x2 };
        (self.width, self.height) = (width, height);
        let (columns, rows) = (width.div_ceil(2), height.div_ceil(down));
        self.luma.clear();
        for y in 0..rows * down {
            let end = self.luma.len() + columns * 2;
            luma.append(y.min(height - 1), width, &mut self.luma);
            pad(&mut self.luma, end);
        }
        for (out, index) in [(&mut self.blue, 0), (&mut self.red, 1)] {
            out.clear();
            let Some((chromas, (across, _))) = &chromas else {
                out.resize(columns * rows, NEUTRAL);
                continue;
            };
            for y in 0..rows {
                let end = out.len() + columns;
                let samples = width.div_ceil(*across);
                if *across == 2 {
                    chromas[index].append(y, samples, out);
                } else {
                    self.row.clear();
                    chromas[index].append(y, samples, &mut self.row);
                    halve(&self.row, *across, out);
                }
                pad(out, end);
            }
        }
    }

    /// Maps each sample of luma and of chroma through a table.
    pub(crate) fn map(&mut self, luma: &[u8; 256], chroma: &[u8; 256]) {
        self.luma.iter_mut().for_each(|sample| *sample = luma[usize::from(*sample)]);
        for plane in [&mut self.blue, &mut self.red] {
            plane.iter_mut().for_each(|sample| *sample = chroma[usize::from(*sample)]);
        }
    }

    /// The planes as the encoder takes them.
    #[must_use]
    pub fn image(&self) -> YuvPlanesImage<&[u8]> {
        let columns = self.width.div_ceil(2);
        YuvPlanesImage {
            y_plane: &self.luma,
            u_plane: &self.blue,
            v_plane: &self.red,
            width: self.width,
            height: self.height,
            y_stride: columns * 2,
            u_stride: columns,
            v_stride: columns,
            subsamp: self.sampling,
        }
    }
}

/// Appends a row of chroma sampled once per `across` pixels, 1 or 4, as one sampled once per two.
fn halve(row: &[u8], across: usize, out: &mut Vec<u8>) {
    if across == 1 {
        let pairs = row.chunks_exact(2);
        let last = pairs.remainder().first();
        out.extend(pairs.map(|pair| pair[0].midpoint(pair[1])));
        out.extend(last);
    } else {
        out.extend(row.iter().flat_map(|sample| [*sample; 2]));
    }
}

/// Pads a row to `end` with its last sample.
fn pad(out: &mut Vec<u8>, end: usize) {
    let last = out.last().copied().unwrap_or(NEUTRAL);
    out.resize(end, last);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(
        size: (usize, usize),
        chroma: Option<(&[u8], usize, (usize, usize))>,
    ) -> (Vec<u8>, Vec<u8>, Subsamp) {
        let mut planes = Planes::default();
        let luma: Vec<u8> = (0..=255).collect();
        let chroma = chroma.map(|(bytes, stride, factors)| {
            // Red is what blue is, one sample on.
            ([Rows::plain(bytes, stride), Rows::plain(&bytes[1..], stride)], factors)
        });
        planes.fill(size, Rows::plain(&luma, 16), chroma);
        assert_eq!(planes.red.len(), planes.blue.len());
        assert!(chroma.is_none() || planes.blue.len() < 2 || planes.blue != planes.red);
        (planes.luma, planes.blue, planes.sampling)
    }

    #[test]
    fn chroma_is_sampled_once_for_two_pixels_and_luma_is_as_it_was() {
        let full: Vec<u8> = (0..64).map(|at| at * 2).collect();
        let (luma, blue, sampling) = filled((4, 2), Some((&full, 8, (1, 1))));
        assert_eq!((&luma[..], sampling), (&[0, 1, 2, 3, 16, 17, 18, 19][..], Subsamp::Sub2x1));
        assert_eq!(blue, [1, 5, 17, 21]);
        let (_, blue, sampling) = filled((4, 4), Some((&full, 8, (1, 2))));
        assert_eq!((&blue[..], sampling), (&[1, 5, 17, 21][..], Subsamp::Sub2x2));
        let (_, blue, _) = filled((8, 1), Some((&full, 8, (4, 1))));
        assert_eq!(blue, [0, 0, 2, 2]);
        let (_, blue, _) = filled((4, 1), Some((&full, 8, (2, 1))));
        assert_eq!(blue, [0, 2]);
        assert_eq!(filled((2, 1), None).1, [NEUTRAL]);
    }

    #[test]
    fn edges_of_odd_sizes_are_repeated() {
        let full: Vec<u8> = (0..64).collect();
        let (luma, blue, _) = filled((3, 3), Some((&full, 8, (2, 2))));
        assert_eq!(luma, [0, 1, 2, 2, 16, 17, 18, 18, 32, 33, 34, 34, 32, 33, 34, 34]);
        assert_eq!(blue, [0, 1, 8, 9]);
    }

    #[test]
    fn rows_that_are_too_short_are_made_up() {
        let (luma, blue, _) = filled((4, 40), Some((&[7], 8, (2, 1))));
        assert_eq!((luma.len(), blue.len()), (160, 80));
    }
}
