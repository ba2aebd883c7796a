use super::*;
use std::fs;

fn chunk(id: &[u8; 4], length: u32, body: &[u8]) -> Vec<u8> {
    [id, &length.to_le_bytes()[..], body].concat()
}

fn fmt(code: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
    let frame = channels * bits / 8;
    let mut body = Vec::new();
    body.extend(code.to_le_bytes());
    body.extend(channels.to_le_bytes());
    body.extend(rate.to_le_bytes());
    body.extend((rate * u32::from(frame)).to_le_bytes());
    body.extend(frame.to_le_bytes());
    body.extend(bits.to_le_bytes());
    body
}

fn file(chunks: &[Vec<u8>]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("voice.wav");
    let body = chunks.concat();
    fs::write(&path, [&b"RIFF\xff\xff\xff\xffWAVE"[..], &body].concat()).unwrap();
    (folder, path)
}

fn ramp(samples: i16) -> (Vec<i16>, Vec<u8>) {
    let samples: Vec<i16> = (0..samples).map(|n| n.wrapping_mul(31)).collect();
    let bytes = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    (samples, bytes)
}

/// Plays at the deadlines up to the end or so many samples, checking the capture times.
fn play(path: &Path, looped: bool, most: usize) -> Vec<i16> {
    let epoch = Monotonic(77);
    let mut source = WavFile::open(path, epoch, looped).unwrap().unwrap();
    let channels = usize::from(source.format().channels);
    let mut out = vec![0; 4096];
    let mut samples = Vec::new();
    while let Some(now) = source.deadline() {
        assert_eq!(source.poll(now.offset(-1), &mut out).unwrap(), AudioPoll::Idle);
        let AudioPoll::Samples { frames, capture } = source.poll(now, &mut out).unwrap() else {
            panic!("due")
        };
        let position = i64::try_from(samples.len() / channels).unwrap();
        let expected = position * 1_000_000_000 / i64::from(source.format().rate);
        assert_eq!(capture.nanos_since(epoch), expected);
        samples.extend(&out[..frames * channels]);
        if samples.len() >= most {
            return samples;
        }
    }
    assert_eq!(source.poll(Monotonic(i64::MAX), &mut out).unwrap(), AudioPoll::End);
    samples
}

