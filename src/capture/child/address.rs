//! Addresses of cameras: how they are shown, and how ffmpeg is told them. Its arguments are seen by every user
//! of the machine (`ps`), so one that may have a password in it is told by a pipe instead.

use nix::fcntl::OFlag;
use nix::unistd::pipe2;
use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write as _};
use std::process::Stdio;

/// Bytes of an address at most: so many a pipe takes at once, whoever reads it, with room for what is around
/// it (pipe(7): 4096 at least), even if each is written as three.
pub(super) const ADDRESS_MAX: usize = 1200;

/// What an address opens by: those protocols alone, so that no file of this machine is.
const PROTOCOLS: &str = "pipe,http,https,tcp,tls,udp,rtp,crypto,httpproxy";

/// An address as it may be shown: without name and password, and without the query, where some cameras have
/// theirs. One that can be read in two ways is not shown at all.
pub(crate) fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (before, query) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    if query.contains('@') {
        return format!("{scheme}://...");
    }
    let host = before.rsplit_once('@').map_or(before, |(_, host)| host);
    let rest = if query.is_empty() { "" } else { "?..." };
    format!("{scheme}://{host}{rest}")
}

/// A line about `told` as it may be shown, without what is secret in addresses. The pipe that ffmpeg was told
/// it by is named as what it is.
pub(super) fn line_without_passwords(line: &str, told: &str) -> String {
    let ends = |it: char| it.is_whitespace() || matches!(it, '\'' | '"');
    let shown = |word: &str| {
        let address = word.trim_end_matches(|it| ends(it) || matches!(it, ':' | ',' | ')' | ']'));
        format!("{}{}", without_password(address), &word[address.len()..])
    };
    line.replace("pipe:0", told).split_inclusive(ends).map(shown).collect()
}

/// Whether a password may be in it.
pub(super) fn is_secret(address: &str) -> bool {
    address.contains(['@', '?'])
}

/// The options by which ffmpeg reads an address from its standard input.
pub(super) const BY_PIPE: [&str; 8] =
    ["-f", "concat", "-safe", "0", "-protocol_whitelist", PROTOCOLS, "-i", "pipe:0"];

/// The standard input that tells ffmpeg an address: a script of its concat demuxer with this one entry.
///
/// # Errors
/// There are no descriptors left, or the address is too long for the pipe.
pub(super) fn told(address: &str) -> io::Result<Stdio> {
    if address.len() > ADDRESS_MAX {
        return Err(io::Error::other(format!(
            "an address of {ADDRESS_MAX} bytes at most is taken"
        )));
    }
    let (reader, writer) = pipe2(OFlag::O_CLOEXEC)?;
    File::from(writer).write_all(script(address).as_bytes())?;
    Ok(reader.into())
}

/// An address whose query does not end like the name of a file: libavformat takes one of a picture for a
/// pattern of file names (`img_read_probe`), whatever the server then gives.
fn unmistakable(address: &str) -> Cow<'_, str> {
    let query = address.split_once('?').filter(|_| !address.contains('#'));
    let extension = query.and_then(|(_, query)| query.rsplit_once('.'));
    let named = |it: &str| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match extension {
        Some((_, extension)) if named(extension) => format!("{address}&").into(),
        _ => address.into(),
    }
}

fn script(address: &str) -> String {
    let mut script = String::from("ffconcat version 1.0\nfile '");
    for byte in unmistakable(address).chars() {
        // A quote would end the name, a line end the entry: in an address they are written so.
        if byte == '\'' || byte.is_ascii_control() {
            let _ = write!(script, "%{:02X}", u32::from(byte));
        } else {
            script.push(byte);
        }
    }
    script.push_str("'\noption fflags nobuffer\n");
    if address.starts_with("rtsp") {
        script.push_str("option rtsp_transport tcp\n");
    }
    script
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_has_no_password() {
        for (address, shown) in [
            ("http://camera/video", "http://camera/video"),
            ("http://me:secret@camera/video", "http://camera/video"),
            ("rtsp://me:s/ec@ret@camera:554/1", "rtsp://camera:554/1"),
            ("http://camera/v?user=me&pwd=secret", "http://camera/v?..."),
            ("http://me:sec?ret@camera/v", "http://..."),
            ("clip.mp4", "clip.mp4"),
        ] {
            assert_eq!(without_password(address), shown);
        }
        let line = "pipe:0: Impossible to open 'http://me:secret@camera/v?a=b': 401";
        assert_eq!(
            line_without_passwords(line, "http://me:secret@y"),
            "http://y: Impossible to open 'http://camera/v?...': 401"
        );
    }

    #[test]
    fn a_script_has_one_entry_whatever_the_address_is() {
        assert_eq!(
            script("rtsp://a'b\nfile c@d"),
            "ffconcat version 1.0\nfile 'rtsp://a%27b%0Afile c@d'\noption fflags nobuffer\noption rtsp_transport tcp\n"
        );
        for (address, told) in [
            ("http://c/v?a=.jpg", "http://c/v?a=.jpg&"),
            ("http://c/v?.png", "http://c/v?.png&"),
            ("http://c/v.jpg?a", "http://c/v.jpg?a"),
            ("http://me@c/v.jpg", "http://me@c/v.jpg"),
            ("http://c/v?a=1.5&b", "http://c/v?a=1.5&b"),
        ] {
            assert!(script(address).contains(&format!("file '{told}'\n")), "{address}");
        }
        assert!(script(&"'".repeat(ADDRESS_MAX)).len() <= 4096);
        assert!(told(&"x".repeat(ADDRESS_MAX + 1)).is_err());
    }
}
