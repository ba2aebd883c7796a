//! Segments as small as they can be: whole boxes, with a few bytes of media.

use bytes::Bytes;
use core::time::Duration;
use streamsocket_archive::{Archive, Begin, Entry, Finish, InitId, Place, Recording, Retention};
use streamsocket_media::clock::Wall;

/// Ticks of a second.
pub(crate) const TIMESCALE: u32 = 90_000;

/// The name of [`init`].
pub(crate) const INIT: InitId = InitId(0x0123_4567_89ab_cdef);

/// A box.
pub(crate) fn boxed(kind: &[u8; 4], body: &[&[u8]]) -> Vec<u8> {
    let body = body.concat();
    let size = u32::try_from(8 + body.len()).unwrap();
    [&size.to_be_bytes()[..], kind, &body].concat()
}

/// A box with version and flags.
pub(crate) fn full(kind: &[u8; 4], version_and_flags: u32, fields: &[u32]) -> Vec<u8> {
    let fields: Vec<_> = fields.iter().flat_map(|it| it.to_be_bytes()).collect();
    boxed(kind, &[&version_and_flags.to_be_bytes(), &fields])
}

/// An initialisation segment: `ftyp` and `moov`.
pub(crate) fn init() -> Vec<u8> {
    let mdhd = full(b"mdhd", 0, &[0, 0, TIMESCALE, 0, 0]);
    let trak = boxed(b"trak", &[&boxed(b"mdia", &[&mdhd])]);
    let mvex = boxed(b"mvex", &[&full(b"trex", 0, &[1, 1, 0, 0, 0])]);
    [boxed(b"ftyp", &[b"cmf2"]), boxed(b"moov", &[&trak, &mvex])].concat()
}

/// A part of so many ticks, in two samples.
pub(crate) fn part(begin: u64, ticks: u32) -> Vec<u8> {
    let trun = full(b"trun", 0x101, &[2, 0, ticks / 2, ticks - ticks / 2]);
    let tfdt = full(b"tfdt", 1 << 24, &[(begin >> 32) as u32, begin as u32]);
    let traf = boxed(b"traf", &[&full(b"tfhd", 0x2_0000, &[1]), &tfdt, &trun]);
    let moof = boxed(b"moof", &[&full(b"mfhd", 0, &[1]), &traf]);
    [moof, boxed(b"mdat", &[b"media"])].concat()
}

/// Seconds since 1970.
pub(crate) const fn second(seconds: i64) -> Wall {
    Wall(seconds * 1_000_000_000)
}

/// A segment of 2 s in ten parts, by its number.
pub(crate) fn parts(number: u64) -> Vec<Bytes> {
    let begin = number * 2 * u64::from(TIMESCALE);
    (0..10).map(|k| part(begin + k * 18_000, 18_000).into()).collect()
}

pub(crate) fn begin(number: u64, init: &[u8]) -> Begin<'_> {
    Begin { number, begin: second(2 * number as i64), init, init_id: INIT }
}

pub(crate) const FINISH: Finish =
    Finish { duration: Duration::from_secs(2), frames: 20, lost: 1, repaired: 2 };

/// What the index says of such a segment.
pub(crate) fn entry(number: u64) -> Entry {
    let bytes = init().len() + parts(number).iter().map(Bytes::len).sum::<usize>();
    Entry {
        number,
        begin: second(2 * number as i64),
        duration: FINISH.duration,
        bytes: bytes as u64,
        init_len: init().len() as u32,
        frames: FINISH.frames,
        lost: FINISH.lost,
        repaired: FINISH.repaired,
        init: INIT,
    }
}

/// The entry of a segment that was found without a line of the index.
pub(crate) fn repaired(number: u64) -> Entry {
    Entry { lost: 0, repaired: 0, ..entry(number) }
}

/// Stores a segment part by part.
pub(crate) fn record(recording: &mut Recording, track: &str, number: u64) -> Option<Entry> {
    recording.begin(track, begin(number, &init()));
    for part in parts(number) {
        recording.append(track, &part);
    }
    recording.finish(track, FINISH)
}

pub(crate) fn open(folder: &tempfile::TempDir) -> Archive {
    open_with(folder, Retention::default())
}

pub(crate) fn open_with(folder: &tempfile::TempDir, retention: Retention) -> Archive {
    Archive::open(Place::Local(folder.path().to_owned()), retention).unwrap()
}

/// All segments of a track.
pub(crate) fn all(archive: &Archive, session: &str, track: &str) -> Vec<Entry> {
    archive.span(session, track, Wall(i64::MIN), Wall(i64::MAX)).unwrap()
}
