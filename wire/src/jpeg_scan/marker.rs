//! Second bytes of markers (ITU-T T.81 B.1.1.3).

pub(super) const SOF0: u8 = 0xC0;
pub(super) const SOF1: u8 = 0xC1;
pub(super) const DHT: u8 = 0xC4;
pub(super) const JPG: u8 = 0xC8;
pub(super) const DAC: u8 = 0xCC;
pub(super) const SOI: u8 = 0xD8;
pub(super) const EOI: u8 = 0xD9;
pub(super) const SOS: u8 = 0xDA;
pub(super) const DQT: u8 = 0xDB;
pub(super) const DRI: u8 = 0xDD;
pub(super) const APP0: u8 = 0xE0;
pub(super) const APP14: u8 = 0xEE;
