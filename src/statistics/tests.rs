use super::*;

fn to(address: &str, packets: u64, failing: Option<&str>) -> DestinationStatistics {
    let failing = failing.map(str::to_owned);
    DestinationStatistics { address: address.into(), packets, failing, ..Default::default() }
}

fn pictures(tier: Option<&str>, destinations: Vec<DestinationStatistics>) -> TrackStatistics {
    let video = VideoStatistics { source: "camera".into(), width: 640, ..Default::default() };
    let medium = MediumStatistics::Video(video);
    TrackStatistics { medium, tier: tier.map(str::to_owned), ssrc: 7, destinations }
}

fn sound(destinations: Vec<DestinationStatistics>) -> TrackStatistics {
    let audio = AudioStatistics { away: Some("no card".into()), ..Default::default() };
    TrackStatistics { medium: MediumStatistics::Audio(audio), tier: None, ssrc: 8, destinations }
}

fn report() -> Statistics {
    let tracks = vec![
        pictures(None, vec![to("a:1", 3, None), to("b:1", 4, None)]),
        sound(vec![to("a:3", 10, Some("no way")), to("b:3", 20, None)]),
        pictures(Some("low"), vec![to("c:1", 5, None)]),
    ];
    let destinations = by_destination(&tracks);
    Statistics { schema: SCHEMA, destinations, tracks, ..Default::default() }
}

#[test]
fn a_destination_has_what_goes_there_of_all_tracks() {
    let report = report();
    let sums = report.destinations.iter().map(|to| (to.address.as_str(), to.packets));
    assert_eq!(sums.collect::<Vec<_>>(), [("a:1", 13), ("b:1", 24), ("c:1", 5)]);
    assert_eq!(report.destinations[0].failing.as_deref(), Some("no way"));
}

#[test]
fn a_second_camera_has_destinations_of_its_own() {
    let tracks = [
        pictures(None, vec![to("a:1", 3, None)]),
        pictures(None, vec![to("b:1", 4, None)]),
        sound(vec![to("a:3", 10, None)]),
        sound(vec![to("b:3", 20, None)]),
    ];
    let sums = by_destination(&tracks);
    let sums = sums.iter().map(|to| (to.address.as_str(), to.packets));
    assert_eq!(sums.collect::<Vec<_>>(), [("a:1", 13), ("b:1", 24)]);
}

#[test]
fn a_track_says_what_it_is_of_beside_its_figures() {
    let json = serde_json::to_value(report()).unwrap();
    assert_eq!(json["schema"], 2);
    let [video, audio, tier] = &json["tracks"].as_array().unwrap()[..] else { panic!("{json}") };
    assert_eq!((&video["media"], &video["width"]), (&"video".into(), &640.into()));
    assert!(video["tier"].is_null() && video["ssrc"] == 7);
    assert_eq!((&audio["media"], &audio["away"]), (&"audio".into(), &"no card".into()));
    assert_eq!(tier["tier"], "low");
    assert_eq!(tier["destinations"][0]["packets"], 5);
}

#[test]
fn every_track_has_its_lines() {
    let text = report().text();
    let of = |start: &str| text.lines().filter(|line| line.starts_with(start)).count();
    assert_eq!((of("  video  "), of("  audio  "), of("  to     ")), (2, 1, 3), "{text}");
    assert!(text.contains("  video  camera, tier low, 640x0"), "{text}");
    assert!(text.lines().next().unwrap().contains("no sound: no card"), "{text}");
}

#[test]
fn the_room_is_said_beside_the_viewers() {
    let said = |room: Option<&str>| {
        let report = Statistics { room: room.map(str::to_owned), paused: true, ..report() };
        report.text().lines().next().map(str::to_owned).unwrap()
    };
    assert!(said(Some("lesson")).contains("0 viewers, in the room 'lesson'; paused"));
    assert!(!said(None).contains("room"));
}
