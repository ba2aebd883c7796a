//! The camera: a sensor, a processing unit with brightness and contrast, and one isochronous
//! stream. Section numbers are UVC's; those with a letter are of its payload documents, U for
//! uncompressed, M for Motion-JPEG.

use super::standard::{
    CS_INTERFACE, ENDPOINT, ISOCHRONOUS_ASYNCHRONOUS, NAME, address, association, descriptor,
    interface, with_total,
};
use crate::clip::Clip;
use crate::model::{Model, VIDEO_ENDPOINT};

/// Bytes of a packet at most: three transactions of 1024 in a microframe, the most that USB 2.0
/// allows (table 9-13).
pub(crate) const PACKET_MAX: u32 = 3 * 1024;

/// wMaxPacketSize of that.
const THREE_OF_1024: u16 = 2 << 11 | 1024;

/// bInterfaceClass and bInterfaceSubClass (A.1, A.2).
const VIDEO_CONTROL: [u8; 2] = [0x0E, 1];
const VIDEO_STREAMING: [u8; 2] = [0x0E, 2];
const COLLECTION: [u8; 2] = [0x0E, 3];

/// bDescriptorSubtype of control interfaces (A.5).
const VC_HEADER: u8 = 1;
const VC_INPUT_TERMINAL: u8 = 2;
const VC_OUTPUT_TERMINAL: u8 = 3;
const VC_PROCESSING_UNIT: u8 = 5;

/// bDescriptorSubtype of streaming interfaces (A.6).
const VS_INPUT_HEADER: u8 = 1;
const VS_FORMAT_UNCOMPRESSED: u8 = 4;
const VS_FRAME_UNCOMPRESSED: u8 = 5;
const VS_FORMAT_MJPEG: u8 = 6;
const VS_FRAME_MJPEG: u8 = 7;
const VS_COLORFORMAT: u8 = 0x0D;

/// wTerminalType (B.1, B.2).
const ITT_CAMERA: u16 = 0x0201;
const TT_STREAMING: u16 = 0x0101;

/// Units and terminals of the camera.
const SENSOR: u8 = 1;
pub(crate) const PROCESSING: u8 = 2;
const STREAM: u8 = 3;

/// bmControls of the processing unit: brightness and contrast.
const CONTROLS: u16 = 0b11;

/// guidFormat of YUY2 (U 3.1.1).
const YUY2: [u8; 16] =
    [b'Y', b'U', b'Y', b'2', 0, 0, 0x10, 0, 0x80, 0, 0, 0xAA, 0, 0x38, 0x9B, 0x71];

/// A field that this camera has no use for.
const NONE: u8 = 0;

/// All of the camera, from its interface association on.
pub(super) fn function(model: &Model, first: u8) -> Vec<u8> {
    let streaming = first + 1;
    [
        association(first, COLLECTION, NAME),
        interface(first, 0, 0, VIDEO_CONTROL, NAME),
        control(streaming),
        interface(streaming, 0, 0, VIDEO_STREAMING, NONE),
        stream(model),
        interface(streaming, 1, 1, VIDEO_STREAMING, NONE),
        endpoint(),
    ]
    .concat()
}

/// 3.7.2: header, camera terminal, processing unit, output terminal.
fn control(streaming: u8) -> Vec<u8> {
    const UVC_1_0: u16 = 0x0100;
    /// Hertz, of time stamps in payload headers, which this camera leaves out.
    const CLOCK: u32 = 6_000_000;
    const TOTAL: [u8; 2] = [0; 2];
    const FOCAL_LENGTHS: [u8; 6] = [0; 6];
    const CAMERA_CONTROLS: [u8; 3] = [0; 3];
    let header = descriptor(
        CS_INTERFACE,
        &[&[VC_HEADER], &UVC_1_0.to_le_bytes(), &TOTAL, &CLOCK.to_le_bytes(), &[1, streaming]],
    );
    let camera = descriptor(
        CS_INTERFACE,
        &[
            &[VC_INPUT_TERMINAL, SENSOR],
            &ITT_CAMERA.to_le_bytes(),
            &[NONE, NONE],
            &FOCAL_LENGTHS,
            &[3],
            &CAMERA_CONTROLS,
        ],
    );
    let [low, high] = CONTROLS.to_le_bytes();
    let processing = [VC_PROCESSING_UNIT, PROCESSING, SENSOR, NONE, NONE, 2, low, high, NONE];
    let [low, high] = TT_STREAMING.to_le_bytes();
    let output = [VC_OUTPUT_TERMINAL, STREAM, low, high, NONE, PROCESSING, NONE];
    let units =
        [camera, descriptor(CS_INTERFACE, &[&processing]), descriptor(CS_INTERFACE, &[&output])];
    with_total(header, 5, &units)
}

