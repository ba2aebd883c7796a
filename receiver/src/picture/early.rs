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
    pub(super) fn take(
        &mut self,
        growth: &QueuedGrowth,
        picture: impl FnOnce() -> DecodedPicture,
    ) {
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
