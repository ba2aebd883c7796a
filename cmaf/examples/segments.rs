//! Writes a folder as an origin serves it, of coded pictures and sound in files: of each track the init segment, parts,
//! segments, its live playlist as it is at the end, and one of all; and in `stored/` segments that play by themselves.
//!
//! `segments FOLDER BEGIN PICTURES WIDTHxHEIGHT RATE SOUND`: BEGIN as in RFC 3339; PICTURES are H.264 with start codes and
//! without B-frames, RATE of them a second; SOUND is AAC-LC with ADTS headers.

use bytes::Bytes;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Duration;
use streamsocket_cmaf::grid::Grid;
use streamsocket_cmaf::playlist::{Sound, Variant, multivariant};
use streamsocket_cmaf::segmenter::{Made, Part, Sample, Segmenter};
use streamsocket_cmaf::track::Track;
use streamsocket_cmaf::vod::{self, Stored};
use streamsocket_cmaf::window::{Ask, Report, Window};
use streamsocket_cmaf::{annexb, rfc3339};
use streamsocket_media::clock::{Wall, sample_nanos};

/// Segments that the live playlist lists.
const KEPT: u32 = 10;

/// Sampling rates by their number in an ADTS header (ISO/IEC 14496-3 table 1.18).
const RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000,
    7_350,
];

/// Sample frames of an AAC frame.
const AAC_FRAME: u64 = 1024;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// A track and all its samples.
struct Source {
    track: Track,
    samples: Vec<Sample>,
}

/// What has become of a track.
struct Written {
    window: Window,
    stored: Vec<Stored>,
    bytes: u64,
}

fn main() -> Outcome<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [folder, begin, pictures, size, rate, sound] = arguments.as_slice() else {
        return Err("segments FOLDER BEGIN PICTURES WIDTHxHEIGHT RATE SOUND".into());
    };
    let begin = rfc3339::parse(begin).ok_or("BEGIN is no time of RFC 3339")?;
    let (width, height) = size.split_once('x').ok_or("SIZE is no WIDTHxHEIGHT")?;
    let (size, rate) = ((width.parse()?, height.parse()?), rate.parse()?);
    let pictures = self::pictures(&fs::read(pictures)?, begin, size, rate)?;
    let sound = self::sound(&fs::read(sound)?, begin)?;
    write_all(Path::new(folder), &pictures, &sound, (size, rate))
}

fn write_all(
    folder: &Path,
    pictures: &Source,
    sound: &Source,
    (size, rate): ((u16, u16), u32),
) -> Outcome<()> {
    let high = write(folder, "high", pictures)?;
    let audio = write(folder, "audio", sound)?;
    let runs = vod::runs(&[&high.stored, &audio.stored]);
    for (name, this, other, written) in
        [("high", &high, &audio, "audio"), ("audio", &audio, &high, "high")]
    {
        let position = other.window.position().ok_or("there are no samples")?;
        let reports = [Report { uri: format!("../{written}/live.m3u8"), position }];
        let ask = Ask { reports: &reports, ..Ask::default() };
        fs::write(folder.join(name).join("live.m3u8"), this.window.playlist(&ask))?;
        let skipped = Ask { skip: true, ..ask };
        fs::write(folder.join(name).join("delta.m3u8"), this.window.playlist(&skipped))?;
        let vod = vod::playlist(Grid::default(), &this.stored, &runs, "");
        fs::write(folder.join(name).join("vod.m3u8"), vod)?;
    }
    let variant = Variant {
        name: "high".to_owned(),
        bandwidth: high.bits(),
        average: high.bits(),
        size,
        frame_rate: f64::from(rate),
        codec: pictures.track.codec(),
    };
    let Track::Aac { channels, .. } = sound.track else { return Err("no sound".into()) };
    let (name, codec) = ("audio".to_owned(), sound.track.codec());
    let sound = Sound { name, bandwidth: audio.bits(), channels, codec };
    for file in ["live.m3u8", "vod.m3u8"] {
        let text = multivariant(std::slice::from_ref(&variant), Some(&sound), file);
        fs::write(folder.join(file), text)?;
    }
    Ok(())
}

impl Written {
    /// Bits a second.
    fn bits(&self) -> u64 {
        let span: Duration = self.stored.iter().map(|stored| stored.duration).sum();
        self.bytes * 8 * 1000 / u64::try_from(span.as_millis()).unwrap_or(u64::MAX).max(1)
    }
}

