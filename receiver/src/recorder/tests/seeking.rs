//! What a file says of itself: where everything is in it, and how long it is.

use super::*;
use std::io::{Seek, SeekFrom};

const SECOND: i64 = 1_000_000_000;

const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
const CUES: u32 = 0x1c53_bb6b;
const SEEK_HEAD: u32 = 0x114d_9b74;
const VOID: u32 = 0xec;

/// An element: its ID, where it begins, and what it holds.
struct Element<'a> {
    id: u32,
    at: usize,
    data: &'a [u8],
}

/// The elements in `bytes`, which begin at `from` in the file; all of them have a size.
fn elements(bytes: &[u8], from: usize) -> Vec<Element<'_>> {
    let (mut at, mut found) = (0, Vec::new());
    while at < bytes.len() {
        let begin = at;
        let id_len = bytes[at].leading_zeros() as usize + 1;
        let id = bytes[at..at + id_len].iter().fold(0, |id, byte| id << 8 | u32::from(*byte));
        at += id_len;
        let size_len = bytes[at].leading_zeros() as usize + 1;
        let first = u64::from(bytes[at]) & ((1 << (8 - size_len)) - 1);
        let size = bytes[at + 1..at + size_len].iter();
        let size = size.fold(first, |size, byte| size << 8 | u64::from(*byte));
        assert!(size < (1 << (7 * size_len)) - 1, "{id:x} at {} has no size", from + begin);
        at += size_len;
        let end = at + usize::try_from(size).unwrap();
        found.push(Element { id, at: from + begin, data: &bytes[at..end] });
        at = end;
    }
    found
}

fn number(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

fn find<'a>(elements: &'a [Element<'a>], id: u32) -> &'a Element<'a> {
    elements.iter().find(|element| element.id == id).unwrap_or_else(|| panic!("no {id:x}"))
}

/// Pictures and sound of so many seconds, not yet ended; the pictures of each second.
fn recorder(path: &Path, seconds: u8) -> (Recorder, Vec<Vec<u8>>) {
    let mut recorder = create(path, Some(VIDEO), Some(AUDIO)).unwrap();
    let pictures: Vec<_> = (0..seconds).map(jpeg).collect();
    for (second, picture) in (0..).zip(&pictures) {
        for part in 0..10 {
            let nanos = second * SECOND + part * SECOND / 10;
            recorder.write_video(nanos, picture).unwrap();
            for packet_number in 0..20 {
                recorder.write_audio(nanos + packet_number * PACKET_NANOS, &packet(0)).unwrap();
            }
        }
    }
    (recorder, pictures)
}

/// The one picture that a player shows first that jumps to a time.
fn sought(path: &Path, seconds: &str) -> Vec<u8> {
    let name = path.to_str().unwrap();
    let copy = ["-map", "0:v", "-c", "copy", "-frames:v", "1", "-f", "mjpeg", "-"];
    run("ffmpeg", &[&["-ss", seconds, "-i", name][..], &copy].concat())
}

fn duration(path: &Path) -> f64 {
    let entries = ["-show_entries", "format=duration", "-of", "csv=p=0"];
    let text = run("ffprobe", &[&entries[..], &[path.to_str().unwrap()]].concat());
    String::from_utf8(text).unwrap().trim().parse().unwrap()
}

/// Overwrites a part of a file, so that a player that reads it finds nothing.
fn destroy(path: &Path, from: u64, until: u64) {
    let mut file = OpenOptions::new().write(true).open(path).unwrap();
    file.seek(SeekFrom::Start(from)).unwrap();
    file.write_all(&vec![0; usize::try_from(until - from).unwrap()]).unwrap();
}

#[test]
fn every_element_of_a_whole_file_has_its_size_and_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    recorder(&path, 20).0.finish().unwrap();
    let bytes = fs::read(&path).unwrap();
    let top = elements(&bytes, 0);
    let segment = find(&top, SEGMENT);
    let begin = bytes.len() - segment.data.len();
    assert!(top.last().unwrap().id == SEGMENT && begin < 100);
    let inside = elements(segment.data, begin);
    for entry in elements(find(&inside, SEEK_HEAD).data, 0) {
        let [id, position] = &elements(entry.data, 0)[..] else { panic!("a void is left") };
        let there = find(&inside, u32::try_from(number(id.data)).unwrap());
        assert_eq!(there.at, begin + number(position.data));
    }
    let last = inside.iter().rposition(|element| element.id != CLUSTER).unwrap();
    assert!(
        inside[last].id == VOID && inside.len() - last > 40,
        "what is not a cluster is in front"
    );
    let cues = elements(find(&inside, CUES).data, 0);
    assert!(cues.len() > 40, "{}", cues.len());
    for cue in cues {
        let [time, place] = &elements(cue.data, 0)[..] else {
            panic!("a cue has a time and a place")
        };
        let [track, position] = &elements(place.data, 0)[..] else { panic!("in a track") };
        let at = begin + number(position.data);
        let cluster = inside.iter().find(|element| element.at == at && element.id == CLUSTER);
        let blocks = elements(cluster.unwrap().data, at);
        let mut of_track = blocks.iter().filter(|block| block.id == 0xa3);
        let first = of_track.find(|block| usize::from(block.data[0] & 0x7f) == number(track.data));
        let relative = &first.unwrap().data[1..3];
        assert_eq!(number(time.data), number(blocks[0].data) + number(relative));
    }
}

#[test]
fn a_player_jumps_without_reading_what_lies_between() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.mkv");
    let (recorder, pictures) = recorder(&path, 60);
    let begin = recorder.bytes();
    recorder.finish().unwrap();
    destroy(&path, begin / 4, begin * 3 / 4);
    assert!(sought(&path, "55.5") == pictures[55]);
    assert!(sought(&path, "2.5") == pictures[2]);
    assert!((duration(&path) - 60.0).abs() < 0.01);
}

#[test]
fn a_program_that_is_killed_leaves_a_duration_and_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let (path, left) = (folder.path().join("out.mkv"), folder.path().join("left.mkv"));
    let (recorder, pictures) = recorder(&path, 60);
    fs::copy(&path, &left).unwrap();
    let len = fs::metadata(&left).unwrap().len();
    recorder.finish().unwrap();
    let seconds = duration(&left);
    assert!((57.0..=60.0).contains(&seconds), "{seconds}");
    destroy(&left, len / 4, len * 3 / 4);
    assert!(sought(&left, "55.5") == pictures[55]);
}

#[test]
fn a_stream_has_neither_room_nor_sizes() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let path = fifo.clone();
    let read = std::thread::spawn(move || fs::read(path).unwrap());
    recorder(&fifo, 3).0.finish().unwrap();
    let bytes = read.join().unwrap();
    let segment = bytes.windows(4).position(|id| id == SEGMENT.to_be_bytes()).unwrap();
    assert_eq!(bytes[segment + 4..segment + 12], [1, 255, 255, 255, 255, 255, 255, 255]);
    let cluster = bytes.windows(4).position(|id| id == CLUSTER.to_be_bytes()).unwrap();
    assert!(cluster < 500);
    assert_eq!(bytes[cluster + 4..cluster + 12], [1, 255, 255, 255, 255, 255, 255, 255]);
    let file = folder.path().join("read.mkv");
    fs::write(&file, &bytes).unwrap();
    assert_eq!((packets(&file, "v").len(), packets(&file, "a").len()), (30, 600));
}
