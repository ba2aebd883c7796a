//! Requests on endpoint 0: the standard ones (USB 2.0 section 9.4) and those of a camera (UVC
//! section 4). What they set in motion, a stream that starts or stops, is handed to the caller.

use crate::descriptors::{self, CONFIGURATION, DEVICE, PROCESSING, STRING};
use crate::model::Model;
use crate::probe::{self, Probe};

/// Interfaces at most: camera and microphone, control and stream.
const INTERFACES: usize = 4;

/// bmRequestType (USB 2.0 table 9-2): direction, type and recipient.
const DEVICE_IN: u8 = 0x80;
const DEVICE_OUT: u8 = 0x00;
const INTERFACE_IN: u8 = 0x81;
const INTERFACE_OUT: u8 = 0x01;
const ENDPOINT_IN: u8 = 0x82;
const ENDPOINT_OUT: u8 = 0x02;
const CLASS_IN: u8 = 0xA1;
const CLASS_OUT: u8 = 0x21;

/// bRequest of the standard requests (USB 2.0 table 9-4).
const GET_STATUS: u8 = 0;
const CLEAR_FEATURE: u8 = 1;
const SET_FEATURE: u8 = 3;
const GET_DESCRIPTOR: u8 = 6;
const GET_CONFIGURATION: u8 = 8;
const SET_CONFIGURATION: u8 = 9;
const GET_INTERFACE: u8 = 10;
const SET_INTERFACE: u8 = 11;

/// bRequest of cameras (UVC A.8).
const SET_CUR: u8 = 0x01;
const GET_CUR: u8 = 0x81;
const GET_MIN: u8 = 0x82;
const GET_MAX: u8 = 0x83;
const GET_RES: u8 = 0x84;
const GET_LEN: u8 = 0x85;
const GET_INFO: u8 = 0x86;
const GET_DEF: u8 = 0x87;

/// GET_INFO: the control can be read and set (UVC section 4.1.2).
const READ_AND_SET: u8 = 0b11;

/// Control selectors of the streaming interface (UVC A.9.7) and the processing unit (A.9.5).
const VS_PROBE: u8 = 1;
const VS_COMMIT: u8 = 2;
const PU_BRIGHTNESS: u8 = 2;
const PU_CONTRAST: u8 = 3;

/// Brightness and contrast: the middle of 0 to `KNOB_MAX`.
const KNOB_DEFAULT: u16 = 128;
const KNOB_MAX: u16 = 255;

/// A SETUP packet (USB 2.0 table 9-2).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    kind: u8,
    request: u8,
    value: u16,
    index: u16,
}

impl From<[u8; 8]> for Setup {
    fn from(bytes: [u8; 8]) -> Self {
        let half = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        Self { kind: bytes[0], request: bytes[1], value: half(2), index: half(4) }
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Data(Vec<u8>),
    Done,
    /// There is no such thing: the host sees a stall.
    Stall,
}

/// A stream that starts (true) or stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Video(bool),
    Audio(bool),
}

/// What the host has set.
#[derive(Debug)]
pub(crate) struct Control {
    configuration: Vec<u8>,
    alternates: [u8; INTERFACES],
    probe: Probe,
    commit: Probe,
    brightness: u16,
    contrast: u16,
}

impl Control {
    /// As a webcam is when it is plugged in.
    pub(crate) fn new(model: &Model) -> Self {
        Self {
            configuration: descriptors::configuration(model),
            alternates: [0; INTERFACES],
            probe: Probe::default(model),
            commit: Probe::default(model),
            brightness: KNOB_DEFAULT,
            contrast: KNOB_DEFAULT,
        }
    }

    /// What was agreed upon last.
    pub(crate) const fn committed(&self) -> Probe {
        self.commit
    }