/// Writes all of a track but its playlists.
fn write(folder: &Path, name: &str, source: &Source) -> Outcome<Written> {
    let (track, stored) = (folder.join(name), folder.join("stored").join(name));
    fs::create_dir_all(&track)?;
    fs::create_dir_all(&stored)?;
    let grid = Grid::default();
    let mut segmenter = Segmenter::new(source.track.clone(), grid);
    let mut made = Vec::new();
    for sample in &source.samples {
        segmenter.push(sample.clone(), &mut made);
    }
    segmenter.flush(&mut made);
    let length = source.samples.first().map_or(Duration::ZERO, |sample| sample.duration);
    let mut window = Window::new(grid, KEPT, length);
    window.describe(&source.track);
    let (id, init) = (source.track.id(), source.track.init());
    fs::write(track.join(format!("init-{id}.mp4")), &init)?;
    let mut written = Written { window, stored: Vec::new(), bytes: 0 };
    let mut parts = Vec::new();
    for made in &made {
        written.window.add(made);
        match made {
            Made::Part(Part { number, index, bytes, .. }) => {
                fs::write(track.join(format!("{number}.{index}.mp4")), bytes)?;
                parts.extend_from_slice(bytes);
            }
            Made::Segment(segment) => {
                let number = segment.number;
                fs::write(track.join(format!("{number}.mp4")), &parts)?;
                let whole = [&init[..], &parts].concat();
                fs::write(stored.join(format!("{number}.mp4")), whole)?;
                parts.clear();
                written.bytes += segment.bytes;
                let (begin, duration) = (segment.begin, segment.duration);
                written.stored.push(Stored { number, begin, duration, init: id.clone() });
            }
        }
    }
    Ok(written)
}

/// The pictures of a byte stream: a slice that begins at the first macroblock begins one.
fn pictures(stream: &[u8], begin: Wall, size: (u16, u16), rate: u32) -> Outcome<Source> {
    let (mut units, mut unit, mut has_slice) = (Vec::new(), Vec::new(), false);
    for nal in annexb::nal_units(stream) {
        let is_slice = matches!(nal[0] & 31, 1 | 5);
        let begins = !is_slice || nal.get(1).is_some_and(|byte| byte & 0x80 != 0);
        if begins && has_slice {
            units.push(std::mem::take(&mut unit));
            has_slice = false;
        }
        has_slice |= is_slice;
        unit.extend_from_slice(&[0, 0, 1]);
        unit.extend_from_slice(nal);
    }
    units.push(unit);
    let (mut sps, mut pps, mut samples) = (None, None, Vec::new());
    for (count, unit) in (0..).zip(units) {
        let unit = annexb::unit(&unit);
        sps = unit.sps.or(sps);
        pps = unit.pps.or(pps);
        let at = Wall(begin.0 + sample_nanos(count, rate));
        let duration = Duration::from_secs(1) / rate.max(1);
        samples.push(Sample { data: unit.data.into(), at, duration, key: unit.key });
    }
    let (sps, pps) = (sps.ok_or("PICTURES without an SPS")?, pps.ok_or("PICTURES without a PPS")?);
    Ok(Source { track: Track::H264 { sps, pps, size }, samples })
}

/// The frames of AAC with ADTS headers (ISO/IEC 14496-3 section 1.A.2.2).
fn sound(stream: &[u8], begin: Wall) -> Outcome<Source> {
    let (mut track, mut samples, mut rest) = (None, Vec::new(), stream);
    while let Some(header) = rest.first_chunk::<7>() {
        let number = usize::from(header[2] >> 2 & 15);
        let rate = *RATES.get(number).ok_or("SOUND of an unknown rate")?;
        let channels = (header[2] & 1) << 2 | header[3] >> 6;
        let length = usize::from(header[3] & 3) << 11
            | usize::from(header[4]) << 3
            | usize::from(header[5] >> 5);
        // A checksum goes before the frame unless this bit is set.
        let start = if header[1] & 1 == 0 { 9 } else { 7 };
        let frame = rest.get(start..length).ok_or("SOUND ends within a frame")?;
        let at = Wall(begin.0 + sample_nanos(samples.len() as u64 * AAC_FRAME, rate));
        let duration = Duration::from_secs(AAC_FRAME) / rate;
        samples.push(Sample { data: Bytes::copy_from_slice(frame), at, duration, key: true });
        track = Some(Track::Aac { rate, channels });
        rest = &rest[length..];
    }
    Ok(Source { track: track.ok_or("SOUND without a frame")?, samples })
}
