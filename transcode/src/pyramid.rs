//! One picture at the scales of all tiers, decoded once.

use crate::error::Error;
use crate::jpeg::{Decoded, Decoder};
use crate::plan::Scale;

/// A JPEG decoded at the largest of some scales. Those that are half of another one, and half of that, are made of
/// it, each pixel the mean of four: to look through the coded data again costs several times as much. Others are
/// decoded by themselves.
///
/// Made for one size and used for picture after picture; its memory stays.
#[derive(Debug)]
pub struct Pyramid {
    /// Those that are decoded, with the pictures that are made of each, larger ones first.
    decoded: Vec<(Scale, Decoder, Vec<Halved>)>,
}

/// A picture that is made of one twice as wide and high.
#[derive(Debug)]
struct Halved {
    scale: Scale,
    size: (usize, usize),
    /// Y, Cb, Cr without gaps.
    samples: Vec<u8>,
}

impl Pyramid {
    /// For JPEGs of `size`, width and height in pixels, and these scales.
    ///
    /// # Errors
    /// [`Error::Start`] if libjpeg-turbo refuses: no memory.
    pub fn new(
        size: (usize, usize),
        scales: impl IntoIterator<Item = Scale>,
    ) -> Result<Self, Error> {
        let mut wanted: Vec<Scale> = scales.into_iter().collect();
        wanted.sort_unstable();
        let mut decoded: Vec<(Scale, Decoder, Vec<Halved>)> = Vec::new();
        for scale in wanted.into_iter().rev() {
            let is_made = |(top, _, made): &(Scale, Decoder, Vec<Halved>)| {
                *top == scale || made.iter().any(|halved| halved.scale == scale)
            };
            if decoded.iter().any(is_made) {
                continue;
            }
            let of = decoded.iter_mut().find_map(|(top, _, made)| {
                let steps = steps(*top, scale)?;
                Some((*top, steps, made))
            });
            match of {
                Some((top, steps, made)) => {
                    let missing = (made.len() + 1..=steps).filter_map(|step| {
                        let scale = Scale::eighths(top.numerator() >> step)?;
                        Some(Halved { scale, size: scale.size(size), samples: Vec::new() })
                    });
                    let missing: Vec<Halved> = missing.collect();
                    made.extend(missing);
                }
                None => decoded.push((scale, Decoder::new(size, scale)?, Vec::new())),
            }
        }
        Ok(Self { decoded })
    }

    /// Decodes a picture in place of the one before.
    ///
    /// # Errors
    /// [`Error::Jpeg`] if it is damaged or cannot be decoded, [`Error::SizeChanged`]. What is here is of no use then.
    pub fn decode(&mut self, jpeg: &[u8]) -> Result<(), Error> {
        for (_, decoder, made) in &mut self.decoded {
            let top = decoder.decode(jpeg)?;
            let mut larger: Option<&mut Halved> = None;
            for halved in made {
                let source = larger.as_deref().map_or(top, Halved::decoded);
                halved.fill(&source);
                larger = Some(halved);
            }
        }
        Ok(())
    }

    /// What was decoded, at a scale that was asked for.
    pub(crate) fn at(&self, scale: Scale) -> Option<Decoded<'_>> {
        self.decoded.iter().find_map(|(top, decoder, made)| {
            if *top == scale {
                return decoder.last();
            }
            let found = made.iter().find(|halved| halved.scale == scale)?;
            (!found.samples.is_empty()).then(|| found.decoded())
        })
    }
}

/// How often `top` is halved until it is `scale`.
fn steps(top: Scale, scale: Scale) -> Option<usize> {
    let (top, scale) = (top.numerator(), scale.numerator());
    (1..=3).find(|step| top == scale << step)
}

impl Halved {
    fn decoded(&self) -> Decoded<'_> {
        let (width, height) = self.size;
        let (luma, chroma) = self.samples.split_at(width * height);
        let (blue, red) = chroma.split_at(chroma.len() / 2);
        Decoded { planes: [luma, blue, red], strides: [width, width / 2], size: self.size }
    }

    fn fill(&mut self, source: &Decoded<'_>) {
        let (width, height) = self.size;
        self.samples.resize(width * height * 3 / 2, 0);
        let (luma, chroma) = self.samples.split_at_mut(width * height);
        let (blue, red) = chroma.split_at_mut(width / 2 * (height / 2));
        let half = (source.size.0 / 2, source.size.1 / 2);
        let sizes = [source.size, half, half];
        for (index, (out, width)) in
            [(luma, width), (blue, width / 2), (red, width / 2)].into_iter().enumerate()
        {
            halve(source.planes[index], source.strides[index.min(1)], sizes[index], out, width);
        }
    }
}

/// Writes rows of `across` means of four. An odd side is made even by its last samples.
fn halve(
    plane: &[u8],
    stride: usize,
    (width, height): (usize, usize),
    out: &mut [u8],
    across: usize,
) {
    for (y, made) in out.chunks_exact_mut(across.max(1)).enumerate() {
        let row = |y: usize| &plane[y.min(height - 1) * stride..][..width];
        let (upper, lower) = (row(2 * y), row(2 * y + 1));
        let pairs = upper.chunks_exact(2).zip(lower.chunks_exact(2));
        for (out, (a, b)) in made.iter_mut().zip(pairs) {
            *out = mean([a[0], a[1], b[0], b[1]]);
        }
        let (a, b) = (upper[width - 1], lower[width - 1]);
        made.iter_mut().skip(width / 2).for_each(|out| *out = mean([a, a, b, b]));
    }
}

fn mean(four: [u8; 4]) -> u8 {
    let sum: u16 = four.into_iter().map(u16::from).sum();
    #[expect(clippy::cast_possible_truncation, reason = "a mean of bytes is one")]
    let mean = ((sum + 2) / 4) as u8;
    mean
}

#[cfg(test)]
mod tests;
