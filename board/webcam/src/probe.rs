//! Which picture the host gets: negotiated by probe and commit (UVC section 4.3.1.1). The host
//! proposes a format, a frame and an interval; the answer is the nearest that there is.

use crate::clip::Clip;
use crate::descriptors::{PACKET_MAX, frame_max};
use crate::model::Model;

/// Bytes of the control in UVC 1.0 (table 4-47). Later versions append to it.
pub(crate) const LEN: usize = 26;

/// The same as GET_LEN says it.
pub(crate) const LEN_BYTES: [u8; 2] = [26, 0];

/// What is, or may be, agreed upon. It always exists in the model that it was made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Probe {
    /// bmHint, handed back as it came.
    hint: u16,
    /// bFormatIndex, from 1 on.
    format: u8,
    /// bFrameIndex, from 1 on.
    frame: u8,
    /// dwFrameInterval, units of 100 ns.
    pub interval: u32,
}

impl Probe {
    /// The first size of the first format at the default rate.
    pub(crate) const fn default(model: &Model) -> Self {
        Self { hint: 0, format: 1, frame: 1, interval: model.default_interval }
    }

    /// The proposal in `bytes`, made possible. What is missing is as in the default.
    pub(crate) fn negotiate(model: &Model, bytes: &[u8]) -> Self {
        let mut all = Self::default(model).bytes(model);
        let given = bytes.len().min(LEN);
        all[..given].copy_from_slice(&bytes[..given]);
        let hint = u16::from_le_bytes([all[0], all[1]]);
        let wanted = u32::from_le_bytes([all[4], all[5], all[6], all[7]]);
        let format = existing(all[2], model.formats.len());
        let frame = existing(all[3], clips(model, format).len());
        let nearest = model.intervals.iter().copied().min_by_key(|it| it.abs_diff(wanted));
        let interval = match wanted {
            0 => model.default_interval,
            _ => nearest.unwrap_or(model.default_interval),
        };
        Self { hint, format, frame, interval }
    }

    /// The same at another interval.
    pub(crate) const fn at(self, interval: u32) -> Self {
        Self { interval, ..self }
    }

    /// As the host reads it, with dwMaxVideoFrameSize and dwMaxPayloadTransferSize.
    pub(crate) fn bytes(self, model: &Model) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[..2].copy_from_slice(&self.hint.to_le_bytes());
        bytes[2..4].copy_from_slice(&[self.format, self.frame]);
        bytes[4..8].copy_from_slice(&self.interval.to_le_bytes());
        let size = self.clip(model).map_or(0, frame_max);
        bytes[18..22].copy_from_slice(&size.to_le_bytes());
        bytes[22..26].copy_from_slice(&PACKET_MAX.to_le_bytes());
        bytes
    }

    /// The pictures that are meant; `None` without a camera.
    pub(crate) fn clip(self, model: &Model) -> Option<&Clip> {
        clips(model, self.format).get(usize::from(self.frame) - 1)
    }
}

fn clips(model: &Model, format: u8) -> &[Clip] {
    model.formats.get(usize::from(format) - 1).map_or(&[], Vec::as_slice)
}

/// `index`, which counts from 1, if there are that many, else 1.
fn existing(index: u8, count: usize) -> u8 {
    if (1..=count).contains(&usize::from(index)) { index } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::{microphone, model};
    use crate::options::Size;

    fn proposal(format: u8, frame: u8, interval: u32) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        bytes[2..4].copy_from_slice(&[format, frame]);
        bytes[4..8].copy_from_slice(&interval.to_le_bytes());
        bytes
    }

    #[test]
    fn what_exists_is_agreed_to() {
        let model = model(&[]);
        let probe = Probe::negotiate(&model, &proposal(1, 2, 2_000_000));
        assert_eq!(probe.clip(&model).unwrap().size, Size { width: 32, height: 16 });
        assert_eq!(probe.interval, 2_000_000);
        assert_eq!(Probe::negotiate(&model, &probe.bytes(&model)), probe);
        assert_eq!(probe.bytes(&model)[18..22], (32 * 16 * 2u32).to_le_bytes());
    }

    #[test]
    fn what_does_not_exist_becomes_something_that_does() {
        let model = model(&[]);
        for (format, frame) in [(0, 0), (2, 1), (9, 9), (255, 255)] {
            let probe = Probe::negotiate(&model, &proposal(format, frame, 1));
            assert!(probe.clip(&model).is_some());
            assert_eq!(probe.interval, 333_333, "the shortest there is");
        }
        assert_eq!(Probe::negotiate(&model, &proposal(1, 1, 600_000)).interval, 666_666);
        assert_eq!(Probe::negotiate(&model, &proposal(1, 1, u32::MAX)).interval, 2_000_000);
        assert_eq!(Probe::negotiate(&model, &proposal(1, 1, 0)).interval, 666_666);
    }

    #[test]
    fn a_short_proposal_is_filled_up_with_defaults() {
        let model = model(&[]);
        assert_eq!(Probe::negotiate(&model, &[]), Probe::default(&model));
        assert_eq!(Probe::negotiate(&model, &[0; 40]), Probe::default(&model));
    }

    #[test]
    fn without_a_camera_there_is_no_clip() {
        let model = microphone(&["--microphone", "mono"]);
        assert!(Probe::negotiate(&model, &proposal(1, 1, 1)).clip(&model).is_none());
    }
}
