use super::*;
use crate::capture::flash::Flash;
use crate::capture::tone::Tone;
use crate::publish::beginning::Beginning;
use crate::publish::sink::Sinks;
use crate::publish::sound::SoundSending;
use crate::publish::track::TrackId;
use crate::publish::transport::Transport;
use streamsocket_media::{AudioFormat, FrameRate};
use streamsocket_stream::send::l16::Form;
use streamsocket_wire::rtp::{RtpTime, Sequence, Ssrc};
use streamsocket_wire::sdp::Medium;

const BEGAN: Monotonic = Monotonic(1_000_000_000);

/// The tone, to nobody.
fn tone() -> AudioInput {
    let rate = FrameRate { numerator: 25, denominator: 1 };
    let format = AudioFormat { rate: 48_000, channels: 2 };
    let source = Tone::new(Flash { epoch: BEGAN, rate }, format);
    let form = Form::new(false, 1);
    let beginning =
        Beginning { ssrc: Ssrc(1), sequence: Sequence(2), time: RtpTime(3), sealed: None };
    let track = OpenedTrack {
        id: TrackId { medium: Medium::Audio, index: 0, tier: None },
        sending: Outgoing::Sound(SoundSending { format, form, packet_size: 1400 }),
        transport: Transport::new(beginning.ssrc, 1_600_000, Sinks::default()),
        beginning,
        fec: None,
        protection: None,
    };
    let source = AudioSource::Tone(Box::new(source));
    let opened =
        OpenedAudio { source, name: "test tone".into(), tracks: vec![track], encoded: Vec::new() };
    opened.begin(&KeptTracks::default(), BEGAN)
}

#[test]
fn whoever_is_late_for_sound_still_has_turns_for_everything_else() {
    let (mut input, wall) = (tone(), WallClock::new(BEGAN, 0));
    // A second is waiting, in pieces of 10 ms.
    let now = Monotonic(BEGAN.0 + 1_000_000_000);
    let mut turns = 0;
    while input.deadline().is_some_and(|deadline| deadline <= now) {
        let before = input.captured;
        input.turn(now, &wall).unwrap();
        let read = input.captured - before;
        assert!(read <= 12_000, "{read} sample frames in a turn");
        turns += 1;
    }
    assert_eq!((input.captured, turns), (48_000, 5));
    assert!(input.tracks[0].counts().packets >= 199);
}
