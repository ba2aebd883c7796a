//! What all descriptors are made of: types and fields of the standard ones (USB 2.0 section 9.6), and what
//! puts them together.

/// bDescriptorType of the standard descriptors (USB 2.0 table 9-5; the interface association is
/// an engineering change notice).
pub(crate) const DEVICE: u8 = 1;
pub(crate) const CONFIGURATION: u8 = 2;
pub(crate) const STRING: u8 = 3;
pub(super) const INTERFACE: u8 = 4;
pub(super) const ENDPOINT: u8 = 5;
pub(super) const INTERFACE_ASSOCIATION: u8 = 11;

/// bDescriptorType of what a class defines (UVC A.4, UAC A.4).
pub(super) const CS_INTERFACE: u8 = 0x24;
pub(super) const CS_ENDPOINT: u8 = 0x25;

/// bmAttributes of an endpoint: isochronous, on the device's own clock (USB 2.0 table 9-13).
pub(super) const ISOCHRONOUS_ASYNCHRONOUS: u8 = 0b0101;

/// bEndpointAddress: towards the host.
pub(super) const IN: u8 = 0x80;

/// A descriptor of that type: bLength and bDescriptorType in front of its fields.
pub(super) fn descriptor(kind: u8, fields: &[&[u8]]) -> Vec<u8> {
    let fields = fields.concat();
    // The longest, a frame descriptor of 16 intervals, has 90 bytes.
    let length = u8::try_from(fields.len() + 2).unwrap_or(u8::MAX);
    [&[length, kind], fields.as_slice()].concat()
}

/// A standard interface descriptor (USB 2.0 table 9-12).
pub(super) fn interface(
    number: u8,
    alternate: u8,
    endpoints: u8,
    class: [u8; 2],
    name: u8,
) -> Vec<u8> {
    const NO_PROTOCOL: u8 = 0;
    let fields = [number, alternate, endpoints, class[0], class[1], NO_PROTOCOL, name];
    descriptor(INTERFACE, &[&fields])
}

/// An interface association descriptor of two interfaces.
pub(super) fn association(first: u8, class: [u8; 2], name: u8) -> Vec<u8> {
    const COUNT: u8 = 2;
    const NO_PROTOCOL: u8 = 0;
    let fields = [first, COUNT, class[0], class[1], NO_PROTOCOL, name];
    descriptor(INTERFACE_ASSOCIATION, &[&fields])
}

/// bEndpointAddress of a numbered endpoint towards the host.
pub(super) fn address(endpoint: u32) -> u8 {
    IN | u8::try_from(endpoint).unwrap_or(0)
}

/// A class-specific header whose wTotalLength, two bytes at `place`, counts `behind` as well.
pub(super) fn with_total(mut header: Vec<u8>, place: usize, behind: &[Vec<u8>]) -> Vec<u8> {
    let behind = behind.concat();
    // 33 descriptors of 90 bytes at most.
    let total = u16::try_from(header.len() + behind.len()).unwrap_or(u16::MAX);
    header[place..place + 2].copy_from_slice(&total.to_le_bytes());
    [header, behind].concat()
}

/// String indices. There is none of number 0: that is the list of languages.
pub(super) const MANUFACTURER: u8 = 1;
pub(super) const NAME: u8 = 2;
pub(super) const SERIAL: u8 = 3;
