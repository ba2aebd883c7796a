use super::*;
use streamsocket_media::clock::{Monotonic, Wall};

mod files;

const MS: i64 = 1_000_000;
const SIZE: (u16, u16) = (16, 16);

fn ends() -> (Recording, Control, Writer, Arc<Shared>) {
    let shared = Arc::new(Shared::default());
    let plan = Plan::at("239.1.1.1:5004".parse().unwrap(), Some((8000, 1)));
    let (recording, control, writer) = prepare(&plan, &shared);
    (recording, control, writer, shared)
}

fn stamp(millis: i64) -> Stamp {
    let at = Monotonic(millis * MS);
    Stamp { capture: Some(Wall(at.0)), undelayed: at, arrival: at, source: 1 }
}

#[test]
fn what_waits_for_a_disk_that_stalls_is_bounded_in_bytes_and_counted() {
    let (mut recording, control, _writer, shared) = ends();
    let folder = tempfile::tempdir().unwrap();
    control.start(Destination::open(&folder.path().join("a.mkv")).unwrap());
    let picture = vec![1; 8 << 20];
    for number in 0..100 {
        recording.video(stamp(number * 33), &picture, SIZE);
    }
    let held = recording.waiting.held();
    assert!((56 << 20..=WAITING_BYTES).contains(&held), "{held} bytes wait");
    assert_eq!(shared.output.recording_left_out.get(), 92);
}

#[test]
fn nobody_waits_for_a_recorder_that_is_stuck() {
    let (mut recording, control, writer, shared) = ends();
    let folder = tempfile::tempdir().unwrap();
    control.start(Destination::open(&folder.path().join("a.mkv")).unwrap());
    for number in 0..3000 {
        recording.audio(stamp(number * 5), ExtendedTime(number * 40), &[1; 40]);
    }
    assert!(shared.output.recording_left_out.get() > 900);
    // As by keys, while it is stuck.
    for _ in 0..10 {
        control.stop();
        control.start_named();
    }
    assert!(!control.is_active(), "there was no room to say so");
    // As soon as it is not, what it has taken is written.
    drop((recording, control));
    run(&writer).unwrap();
    assert!(shared.output.recorded.get() > 2000 * 80);
}

#[test]
fn memory_is_given_back_when_the_disk_is_well_again() {
    let (mut recording, control, writer, _shared) = ends();
    let folder = tempfile::tempdir().unwrap();
    control.start(Destination::open(&folder.path().join("a.mkv")).unwrap());
    let picture = vec![1; 200_000];
    for number in 0..300 {
        recording.video(stamp(number * 33), &picture, SIZE);
    }
    let (waiting, active) = (Arc::clone(&recording.waiting), Arc::clone(&writer.active));
    let writes = std::thread::spawn(move || run(&writer).unwrap());
    while waiting.held() > 0 {
        std::thread::yield_now();
    }
    assert!(active.load(Ordering::Relaxed));
    let kept = std::iter::from_fn(|| recording.jpegs.spare()).count();
    assert!(kept <= SPARES_MAX, "{kept}");
    drop((recording, control));
    writes.join().unwrap();
}

/// Records what was captured at these milliseconds, by whichever clock, each 33 ms after the one before; what
/// came to be.
fn recorded(captured: impl Iterator<Item = i64>) -> Arc<Shared> {
    let (mut recording, control, writer, shared) = ends();
    let folder = tempfile::tempdir().unwrap();
    control.start(Destination::open(&folder.path().join("a.mkv")).unwrap());
    for (now, capture) in (0_i64..).map(|number| number * 33).zip(captured) {
        let capture = Some(Wall(capture.saturating_mul(MS)));
        recording.video(Stamp { capture, ..stamp(now) }, &[1; 100], SIZE);
    }
    drop((recording, control));
    run(&writer).unwrap();
    shared
}

#[test]
fn a_sender_whose_clock_is_another_is_recorded_all_the_same() {
    let captured =
        (0..400_i64).map(|number| number * 33 - if number < 171 { 0 } else { 3_600_000 });
    let shared = recorded(captured);
    assert_eq!(shared.output.recording_left_out.get(), 0);
    assert_eq!(shared.output.recording_jumps.get(), 1);
}

#[test]
fn opus_is_recorded_as_it_came_and_silence_stands_for_what_is_missing() {
    let text = "v=0\ns=x\nc=IN IP4 239.1.1.1\nm=audio 5006 RTP/AVP 99\na=rtpmap:99 opus/48000/2\n";
    let plan = Plan::from_sdp(text).unwrap();
    let shared = Arc::new(Shared::default());
    let (mut recording, control, writer) = prepare(&plan, &shared);
    let (folder, packet) = (tempfile::tempdir().unwrap(), [31 << 3, 0xFF, 0xFE, 7]);
    let path = folder.path().join("a.mkv");
    control.start(Destination::open(&path).unwrap());
    // 20 ms each; a quarter of a second and 2.5 ms are missing between the fifth and the next.
    for number in (0..5).chain(18..23) {
        let late = if number < 5 { 0 } else { 120 };
        let time = ExtendedTime(number * 960 - late);
        recording.encoded(stamp(number * 20 - late / 48), time, &packet);
    }
    drop((recording, control));
    run(&writer).unwrap();
    assert_eq!(shared.output.recording_silence.get(), 257_500_000);
    let probe = std::process::Command::new("ffprobe")
        .args(["-v", "error", "-show_entries", "packet=size", "-of", "csv=p=0"])
        .arg(&path)
        .output()
        .unwrap();
    let sizes = String::from_utf8(probe.stdout).unwrap().replace(',', "");
    let sizes: Vec<usize> = sizes.lines().map(|size| size.parse().unwrap()).collect();
    // 12 of 20 ms, one of 10, 5 and 2.5 ms.
    assert_eq!(sizes, [[4; 5].to_vec(), [3; 15].to_vec(), [4; 5].to_vec()].concat());
}