    /// Answers a request; `data` came along with it.
    pub(crate) fn handle(
        &mut self,
        model: &Model,
        setup: Setup,
        data: &[u8],
    ) -> (Answer, Option<Change>) {
        let [low, high] = setup.value.to_le_bytes();
        let answer = match (setup.kind, setup.request) {
            (DEVICE_IN, GET_DESCRIPTOR) => self.descriptor(model, high, low),
            (DEVICE_IN | INTERFACE_IN | ENDPOINT_IN, GET_STATUS) => Answer::Data(vec![0, 0]),
            (DEVICE_IN, GET_CONFIGURATION) => Answer::Data(vec![1]),
            (DEVICE_OUT, SET_CONFIGURATION) => {
                self.alternates = [0; INTERFACES];
                Answer::Done
            }
            (INTERFACE_IN, GET_INTERFACE) => match self.alternates.get(usize::from(setup.index)) {
                Some(alternate) => Answer::Data(vec![*alternate]),
                None => Answer::Stall,
            },
            (INTERFACE_OUT, SET_INTERFACE) => return self.set_interface(model, setup.index, low),
            (DEVICE_OUT | INTERFACE_OUT | ENDPOINT_OUT, SET_FEATURE | CLEAR_FEATURE) => {
                Answer::Done
            }
            (CLASS_IN | CLASS_OUT, request) => {
                let [interface, entity] = setup.index.to_le_bytes();
                self.class(model, request, high, interface, entity, data)
            }
            _ => Answer::Stall,
        };
        (answer, None)
    }

    fn descriptor(&self, model: &Model, kind: u8, index: u8) -> Answer {
        match kind {
            DEVICE => Answer::Data(descriptors::device()),
            CONFIGURATION => Answer::Data(self.configuration.clone()),
            STRING => descriptors::string(model, index).map_or(Answer::Stall, Answer::Data),
            _ => Answer::Stall,
        }
    }

    fn set_interface(
        &mut self,
        model: &Model,
        interface: u16,
        alternate: u8,
    ) -> (Answer, Option<Change>) {
        let streams =
            |control: Option<u8>| control.is_some_and(|it| interface == u16::from(it) + 1);
        let known = self.alternates.get_mut(usize::from(interface));
        let Some(known) = known.filter(|_| alternate <= 1) else { return (Answer::Stall, None) };
        *known = alternate;
        let change = if streams(model.video_interface()) {
            Some(Change::Video(alternate == 1))
        } else if streams(model.audio_interface()) {
            Some(Change::Audio(alternate == 1))
        } else {
            None
        };
        (Answer::Done, change)
    }

    /// The camera's requests. The microphone has no control to speak of.
    fn class(
        &mut self,
        model: &Model,
        request: u8,
        selector: u8,
        interface: u8,
        entity: u8,
        data: &[u8],
    ) -> Answer {
        let Some(control) = model.video_interface() else { return Answer::Stall };
        if interface == control && entity == PROCESSING {
            match selector {
                PU_BRIGHTNESS => knob(&mut self.brightness, request, data),
                PU_CONTRAST => knob(&mut self.contrast, request, data),
                _ => Answer::Stall,
            }
        } else if interface == control + 1 {
            self.stream(model, request, selector, data)
        } else {
            Answer::Stall
        }
    }

    fn stream(&mut self, model: &Model, request: u8, selector: u8, data: &[u8]) -> Answer {
        let state = match selector {
            VS_PROBE => &mut self.probe,
            VS_COMMIT => &mut self.commit,
            _ => return Answer::Stall,
        };
        let answer = |probe: Probe| Answer::Data(probe.bytes(model).to_vec());
        // Only the interval has extremes: quality is what the clip has.
        let at = |interval: Option<&u32>, probe: Probe| {
            answer(interval.map_or(probe, |interval| probe.at(*interval)))
        };
        match request {
            SET_CUR => {
                *state = Probe::negotiate(model, data);
                Answer::Done
            }
            GET_CUR => answer(*state),
            GET_MIN => at(model.intervals.first(), *state),
            GET_MAX => at(model.intervals.last(), *state),
            GET_DEF => answer(Probe::default(model)),
            GET_LEN => Answer::Data(probe::LEN_BYTES.to_vec()),
            GET_INFO => Answer::Data(vec![READ_AND_SET]),
            _ => Answer::Stall,
        }
    }
}

