//! What a stored file has in it (ISO/IEC 14496-12): an initialisation segment, then parts of a `moof` and an `mdat`
//! each, the last of which may be torn.

use core::time::Duration;
use std::io::{self, Read, Seek, SeekFrom};
use streamsocket_media::clock::Wall;

/// Largest `moov` or `moof` that is read: of a segment of some seconds they have a few kilobytes. A size beyond it is
/// not believed, so that a damaged file does not take all memory.
const HEADER_MAX: u64 = 1 << 20;

/// `tfhd`: there is a base data offset.
const BASE_DATA_OFFSET: u32 = 0x1;
/// `tfhd`: there is the number of a sample description.
const SAMPLE_DESCRIPTION: u32 = 0x2;
/// `tfhd`: there is a duration for samples that have none of their own.
const DEFAULT_DURATION: u32 = 0x8;
/// `trun`: there is an offset of the data.
const DATA_OFFSET: u32 = 0x1;
/// `trun`: there are flags for the first sample.
const FIRST_FLAGS: u32 = 0x4;
/// `trun`: each sample has a duration.
const DURATIONS: u32 = 0x100;
/// `trun`: the fields that each sample may have, of four bytes each.
const FIELDS: u32 = 0xf00;

/// What there is of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    /// Bytes of the initialisation segment.
    pub(crate) init_len: u32,
    /// Bytes up to the end of the last whole part.
    pub(crate) whole: u64,
    /// When the first sample begins.
    pub(crate) begin: Wall,
    /// How long all samples take.
    pub(crate) duration: Duration,
    /// How many there are.
    pub(crate) samples: u32,
}

/// What an initialisation segment says of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Timing {
    /// Ticks of a second.
    timescale: u32,
    /// Ticks of a sample for which nothing else is said.
    duration: u32,
}

/// What a `moof` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Fragment {
    begin: Option<u64>,
    ticks: u64,
    samples: u32,
}

/// Looks through a file up to its last whole part. `None` if there is none.
///
/// # Errors
/// Those of reading.
pub(crate) fn scan(file: &mut (impl Read + Seek)) -> io::Result<Option<Content>> {
    let length = file.seek(SeekFrom::End(0))?;
    let (mut at, mut timing, mut init_len) = (0, None, 0);
    let (mut total, mut whole) = (Fragment::default(), 0);
    let mut open: Option<Fragment> = None;
    while let Some((kind, header, size)) = box_at(file, at, length)? {
        let body = (at + header, size - header);
        match &kind {
            b"moov" => {
                timing = self::timing(&read(file, body)?);
                init_len = at + size;
            }
            b"moof" => {
                let Some(timing) = timing else { break };
                open = Some(fragment(&read(file, body)?, timing.duration));
            }
            b"mdat" => {
                let Some(part) = open.take() else { break };
                total.begin = total.begin.or(part.begin);
                total.ticks = total.ticks.saturating_add(part.ticks);
                total.samples = total.samples.saturating_add(part.samples);
                whole = at + size;
            }
            _ => {}
        }
        at += size;
    }
    let (Some(timing), Some(begin)) = (timing, total.begin) else { return Ok(None) };
    Ok(u32::try_from(init_len).ok().map(|init_len| Content {
        init_len,
        whole,
        begin: Wall(i64::try_from(nanos(begin, timing)).unwrap_or(i64::MAX)),
        duration: Duration::from_nanos(u64::try_from(nanos(total.ticks, timing)).unwrap_or(0)),
        samples: total.samples,
    }))
}

/// Ticks in nanoseconds, rounded.
fn nanos(ticks: u64, timing: Timing) -> u128 {
    let scale = u128::from(timing.timescale.max(1));
    (u128::from(ticks) * 1_000_000_000 + scale / 2) / scale
}

/// The box that begins at `at`: its kind, the bytes of its header and of all of it. `None` if it is not whole.
fn box_at(
    file: &mut (impl Read + Seek),
    at: u64,
    length: u64,
) -> io::Result<Option<([u8; 4], u64, u64)>> {
    let mut header = [0; 16];
    let there = usize::try_from(length.saturating_sub(at).min(16)).unwrap_or(16);
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut header[..there])?;
    let Some((kind, length_of, size)) = header_of(&header[..there]) else { return Ok(None) };
    let is_whole = at.checked_add(size).is_some_and(|end| end <= length);
    let is_read = matches!(&kind, b"moov" | b"moof");
    Ok((is_whole && (!is_read || size <= HEADER_MAX)).then_some((kind, length_of, size)))
}

