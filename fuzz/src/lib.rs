//! What several targets ask for.

use arbitrary::Arbitrary;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::sync::Mutex;
use streamsocket_subscribe::plan::Plan;
use streamsocket_wire::sdp::Session;
use tempfile::NamedTempFile;

/// What becomes of a packet on a network.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq)]
pub enum Fate {
    /// It comes.
    Arrives,
    /// It comes twice.
    Again,
    /// It does not come.
    Lost,
    /// It comes behind so many others.
    Later(u8),
}

/// The packets in the order that they arrive in.
#[must_use]
pub fn arrived<'a, T>(packets: &'a [T], network: &[Fate]) -> Vec<&'a T> {
    let mut arriving = Vec::new();
    for (index, packet) in packets.iter().enumerate() {
        match network.get(index).unwrap_or(&Fate::Arrives) {
            Fate::Arrives => arriving.push((index, packet)),
            Fate::Again => arriving.extend([(index, packet), (index + 1, packet)]),
            Fate::Lost => {}
            Fate::Later(by) => arriving.push((index + usize::from(*by), packet)),
        }
    }
    arriving.sort_by_key(|(at, _)| *at);
    arriving.into_iter().map(|(_, packet)| packet).collect()
}

/// Whether the part is one of the whole, as a view, not as a copy.
#[must_use]
pub fn lies_in(part: &[u8], whole: &[u8]) -> bool {
    let (part, whole) = (part.as_ptr_range(), whole.as_ptr_range());
    part.is_empty() || (whole.start <= part.start && part.end <= whole.end)
}

/// Coded data of a JPEG without a marker in it that would end it, and without one that is cut off.
#[must_use]
pub fn is_plain(coded: &[u8]) -> bool {
    let mut rest = coded;
    while let Some(at) = rest.iter().position(|byte| *byte == 0xFF) {
        if !matches!(rest.get(at + 1), Some(0x00 | 0xD0..=0xD7)) {
            return false;
        }
        rest = &rest[at + 2..];
    }
    !coded.is_empty()
}

/// Fails unless the text is fit for a terminal, on one line.
pub fn assert_one_line(text: &str) {
    assert!(!text.is_empty() && !text.contains(char::is_control), "{text:?}");
}

/// Reads a description, as the receiver does, and writes what was read: that says the same again.
pub fn read_description(text: &str) {
    match Plan::from_sdp(text) {
        Ok(plan) => {
            assert_one_line(&plan.name);
            assert!(plan.video.is_some() || plan.audio.is_some());
            for stream in [&plan.video, &plan.audio].into_iter().flatten() {
                assert!(stream.rtp.port() != 0 && stream.clock_rate != 0 && stream.channels != 0);
                assert_eq!(stream.rtp.ip(), stream.rtcp.ip());
            }
        }
        Err(error) => assert_one_line(&error.to_string()),
    }
    let Ok(session) = Session::parse(text) else { return };
    let written = written(&session);
    for line in written.split_terminator("\r\n") {
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
    let again = Session::parse(&written).expect("what was written can be read");
    let media = |session: &Session<'_>| -> Vec<_> {
        session.media.iter().map(|it| (it.medium, it.port, it.rtcp_port, it.repair)).collect()
    };
    assert_eq!(media(&session), media(&again));
    let texts = [session.info, session.tool, Some(session.name)];
    let texts =
        texts.into_iter().chain(session.media.iter().flat_map(|it| [it.cname, it.clock, it.mid]));
    // Without what ends lines, which is left out of texts.
    if texts.flatten().all(|text| !text.contains(['\r', '\0'])) {
        assert_eq!(self::written(&again), written);
    }
}

fn written(session: &Session<'_>) -> String {
    let mut text = String::new();
    session.write(&mut text).expect("a text takes everything");
    text
}

static FILE: Mutex<Option<NamedTempFile>> = Mutex::new(None);

/// Hands over the path of a file with these contents: the same file each time, with other contents.
///
/// # Panics
/// If there is no place for files.
pub fn with_file(contents: &[u8], read: impl FnOnce(&Path)) {
    // What it holds after a panic is written over.
    let mut file = FILE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let file = file.get_or_insert_with(|| NamedTempFile::new().expect("a place for files"));
    file.as_file().set_len(0).expect("the file can be cut");
    file.seek(SeekFrom::Start(0)).expect("the file has a begin");
    file.write_all(contents).expect("the file can be written");
    read(file.path());
}