/// A control of two bytes (UVC sections 4.2.2.3.2 and 4.2.2.3.3). It changes nothing that is seen.
fn knob(state: &mut u16, request: u8, data: &[u8]) -> Answer {
    const STEP: u16 = 1;
    const LEN: u16 = 2;
    let value = match (request, data) {
        (SET_CUR, [low, high, ..]) => {
            *state = u16::from_le_bytes([*low, *high]).min(KNOB_MAX);
            return Answer::Done;
        }
        (GET_CUR, _) => *state,
        (GET_MIN, _) => 0,
        (GET_MAX, _) => KNOB_MAX,
        (GET_RES, _) => STEP,
        (GET_LEN, _) => LEN,
        (GET_DEF, _) => KNOB_DEFAULT,
        (GET_INFO, _) => return Answer::Data(vec![READ_AND_SET]),
        _ => return Answer::Stall,
    };
    Answer::Data(value.to_le_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::tests::{microphone, model};

    fn setup(kind: u8, request: u8, value: u16, index: u16) -> Setup {
        Setup { kind, request, value, index }
    }

    #[test]
    fn descriptors_are_handed_out_and_unknown_ones_stall() {
        let model = model(&[]);
        let mut control = Control::new(&model);
        let mut get =
            |value| control.handle(&model, setup(DEVICE_IN, GET_DESCRIPTOR, value, 0), &[]).0;
        assert_eq!(get(0x0100), Answer::Data(descriptors::device()));
        assert_eq!(get(0x0200), Answer::Data(descriptors::configuration(&model)));
        assert_eq!(get(0x0309), Answer::Stall);
        assert_eq!(get(0x0600), Answer::Stall, "a full-speed twin");
    }

    #[test]
    fn alternate_settings_start_and_stop_streams() {
        let model = model(&["--microphone", "mono"]);
        let mut control = Control::new(&model);
        let mut set = |interface, alternate| {
            control.handle(&model, setup(INTERFACE_OUT, SET_INTERFACE, alternate, interface), &[])
        };
        assert_eq!(set(1, 1), (Answer::Done, Some(Change::Video(true))));
        assert_eq!(set(3, 1), (Answer::Done, Some(Change::Audio(true))));
        assert_eq!(set(1, 0), (Answer::Done, Some(Change::Video(false))));
        assert_eq!(set(0, 0), (Answer::Done, None));
        assert_eq!(set(1, 2), (Answer::Stall, None));
        assert_eq!(set(4, 0), (Answer::Stall, None));
        let get = setup(INTERFACE_IN, GET_INTERFACE, 0, 3);
        assert_eq!(control.handle(&model, get, &[]).0, Answer::Data(vec![1]));
    }

    #[test]
    fn the_commit_is_what_counts() {
        let model = model(&[]);
        let mut control = Control::new(&model);
        let mut proposal = Probe::default(&model).bytes(&model);
        proposal[3] = 2;
        let probe = setup(CLASS_OUT, SET_CUR, 0x0100, 1);
        assert_eq!(control.handle(&model, probe, &proposal).0, Answer::Done);
        assert_eq!(control.committed(), Probe::default(&model));
        let commit = setup(CLASS_OUT, SET_CUR, 0x0200, 1);
        assert_eq!(control.handle(&model, commit, &proposal).0, Answer::Done);
        assert_eq!(control.committed(), Probe::negotiate(&model, &proposal));
    }

    #[test]
    fn knobs_keep_what_they_are_set_to() {
        let model = model(&[]);
        let mut control = Control::new(&model);
        let brightness = |kind, request| setup(kind, request, 0x0200, 0x0200);
        let set = brightness(CLASS_OUT, SET_CUR);
        assert_eq!(control.handle(&model, set, &[77, 0]).0, Answer::Done);
        let get = brightness(CLASS_IN, GET_CUR);
        assert_eq!(control.handle(&model, get, &[]).0, Answer::Data(vec![77, 0]));
        let backlight = setup(CLASS_IN, GET_CUR, 0x0100, 0x0200);
        assert_eq!(control.handle(&model, backlight, &[]).0, Answer::Stall);
    }

    #[test]
    fn a_microphone_alone_has_no_camera_requests() {
        let model = microphone(&["--microphone", "mono"]);
        let mut control = Control::new(&model);
        let probe = setup(CLASS_IN, GET_CUR, 0x0100, 1);
        assert_eq!(control.handle(&model, probe, &[]).0, Answer::Stall);
        let start = setup(INTERFACE_OUT, SET_INTERFACE, 1, 1);
        assert_eq!(control.handle(&model, start, &[]).1, Some(Change::Audio(true)));
    }
}
