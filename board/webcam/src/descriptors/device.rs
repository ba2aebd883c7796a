//! The device as a whole: device, configuration and string descriptors (USB 2.0 section 9.6).

use super::standard::{
    CONFIGURATION, DEVICE, MANUFACTURER, NAME, SERIAL, STRING, descriptor, with_total,
};
use super::{audio, video};
use crate::model::Model;

/// idVendor and idProduct: those that pid.codes keeps for tests.
const VENDOR: u16 = 0x1209;
const PRODUCT: u16 = 0x0001;

/// bcdDevice.
const RELEASE: u16 = 0x0100;

/// bDeviceClass, bDeviceSubClass, bDeviceProtocol: interfaces are associated by descriptors.
const ASSOCIATED: [u8; 3] = [0xEF, 2, 1];

/// bMaxPacketSize0: what high-speed devices must have.
const CONTROL_PACKET: u8 = 64;

/// American English, the language that every host asks for.
const LANGUAGE: u16 = 0x0409;

/// The device descriptor (table 9-8).
pub(crate) fn device() -> Vec<u8> {
    const USB_2: u16 = 0x0200;
    const CONFIGURATIONS: u8 = 1;
    descriptor(
        DEVICE,
        &[
            &USB_2.to_le_bytes(),
            &ASSOCIATED,
            &[CONTROL_PACKET],
            &VENDOR.to_le_bytes(),
            &PRODUCT.to_le_bytes(),
            &RELEASE.to_le_bytes(),
            &[MANUFACTURER, NAME, SERIAL, CONFIGURATIONS],
        ],
    )
}

/// The configuration descriptor (table 9-10) and all that belongs to it.
pub(crate) fn configuration(model: &Model) -> Vec<u8> {
    const VALUE: u8 = 1;
    const NO_NAME: u8 = 0;
    const BUS_POWERED: u8 = 0x80;
    /// Units of 2 mA.
    const POWER: u8 = 250;
    let functions: Vec<Vec<u8>> = [
        model.video_interface().map(|first| video::function(model, first)),
        model
            .audio_interface()
            .zip(model.sound.as_ref())
            .map(|(first, it)| audio::function(it, first)),
    ]
    .into_iter()
    .flatten()
    .collect();
    let interfaces = if functions.len() == 2 { 4 } else { 2 };
    let fields = [0, 0, interfaces, VALUE, NO_NAME, BUS_POWERED, POWER];
    with_total(descriptor(CONFIGURATION, &[&fields]), 2, &functions)
}

/// A string descriptor (section 9.6.7): UTF-16, and for number 0 the list of languages.
pub(crate) fn string(model: &Model, index: u8) -> Option<Vec<u8>> {
    let text = match index {
        0 => return Some(descriptor(STRING, &[&LANGUAGE.to_le_bytes()])),
        MANUFACTURER => "StreamSocket",
        NAME => &model.name,
        SERIAL => &model.serial,
        _ => return None,
    };
    let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    Some(descriptor(STRING, &[&units]))
}

#[cfg(test)]
mod tests {
    use super::super::standard::{CS_INTERFACE, ENDPOINT, INTERFACE};
    use super::*;
    use crate::model::tests::{microphone, model};

    /// Cuts a configuration into its descriptors, which must fill it.
    fn walk(mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut found = Vec::new();
        while let [length, _, ..] = bytes {
            let (one, rest) = bytes.split_at(usize::from(*length));
            found.push(one);
            bytes = rest;
        }
        assert!(bytes.is_empty(), "descriptors do not fill the configuration");
        found
    }

    fn half(bytes: &[u8], at: usize) -> usize {
        usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
    }

    fn all() -> [Model; 4] {
        [
            model(&[]),
            model(&["--microphone", "stereo"]),
            microphone(&["--microphone", "mono", "--microphone-rate", "16000"]),
            model(&["--microphone", "mono", "--microphone-rate", "44100"]),
        ]
    }

    #[test]
    fn the_device_descriptor_has_its_length() {
        assert_eq!(device().len(), 18);
    }

    #[test]
    fn totals_and_interfaces_are_counted_right() {
        for model in all() {
            let bytes = configuration(&model);
            let found = walk(&bytes);
            assert_eq!(half(found[0], 2), bytes.len());
            let mut numbers: Vec<u8> =
                found.iter().filter(|it| it[1] == INTERFACE).map(|it| it[2]).collect();
            numbers.dedup();
            let interfaces: Vec<u8> = (0..found[0][4]).collect();
            assert_eq!(numbers, interfaces);
        }
    }

    #[test]
    fn class_specific_totals_reach_to_the_next_standard_descriptor() {
        for model in all() {
            let bytes = configuration(&model);
            let found = walk(&bytes);
            let mut headers = 0;
            for (index, header) in found.iter().enumerate() {
                // Control headers of both classes and the stream header of video: they come first
                // after their interface, and their total stands at another place each.
                let place = match (found[index.saturating_sub(1)], header) {
                    (
                        [_, INTERFACE, _, 0, _, 0x0E, 1, ..] | [_, INTERFACE, _, 0, _, 1, 1, ..],
                        _,
                    ) => 5,
                    ([_, INTERFACE, _, 0, _, 0x0E, 2, ..], _) => 4,
                    _ => continue,
                };
                let group = found[index..].iter().take_while(|it| it[1] == CS_INTERFACE);
                let total: usize = group.map(|it| it.len()).sum();
                assert_eq!(half(header, place), total);
                headers += 1;
            }
            assert_eq!(
                headers,
                2 * usize::from(!model.formats.is_empty()) + usize::from(model.sound.is_some())
            );
        }
    }

    #[test]
    fn interfaces_have_as_many_endpoints_as_they_say() {
        for model in all() {
            let bytes = configuration(&model);
            let found = walk(&bytes);
            for (index, one) in found.iter().enumerate().filter(|(_, it)| it[1] == INTERFACE) {
                let own = found[index + 1..].iter().take_while(|it| it[1] != INTERFACE);
                let endpoints = own.filter(|it| it[1] == ENDPOINT).count();
                assert_eq!(usize::from(one[4]), endpoints);
            }
        }
    }

    #[test]
    fn strings_are_utf_16() {
        let model = model(&["--serial", "A7"]);
        assert_eq!(string(&model, 0).unwrap(), [4, STRING, 9, 4]);
        assert_eq!(string(&model, SERIAL).unwrap(), [6, STRING, b'A', 0, b'7', 0]);
        assert_eq!(string(&model, 4), None);
    }
}