/// 3.9.2: input header, then a format and its frames, one after the other.
fn stream(model: &Model) -> Vec<u8> {
    const TOTAL: [u8; 2] = [0; 2];
    const NO_STILLS: [u8; 3] = [0; 3];
    /// Bytes of bmaControls for each format.
    const CONTROL_SIZE: u8 = 1;
    let count = index(model.formats.len());
    let header = descriptor(
        CS_INTERFACE,
        &[
            &[VS_INPUT_HEADER, count],
            &TOTAL,
            &[address(VIDEO_ENDPOINT), NONE, STREAM],
            &NO_STILLS,
            &[CONTROL_SIZE],
            &vec![NONE; model.formats.len()],
        ],
    );
    let formats = model.formats.iter().zip(1..);
    let formats: Vec<_> = formats.map(|(clips, index)| format(model, clips, index)).collect();
    with_total(header, 4, &formats)
}

/// A format descriptor, its frame descriptors, its colours.
fn format(model: &Model, clips: &[Clip], number: u8) -> Vec<u8> {
    const DEFAULT_FRAME: u8 = 1;
    /// bAspectRatioX, bAspectRatioY, bmInterlaceFlags, bCopyProtect.
    const PROGRESSIVE: [u8; 4] = [0; 4];
    let jpeg = clips.first().is_some_and(Clip::is_jpeg);
    let count = index(clips.len());
    let mut all = if jpeg {
        const SIZE_VARIES: u8 = 0;
        let fields = [VS_FORMAT_MJPEG, number, count, SIZE_VARIES, DEFAULT_FRAME];
        descriptor(CS_INTERFACE, &[&fields, &PROGRESSIVE])
    } else {
        const BITS_PER_PIXEL: u8 = 16;
        let fields = [VS_FORMAT_UNCOMPRESSED, number, count];
        descriptor(CS_INTERFACE, &[&fields, &YUY2, &[BITS_PER_PIXEL, DEFAULT_FRAME], &PROGRESSIVE])
    };
    for (clip, number) in clips.iter().zip(1..) {
        all.extend(frame(model, clip, number));
    }
    all.extend(colours());
    all
}

/// M 3.1.2, U 3.1.2: the same fields.
fn frame(model: &Model, clip: &Clip, number: u8) -> Vec<u8> {
    const NO_STILLS: u8 = 0;
    let subtype = if clip.is_jpeg() { VS_FRAME_MJPEG } else { VS_FRAME_UNCOMPRESSED };
    let size = frame_max(clip);
    let slowest = model.intervals.last().copied().unwrap_or(model.default_interval);
    let fastest = model.intervals.first().copied().unwrap_or(model.default_interval);
    let intervals: Vec<u8> = model.intervals.iter().copied().flat_map(u32::to_le_bytes).collect();
    descriptor(
        CS_INTERFACE,
        &[
            &[subtype, number, NO_STILLS],
            &clip.size.width.to_le_bytes(),
            &clip.size.height.to_le_bytes(),
            &bit_rate(size, slowest).to_le_bytes(),
            &bit_rate(size, fastest).to_le_bytes(),
            &size.to_le_bytes(),
            &model.default_interval.to_le_bytes(),
            &[index(model.intervals.len())],
            &intervals,
        ],
    )
}

/// dwMaxVideoFrameBufferSize of a clip.
pub(crate) fn frame_max(clip: &Clip) -> u32 {
    clip.frame_max().try_into().unwrap_or(u32::MAX)
}

/// Bits a second of frames of `size` bytes every `interval` units of 100 ns.
fn bit_rate(size: u32, interval: u32) -> u32 {
    let bits = u64::from(size) * 8 * 10_000_000 / u64::from(interval);
    bits.try_into().unwrap_or(u32::MAX)
}

/// 3.9.2.6: BT.709 primaries and transfer, BT.601 matrix, as JPEG has it.
fn colours() -> Vec<u8> {
    descriptor(CS_INTERFACE, &[&[VS_COLORFORMAT, 1, 1, 4]])
}

/// 3.10.1.1: a packet every microframe.
fn endpoint() -> Vec<u8> {
    const EVERY_MICROFRAME: u8 = 1;
    let [low, high] = THREE_OF_1024.to_le_bytes();
    let fields = [address(VIDEO_ENDPOINT), ISOCHRONOUS_ASYNCHRONOUS, low, high, EVERY_MICROFRAME];
    descriptor(ENDPOINT, &[&fields])
}

/// A count of formats, frames or intervals, of which there are 16 at most.
fn index(count: usize) -> u8 {
    count.try_into().unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::model;

    #[test]
    fn frames_list_their_intervals_from_the_shortest() {
        let model = model(&[]);
        let bytes = frame(&model, &model.formats[0][1], 2);
        assert_eq!(bytes.len(), 26 + 3 * 4);
        assert_eq!(bytes[..9], [38, CS_INTERFACE, VS_FRAME_UNCOMPRESSED, 2, 0, 32, 0, 16, 0]);
        assert_eq!(bytes[21..26], [0x2A, 0x2C, 0x0A, 0, 3], "15 a second, three rates");
        assert_eq!(bytes[26..30], 333_333u32.to_le_bytes());
        assert_eq!(bytes[34..], 2_000_000u32.to_le_bytes());
    }

    #[test]
    fn the_packet_size_is_what_the_endpoint_says() {
        let size = u32::from(THREE_OF_1024);
        assert_eq!((size & 0x7FF) * ((size >> 11 & 3) + 1), PACKET_MAX);
    }
}
