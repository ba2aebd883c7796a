use super::*;
use crate::publish::description::tests::bare;
use crate::settings::Destination;
use streamsocket_media::FrameRate;

#[test]
fn every_place_has_one_track_that_logs_its_errors() {
    let group = Destination::new([239, 255, 42, 2].into(), 5004);
    let rate = Some(FrameRate { numerator: 30, denominator: 1 });
    let format = TrackFormat::Video(VideoFormat { width: 640, height: 480, rate });
    let mut description = bare(group);
    let mut heard = Vec::new();
    for (medium, index) in
        [(Medium::Video, 0), (Medium::Video, 1), (Medium::Audio, 0), (Medium::Audio, 2)]
    {
        let id = TrackId { medium, index, tier: None };
        heard.push(is_heard_of(&description, &id));
        let to = group.further(u16::try_from(index).unwrap()).unwrap().video;
        description.tracks.push(Described::new(id, format, Ssrc(1), to));
    }
    assert_eq!(heard, [false, false, true, false]);
}
