//! Decoding of a frame while its packets come. All of a frame comes again when it is complete: whatever is odd
//! here ends with the frame being decoded as a whole, which has the last word.

use streamsocket_decode::{DecodedPicture, PartDecoder};
use streamsocket_subscribe::outlet::FrameId;
use streamsocket_subscribe::queue::QueuedGrowth;

/// After so many frames in a row that had to be decoded as a whole in spite of it...
const UNFIT_MAX: u32 = 4;

/// ... so many are not tried: the camera makes such pictures.
const PAUSE: u32 = 1000;

/// The frame that is being decoded while it comes.
pub(super) struct Early {
    decoder: PartDecoder,
    id: Option<FrameId>,
    unfit: u32,
    pause: u32,
}

impl Early {
    pub(super) const fn new(decoder: PartDecoder) -> Self {
        Self { decoder, id: None, unfit: 0, pause: 0 }
    }

    /// Takes the next bytes of a frame. The first one is decoded into memory that `picture` gives.
    pub(super) fn take(&mut self, growth: &QueuedGrowth, picture: impl FnOnce() -> DecodedPicture) {
        if growth.offset == 0 {
            self.id = (self.pause == 0).then_some(growth.id);
            if self.id.is_some() {
                // The frame before may not have become complete.
                let begun = self.decoder.is_begun().then(|| self.decoder.finish());
                self.decoder.begin(begun.map_or_else(picture, memory));
            }
        }
        if self.id != Some(growth.id) || self.decoder.len() != growth.offset {
            self.id = None;
            return;
        }
        if !self.decoder.push(&growth.bytes) {
            self.note_unfit();
        }
    }

    fn note_unfit(&mut self) {
        self.id = None;
        self.unfit += 1;
        if self.unfit >= UNFIT_MAX {
            (self.unfit, self.pause) = (0, PAUSE);
        }
    }

    /// Decodes the rest of a frame. `None` if it is to be decoded as a whole.
    pub(super) fn finish(&mut self, id: FrameId, file: &[u8]) -> Option<DecodedPicture> {
        self.pause = self.pause.saturating_sub(1);
        if self.id.take() != Some(id) {
            return None;
        }
        let rest = file.get(self.decoder.len()..)?;
        self.decoder.push(rest);
        match self.decoder.finish() {
            Ok(picture) => {
                self.unfit = 0;
                Some(picture)
            }
            Err(picture) => {
                self.decoder.begin(picture);
                self.note_unfit();
                None
            }
        }
    }
}

/// The memory of a picture, whatever became of it.
fn memory(finished: Result<DecodedPicture, DecodedPicture>) -> DecodedPicture {
    match finished {
        Ok(picture) | Err(picture) => picture,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_decode::Decoder;
    use streamsocket_media::clock::Monotonic;
    use streamsocket_subscribe::memory::Budget;
    use streamsocket_wire::rtp::ExtendedTime;
    use turbojpeg::{Image, PixelFormat, Subsamp};

    fn file(seed: usize) -> Vec<u8> {
        let byte = |at: usize| u8::try_from(at * seed % 251).unwrap();
        let pixels: Vec<u8> = (0..64 * 48 * 3).map(byte).collect();
        let format = PixelFormat::RGB;
        let image = Image { pixels: &pixels[..], width: 64, pitch: 64 * 3, height: 48, format };
        turbojpeg::compress(image, 90, Subsamp::Sub2x2).unwrap().to_vec()
    }

    fn id(time: i64) -> FrameId {
        FrameId { source: 1, time: ExtendedTime(time) }
    }

    fn early() -> Early {
        Early::new(PartDecoder::new().unwrap())
    }

    /// Takes the bytes of a file from `offset` up to `end`.
    fn take(early: &mut Early, id: FrameId, file: &[u8], (offset, end): (usize, usize)) {
        let claim = Budget::new(1).claim(1).unwrap();
        let bytes = file[offset..end].to_vec();
        let growth = QueuedGrowth { id, due: Monotonic(0), offset, bytes, claim };
        early.take(&growth, DecodedPicture::new);
    }

    fn whole(file: &[u8]) -> Vec<u8> {
        let mut picture = DecodedPicture::new();
        Decoder::new().unwrap().decode(file, &mut picture).unwrap();
        samples(&picture)
    }

    fn samples(picture: &DecodedPicture) -> Vec<u8> {
        picture.planes().map(|plane| plane.data.to_vec()).concat()
    }

    #[test]
    fn what_has_come_of_a_frame_is_decoded_before_the_rest() {
        let (mut early, one, other) = (early(), file(7), file(13));
        take(&mut early, id(1), &one, (0, 700));
        // It never became complete, and its memory is that of the next.
        take(&mut early, id(2), &other, (0, 800));
        take(&mut early, id(2), &other, (800, 900));
        let picture = early.finish(id(2), &other).unwrap();
        assert_eq!(samples(&picture), whole(&other));
        take(&mut early, id(3), &one, (0, one.len()));
        assert_eq!(samples(&early.finish(id(3), &one).unwrap()), whole(&one));
    }

    #[test]
    fn a_frame_of_which_not_all_came_in_order_is_left_to_others() {
        let (mut early, file) = (early(), file(7));
        assert!(early.finish(id(1), &file).is_none(), "nothing of it came");
        take(&mut early, id(1), &file, (0, 700));
        assert!(early.finish(id(2), &file).is_none(), "it is another one");
        take(&mut early, id(3), &file, (0, 700));
        take(&mut early, id(3), &file, (800, 900));
        assert!(early.finish(id(3), &file).is_none(), "there was no room for a part of it");
        take(&mut early, id(4), &file, (700, 900));
        assert!(early.finish(id(4), &file).is_none(), "there was no room for its beginning");
        take(&mut early, id(5), &file, (0, 700));
        assert!(early.finish(id(5), &file).is_some());
    }

    #[test]
    fn pictures_that_are_never_fit_are_not_tried_for_a_while() {
        let (mut early, file) = (early(), file(7));
        let damaged = [&file[..700], &[0xFF, 0xD8, 0xFF], &file[700..]].concat();
        let mut time = 0;
        let mut tried = |early: &mut Early, file: &[u8]| {
            time += 1;
            take(early, id(time), file, (0, 710));
            let is_tried = early.id.is_some() || early.unfit > 0 || early.pause == PAUSE;
            (is_tried, early.finish(id(time), file).is_some())
        };
        for _ in 0..UNFIT_MAX {
            assert_eq!(tried(&mut early, &damaged), (true, false));
        }
        for left in (0..PAUSE - 1).rev() {
            assert_eq!(tried(&mut early, &file), (false, false), "{left} to go");
        }
        assert_eq!(tried(&mut early, &file), (true, true));
    }
}
