use super::*;
use crate::walk::{boxes, find, word};

fn pictures() -> Track {
    let (sps, pps) = (vec![0x67, 0x42, 0xc0, 0x1e, 0xd9], vec![0x68, 0xce]);
    Track::H264 { sps, pps, size: (640, 360) }
}

const SOUND: Track = Track::Aac { rate: 48_000, channels: 2 };

fn kinds(bytes: &[u8]) -> Vec<String> {
    boxes(bytes).into_iter().map(|(kind, _)| kind).collect()
}

#[test]
fn an_init_segment_has_what_a_player_needs() {
    for (track, header, entry) in [(pictures(), "vmhd", "avc1"), (SOUND, "smhd", "mp4a")] {
        let init = track.init();
        assert_eq!(kinds(&init), ["ftyp", "moov"]);
        assert_eq!(kinds(find(&init, &["moov"])), ["mvhd", "trak", "mvex"]);
        let media = find(&init, &["moov", "trak", "mdia"]);
        assert_eq!(kinds(media), ["mdhd", "hdlr", "minf"]);
        assert_eq!(word(find(media, &["mdhd"]), 12), track.timescale());
        assert_eq!(kinds(find(media, &["minf"])), [header, "dinf", "stbl"]);
        let table = find(media, &["minf", "stbl"]);
        assert_eq!(kinds(table), ["stsd", "stts", "stsc", "stsz", "stco"]);
        assert_eq!(kinds(&find(table, &["stsd"])[8..]), [entry]);
        // Sizes of full boxes of version 0 (ISO/IEC 14496-12).
        assert_eq!(find(&init, &["moov", "mvhd"]).len(), 100);
        assert_eq!(find(&init, &["moov", "trak", "tkhd"]).len(), 84);
        assert_eq!(find(&init, &["moov", "mvex", "trex"]).len(), 24);
    }
}

#[test]
fn pictures_are_described() {
    let track = pictures();
    let init = track.init();
    let size = &find(&init, &["moov", "trak", "tkhd"])[76..];
    assert_eq!((word(size, 0), word(size, 4)), (640 << 16, 360 << 16));
    let stsd = find(&init, &["moov", "trak", "mdia", "minf", "stbl", "stsd"]);
    let entry = find(&stsd[8..], &["avc1"]);
    assert_eq!(entry[24..28], [2, 128, 1, 104]);
    let avcc = find(&entry[78..], &["avcC"]);
    let expected =
        [1, 0x42, 0xc0, 0x1e, 0xff, 0xe1, 0, 5, 0x67, 0x42, 0xc0, 0x1e, 0xd9, 1, 0, 2, 0x68, 0xce];
    assert_eq!(avcc, expected);
    assert_eq!((track.codec().as_str(), SOUND.codec().as_str()), ("avc1.42C01E", "mp4a.40.2"));
}

#[test]
fn high_profile_says_its_samples() {
    let Track::H264 { mut sps, pps, size } = pictures() else { panic!() };
    sps[1] = 100;
    let init = Track::H264 { sps, pps, size }.init();
    let stsd = find(&init, &["moov", "trak", "mdia", "minf", "stbl", "stsd"]);
    let avcc = find(&find(&stsd[8..], &["avc1"])[78..], &["avcC"]);
    assert_eq!(avcc[18..], [0xfd, 0xf8, 0xf8, 0]);
}

#[test]
fn sound_is_described() {
    let init = SOUND.init();
    let stsd = find(&init, &["moov", "trak", "mdia", "minf", "stbl", "stsd"]);
    let entry = find(&stsd[8..], &["mp4a"]);
    let esds = find(&entry[28..], &["esds"]);
    assert_eq!((entry[17], word(entry, 24)), (2, 48_000 << 16));
    // Each descriptor fills the one around it (ISO/IEC 14496-1 section 7.2.6).
    assert_eq!((esds[4], usize::from(esds[5])), (3, esds.len() - 6));
    assert_eq!((esds[9], usize::from(esds[10])), (4, esds.len() - 11 - 3));
    assert_eq!(esds[24..], [5, 2, 0x11, 0x90, 6, 1, 2]);
}

#[test]
fn an_aac_decoder_is_told_the_rate() {
    assert_eq!(audio_specific_config(48_000, 2), [0x11, 0x90]);
    assert_eq!(audio_specific_config(44_100, 1), [0x12, 0x08]);
    assert_eq!(audio_specific_config(8_000, 1), [0x15, 0x88]);
    assert_eq!(audio_specific_config(50_000, 2), [0x17, 0x80, 0x61, 0xa8, 0x10]);
}

#[test]
fn a_track_is_named_by_its_init_segment() {
    let id = SOUND.id();
    assert_eq!(id, "3dd819ad95923392");
    assert_ne!(id, Track::Aac { rate: 48_000, channels: 1 }.id());
    assert_ne!(pictures().id(), id);
}
