//! The microphone: a terminal and one isochronous stream of 16-bit PCM at one rate. Section numbers
//! are UAC's; 2.2.5 with an F is of its document on formats.

use super::standard::{
    CS_ENDPOINT, CS_INTERFACE, ENDPOINT, ISOCHRONOUS_ASYNCHRONOUS, address, association,
    descriptor, interface, with_total,
};
use crate::model::AUDIO_ENDPOINT;
use crate::options::Channels;
use crate::sound::Sound;

/// bInterfaceClass and bInterfaceSubClass (A.1, A.2).
const AUDIO_CONTROL: [u8; 2] = [1, 1];
const AUDIO_STREAMING: [u8; 2] = [1, 2];

/// bDescriptorSubtype of control interfaces (A.5), of streaming interfaces (A.6), of endpoints
/// (A.8).
const HEADER: u8 = 1;
const INPUT_TERMINAL: u8 = 2;
const OUTPUT_TERMINAL: u8 = 3;
const AS_GENERAL: u8 = 1;
const FORMAT_TYPE: u8 = 2;
const EP_GENERAL: u8 = 1;

/// wTerminalType (USB Device Class Definition for Terminal Types 2.1, 2.2).
const MICROPHONE: u16 = 0x0201;
const USB_STREAMING: u16 = 0x0101;

/// Terminals of the microphone.
const CAPSULE: u8 = 1;
const STREAM: u8 = 2;

/// A field that this microphone has no use for.
const NONE: u8 = 0;

/// All of the microphone, from its interface association on.
pub(super) fn function(sound: &Sound, first: u8) -> Vec<u8> {
    let streaming = first + 1;
    [
        association(first, AUDIO_STREAMING, NONE),
        interface(first, 0, 0, AUDIO_CONTROL, NONE),
        control(sound, streaming),
        interface(streaming, 0, 0, AUDIO_STREAMING, NONE),
        interface(streaming, 1, 1, AUDIO_STREAMING, NONE),
        stream(sound),
        endpoint(sound),
    ]
    .concat()
}

/// 4.3.2: header, input terminal, output terminal.
fn control(sound: &Sound, streaming: u8) -> Vec<u8> {
    const UAC_1_0: [u8; 2] = [0, 1];
    const TOTAL: [u8; 2] = [0; 2];
    // wChannelConfig: left front and right front; a single channel is nowhere in particular.
    let places: u16 = match sound.channels {
        Channels::Mono => 0,
        Channels::Stereo => 0b11,
    };
    let header = descriptor(CS_INTERFACE, &[&[HEADER], &UAC_1_0, &TOTAL, &[1, streaming]]);
    let input = descriptor(
        CS_INTERFACE,
        &[
            &[INPUT_TERMINAL, CAPSULE],
            &MICROPHONE.to_le_bytes(),
            &[NONE, sound.channels.count()],
            &places.to_le_bytes(),
            &[NONE, NONE],
        ],
    );
    let [low, high] = USB_STREAMING.to_le_bytes();
    let output = [OUTPUT_TERMINAL, STREAM, low, high, NONE, CAPSULE, NONE];
    with_total(header, 5, &[input, descriptor(CS_INTERFACE, &[&output])])
}

/// 4.5.2 and F 2.2.5: general, and type I with one rate.
fn stream(sound: &Sound) -> Vec<u8> {
    /// Frames of a millisecond between a sample and its packet.
    const DELAY: u8 = 1;
    const PCM: [u8; 2] = [1, 0];
    const FORMAT_TYPE_I: u8 = 1;
    const BYTES: u8 = 2;
    const BITS: u8 = 16;
    const RATES: u8 = 1;
    let [low, middle, high, _] = sound.rate.to_le_bytes();
    let kind = [FORMAT_TYPE, FORMAT_TYPE_I, sound.channels.count(), BYTES, BITS, RATES];
    [
        descriptor(CS_INTERFACE, &[&[AS_GENERAL, STREAM, DELAY], &PCM]),
        descriptor(CS_INTERFACE, &[&kind, &[low, middle, high]]),
    ]
    .concat()
}

/// 4.6.1: a packet every millisecond, and its class-specific part.
fn endpoint(sound: &Sound) -> Vec<u8> {
    /// 2 to the power of 3 microframes (USB 2.0 table 9-13).
    const EVERY_MILLISECOND: u8 = 4;
    let [low, high] = packet_max(sound).to_le_bytes();
    let fields = [
        address(AUDIO_ENDPOINT),
        ISOCHRONOUS_ASYNCHRONOUS,
        low,
        high,
        EVERY_MILLISECOND,
        NONE,
        NONE,
    ];
    [
        descriptor(ENDPOINT, &[&fields]),
        descriptor(CS_ENDPOINT, &[&[EP_GENERAL, NONE, NONE, NONE, NONE]]),
    ]
    .concat()
}

/// wMaxPacketSize: the samples of a millisecond, and room for a clock that is one percent fast,
/// which the options do not let it exceed.
fn packet_max(sound: &Sound) -> u16 {
    let frames = sound.rate / 1000 + sound.rate / 100_000 + 2;
    // 96 kHz in stereo: 400 bytes.
    (frames as usize * sound.frame_len()).try_into().unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::microphone;

    #[test]
    fn a_packet_holds_a_millisecond_of_a_fast_clock() {
        for (rate, channels, least) in [("48000", "stereo", 4 * 49), ("8000", "mono", 2 * 9)] {
            let model = microphone(&["--microphone", channels, "--microphone-rate", rate]);
            assert!(packet_max(&model.sound.unwrap()) >= least);
        }
    }

    #[test]
    fn the_rate_has_three_bytes() {
        let model = microphone(&["--microphone", "stereo", "--microphone-rate", "96000"]);
        let bytes = stream(&model.sound.unwrap());
        assert_eq!(bytes[7..], [11, CS_INTERFACE, 2, 1, 2, 2, 16, 1, 0x00, 0x77, 0x01]);
    }
}