/// Kind, bytes of the header, bytes of the box. `None` if that is no header.
fn header_of(bytes: &[u8]) -> Option<([u8; 4], u64, u64)> {
    let short = u32_at(bytes, 0)?;
    let kind = *bytes.get(4..)?.first_chunk()?;
    // A size of 0, up to the end of the file, is never written here: it would say of no part that it is whole.
    let (header, size) = match short {
        1 => (16, u64_at(bytes, 8)?),
        size => (8, size.into()),
    };
    (size >= header).then_some((kind, header, size))
}

fn read(file: &mut (impl Read + Seek), (at, length): (u64, u64)) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// The boxes in a box: the kind and the body of each.
fn children(mut bytes: &[u8]) -> impl Iterator<Item = ([u8; 4], &[u8])> {
    core::iter::from_fn(move || {
        let (kind, header, size) = header_of(bytes)?;
        let (header, size) = (usize::try_from(header).ok()?, usize::try_from(size).ok()?);
        let body = bytes.get(header..size)?;
        bytes = &bytes[size..];
        Some((kind, body))
    })
}

/// The first box of a kind in a box.
fn child<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
    children(bytes).find_map(|(it, body)| (it == *kind).then_some(body))
}

/// From a `moov`: `mdhd` of the first track, and `trex`.
fn timing(moov: &[u8]) -> Option<Timing> {
    let mdhd = child(child(child(moov, b"trak")?, b"mdia")?, b"mdhd")?;
    let timescale = u32_at(mdhd, if *mdhd.first()? == 1 { 20 } else { 12 })?;
    let trex = child(moov, b"mvex").and_then(|mvex| child(mvex, b"trex"));
    let duration = trex.and_then(|trex| u32_at(trex, 12)).unwrap_or(0);
    (timescale > 0).then_some(Timing { timescale, duration })
}

/// From a `moof`: `tfdt`, and what all `trun` add up to.
fn fragment(moof: &[u8], duration: u32) -> Fragment {
    let mut fragment = Fragment::default();
    let Some(traf) = child(moof, b"traf") else { return fragment };
    let duration = child(traf, b"tfhd").and_then(default_duration).unwrap_or(duration);
    fragment.begin = child(traf, b"tfdt").and_then(|tfdt| {
        if *tfdt.first()? == 1 { u64_at(tfdt, 4) } else { u32_at(tfdt, 4).map(u64::from) }
    });
    for trun in children(traf).filter(|(kind, _)| kind == b"trun") {
        let (samples, ticks) = run(trun.1, duration).unwrap_or((0, 0));
        fragment.samples = fragment.samples.saturating_add(samples);
        fragment.ticks = fragment.ticks.saturating_add(ticks);
    }
    fragment
}

/// From a `tfhd`: the duration of samples that have none of their own.
fn default_duration(tfhd: &[u8]) -> Option<u32> {
    let flags = u32_at(tfhd, 0)?;
    let offset = if flags & BASE_DATA_OFFSET != 0 { 8 } else { 0 };
    let description = if flags & SAMPLE_DESCRIPTION != 0 { 4 } else { 0 };
    (flags & DEFAULT_DURATION != 0).then(|| u32_at(tfhd, 8 + offset + description))?
}

/// From a `trun`: samples, and ticks that they take.
fn run(trun: &[u8], duration: u32) -> Option<(u32, u64)> {
    let (flags, samples) = (u32_at(trun, 0)?, u32_at(trun, 4)?);
    if flags & DURATIONS == 0 {
        return Some((samples, u64::from(samples) * u64::from(duration)));
    }
    let width = 4 * (flags & FIELDS).count_ones() as usize;
    let skipped = 4 * (flags & (DATA_OFFSET | FIRST_FLAGS)).count_ones() as usize;
    let rows = trun.get(8 + skipped..)?.chunks_exact(width).take(samples as usize);
    Some((samples, rows.filter_map(|row| u32_at(row, 0)).map(u64::from).sum()))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|it| u32::from_be_bytes(*it))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|it| u64::from_be_bytes(*it))
}