#[test]
fn samples_come_out_as_they_went_in() {
    let (samples, bytes) = ramp(1003);
    let length = u32::try_from(bytes.len()).unwrap();
    let odd = chunk(b"LIST", 3, b"abc\0");
    let extensible = {
        let mut body = fmt(EXTENSIBLE, 2, 48_000, 16);
        body.extend([22, 0, 16, 0, 3, 0, 0, 0]);
        body.extend(b"\x01\0\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        chunk(b"fmt ", 40, &body)
    };
    let mono = chunk(b"fmt ", 16, &fmt(PCM, 1, 16_000, 16));
    let more = chunk(b"id3 ", 4, b"next");
    let (_a, path) = file(&[odd.clone(), mono.clone(), odd, chunk(b"data", length, &bytes), more]);
    assert_eq!(play(&path, false, usize::MAX), samples);
    // Even in stereo, the odd sample at the end is half a frame.
    for size in [0, u32::MAX, length + 1000] {
        let (_b, path) = file(&[extensible.clone(), chunk(b"data", size, &bytes)]);
        assert_eq!(play(&path, false, usize::MAX), samples[..1002]);
    }
    let (_c, path) = file(&[mono, chunk(b"data", 2 * 501, &bytes)]);
    assert_eq!(play(&path, false, usize::MAX), samples[..501]);
}

#[test]
fn a_loop_has_no_gap() {
    let (samples, bytes) = ramp(50);
    let format = chunk(b"fmt ", 16, &fmt(PCM, 1, 48_000, 16));
    let (_folder, path) = file(&[format, chunk(b"data", 100, &bytes)]);
    let expected: Vec<i16> = samples.iter().copied().cycle().take(960).collect();
    assert_eq!(play(&path, true, 960), expected);
}

#[test]
fn a_small_buffer_gets_what_fits() {
    let (samples, bytes) = ramp(500);
    let format = chunk(b"fmt ", 16, &fmt(PCM, 2, 48_000, 16));
    let (_folder, path) = file(&[format, chunk(b"data", 0, &bytes)]);
    let mut source = WavFile::open(&path, Monotonic(0), false).unwrap().unwrap();
    let late = Monotonic(1_000_000_000);
    assert_eq!(source.poll(late, &mut [0]).unwrap(), AudioPoll::Idle);
    let mut out = [0; 7];
    let polled = source.poll(late, &mut out).unwrap();
    assert_eq!(polled, AudioPoll::Samples { frames: 3, capture: Monotonic(0) });
    assert_eq!(out[..6], samples[..6]);
}

#[test]
fn what_cannot_be_played_is_said() {
    let said = |chunks: &[Vec<u8>]| {
        let (_folder, path) = file(chunks);
        WavFile::open(&path, Monotonic(0), false).unwrap_err().to_string()
    };
    let with = |code, channels, rate, bits| {
        said(&[chunk(b"fmt ", 16, &fmt(code, channels, rate, bits)), chunk(b"data", 4, &[0; 4])])
    };
    assert!(with(EXTENSIBLE, 2, 44_100, 16).contains("too short"));
    assert!(with(PCM, 2, 0, 16).contains("claims 0"));
    let good = chunk(b"fmt ", 16, &fmt(PCM, 2, 48_000, 16));
    assert!(said(&[]).contains("no data chunk"));
    assert!(said(std::slice::from_ref(&good)).contains("no data chunk"));
    assert!(said(&[chunk(b"fmt ", 16, b"\x01\0")]).contains("within its headers"));
    assert!(said(&[chunk(b"data", 4, &[0; 4])]).contains("no fmt chunk"));
    assert!(said(&[good, chunk(b"data", 0, &[])]).contains("no samples"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    assert!(WavFile::open(&path, Monotonic(0), false).is_err());
}

#[test]
fn what_is_of_another_kind_is_left_to_others() {
    let others = |code, channels, bits| {
        let format = chunk(b"fmt ", 16, &fmt(code, channels, 48_000, bits));
        let (_folder, path) = file(&[format, chunk(b"data", 4, &[0; 4])]);
        WavFile::open(&path, Monotonic(0), false).unwrap().is_none()
    };
    assert!(!others(PCM, 2, 16));
    const FLOAT: u16 = 3;
    for (code, channels, bits) in
        [(PCM, 2, 24), (PCM, 1, 8), (PCM, 6, 16), (PCM, 0, 16), (FLOAT, 2, 32), (0x55, 2, 0)]
    {
        assert!(others(code, channels, bits), "{code} {channels} {bits}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.wav");
    for kind in [&b"RF64\xff\xff\xff\xffWAVEds64"[..], b"no wave at all"] {
        fs::write(&path, kind).unwrap();
        assert!(WavFile::open(&path, Monotonic(0), false).unwrap().is_none());
    }
}

#[test]
fn a_big_endian_file_is_played_if_it_is_pcm_of_16_bits() {
    let (samples, bytes) = ramp(500);
    let (_folder, path) = file(&[
        chunk(b"fmt ", 16, &fmt(PCM, 2, 48_000, 16)),
        chunk(b"data", u32::try_from(bytes.len()).unwrap(), &bytes),
    ]);
    let mut whole = fs::read(&path).unwrap();
    whole[..4].copy_from_slice(b"RIFX");
    for (start, len) in [(16, 4), (20, 2), (22, 2), (24, 4), (28, 4), (32, 2), (34, 2), (40, 4)] {
        whole[start..start + len].reverse();
    }
    whole[44..].chunks_mut(2).for_each(<[u8]>::reverse);
    fs::write(&path, &whole).unwrap();
    assert_eq!(play(&path, false, usize::MAX), samples);
    let opened = WavFile::open(&path, Monotonic(0), false).unwrap().unwrap();
    assert_eq!(opened.format(), AudioFormat { rate: 48_000, channels: 2 });
    // Of 24 bits, which ffmpeg would take for little-endian.
    whole[35] = 24;
    fs::write(&path, &whole).unwrap();
    let error = WavFile::open(&path, Monotonic(0), false).unwrap_err().to_string();
    assert!(error.contains("is big-endian (RIFX)"), "{error}");
}
