//! Names of sessions and tracks as names of folders, and back.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// What is written as it is, beside letters and digits.
const PLAIN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');

/// The same without dots: in front they would hide a folder, or lead out of it.
const FIRST: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// Longest name of a folder that is the name itself: file systems take 255 bytes, S3 1024 for the whole key.
const LENGTH_MAX: usize = 200;

/// The folder of a session without a name. No encoded name has a `%` before these letters.
const EMPTY: &str = "%empty";

/// In front of the hash that stands for a name that is too long.
const LONG: &str = "%long-";

/// The file in the folder of such a session that has its name.
pub(crate) const NAME_FILE: &str = "%name";

/// The lock in the topmost folder.
pub(crate) const LOCK_FILE: &str = "%lock";

/// The file of a session's events.
pub(crate) const EVENTS_FILE: &str = "events";

/// Longest name of a track: it is one of a few words, and part of each path.
const TRACK_MAX: usize = 32;

/// The folder of a session: its name, percent-encoded, so that it is a folder of the archive whatever it is.
pub(crate) fn folder(session: &str) -> String {
    let Some(first) = session.chars().next() else { return EMPTY.to_owned() };
    let (first, rest) = session.split_at(first.len_utf8());
    let mut name = utf8_percent_encode(first, &FIRST).to_string();
    name.extend(utf8_percent_encode(rest, &PLAIN));
    if name.len() <= LENGTH_MAX {
        return name;
    }
    let hash = Sha256::digest(session);
    hash.iter().take(16).fold(LONG.to_owned(), |name, byte| format!("{name}{byte:02x}"))
}

/// What a folder says of the session in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Folder {
    /// Its name.
    Session(String),
    /// That the name is in [`NAME_FILE`].
    Long,
}

/// Reads the name of a folder; none if it is no session's.
pub(crate) fn session(folder: &str) -> Option<Folder> {
    if folder == EMPTY {
        return Some(Folder::Session(String::new()));
    }
    if folder.starts_with(LONG) {
        return Some(Folder::Long);
    }
    let name = percent_decode_str(folder).decode_utf8().ok()?;
    (self::folder(&name) == folder).then(|| Folder::Session(name.into_owned()))
}

/// Whether the name of a session is too long for a folder, so that it needs [`NAME_FILE`].
pub(crate) fn is_long(session: &str) -> bool {
    folder(session).starts_with(LONG)
}

/// Whether a track may have this name: small letters, digits and `-`, and nothing that stands beside tracks.
pub(crate) fn is_track(name: &str) -> bool {
    let is_plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-';
    (1..=TRACK_MAX).contains(&name.len()) && name.bytes().all(is_plain) && name != EVENTS_FILE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leaves_the_folder_and_each_is_read_again() {
        let names = [
            "", ".", "..", "...", "a/b", "/etc", "%empty", "%lock", "lock", "é", "a\0b", "A.b", "~",
        ];
        let mut folders = Vec::new();
        for name in names {
            let folder = folder(name);
            assert!(!folder.starts_with('.') && !folder.contains(['/', '\0']), "{folder}");
            assert_ne!(folder, LOCK_FILE);
            assert_eq!(session(&folder), Some(Folder::Session(name.to_owned())));
            folders.push(folder);
        }
        folders.sort();
        folders.dedup();
        assert_eq!(folders.len(), names.len());
    }

    #[test]
    fn a_long_name_has_a_short_folder() {
        let (long, other) = ("ü".repeat(150), "ü".repeat(149) + "o");
        let folder = folder(&long);
        assert!(folder.len() <= LENGTH_MAX && is_long(&long));
        assert_eq!(session(&folder), Some(Folder::Long));
        assert_ne!(self::folder(&other), folder);
        assert!(!is_long(&"a".repeat(LENGTH_MAX)) && is_long(&"a".repeat(LENGTH_MAX + 1)));
    }

    #[test]
    fn folders_of_others_are_no_sessions() {
        for folder in ["%lock", "lost+found", "a b", "%2f", ".hidden", "%"] {
            assert_eq!(session(folder), None, "{folder}");
        }
    }

    #[test]
    fn tracks_have_plain_names() {
        assert!(["high", "audio", "tier-2"].into_iter().all(is_track));
        let long = "a".repeat(TRACK_MAX + 1);
        assert!(!["", "..", "a/b", "High", "events", "%name", &long].into_iter().any(is_track));
    }
}
