//! What a URL asks for: a session, a tier of it, or a track of either.

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// What names a track in a URL, behind that of its session.
const TRACK: &str = "trackID=";

/// What a URL asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The URL of the session or tier, as the client wrote it: without query, without a slash at its
    /// end. Tracks are named behind it.
    pub base: String,
    /// The names in its path, decoded: none, that of the session, or those of the session and a tier.
    pub path: Vec<String>,
    /// Which track, by the name that the description has for it.
    pub track: Option<String>,
    /// Its repair packets.
    pub repair: bool,
}

impl Target {
    /// Takes a URL apart. One without a host, such as `*`, is that of the session at `host`. What is encrypted
    /// (`rtsps`) has no base of its own: GStreamer 1.22 takes only `rtsp://` for an absolute URL in a description.
    #[must_use]
    pub fn parse(url: &str, host: &str) -> Self {
        let plain = url.split(['?', '#']).next().unwrap_or_default();
        let rest = ["rtsp://", "rtspu://", "rtsps://"].iter().find_map(|it| {
            let scheme = plain.get(..it.len())?;
            scheme.eq_ignore_ascii_case(it).then(|| &plain[it.len()..])
        });
        let (authority, path) = match rest {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => (host, if plain.starts_with('/') { plain } else { "" }),
        };
        // A name and a password in front belong to nobody else.
        let authority = authority.rsplit('@').next().filter(|it| !it.is_empty()).unwrap_or(host);
        let mut names: Vec<&str> = path.split('/').filter(|it| !it.is_empty()).collect();
        let is_track = |name: &&str| name.starts_with(TRACK);
        let repair = names.len() > 1
            && names.last() == Some(&"repair")
            && names.iter().rev().nth(1).is_some_and(is_track);
        if repair {
            names.pop();
        }
        let track = names.last().and_then(|name| name.strip_prefix(TRACK)).map(decoded);
        names.truncate(names.len() - usize::from(track.is_some()));
        let base = [&[authority][..], &names].concat().join("/");
        let path = names.into_iter().map(decoded).collect();
        Self { base: format!("rtsp://{base}"), path, track, repair }
    }
}

/// The URL of a track, behind that of its session.
#[must_use]
pub fn track_url(base: &str, track: &str) -> String {
    format!("{base}/{TRACK}{}", encoded(track))
}

/// What may not stand in a path (RFC 3986 section 3.3).
const RESERVED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'/')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// A name as it stands in a path.
#[must_use]
pub fn encoded(name: &str) -> String {
    utf8_percent_encode(name, RESERVED).to_string()
}

fn decoded(name: &str) -> String {
    percent_decode_str(name).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> (String, Vec<String>, Option<String>, bool) {
        let Target { base, path, track, repair } = Target::parse(url, "pi:8554");
        (base, path, track, repair)
    }

    #[test]
    fn queries_slashes_and_names_do_not_matter() {
        for url in [
            "rtsp://pi:8554",
            "rtsp://pi:8554/",
            "RTSP://pi:8554//",
            "rtsps://pi:8554/",
            "rtsp://pi:8554?tcp",
            "rtsp://pi:8554/?a=b/c",
            "rtsp://user:pass%40word@pi:8554/",
            "*",
            "/",
            "",
        ] {
            assert_eq!(parse(url), ("rtsp://pi:8554".into(), vec![], None, false), "{url}");
        }
    }

    #[test]
    fn sessions_tiers_and_tracks_are_told_apart() {
        let (base, path, track, repair) = parse("rtsp://[::1]:8554/my%20cam/s/trackID=v/repair/?x");
        assert_eq!((base.as_str(), repair), ("rtsp://[::1]:8554/my%20cam/s", true));
        assert_eq!((path, track.as_deref()), (vec!["my cam".to_owned(), "s".into()], Some("v")));
        let (base, path, track, repair) = parse("rtsp://pi/trackID=a2/");
        assert_eq!((base.as_str(), path.len(), track.as_deref()), ("rtsp://pi", 0, Some("a2")));
        assert!(!repair);
        // A tier may be called so.
        assert_eq!(parse("rtsp://pi/cam/repair").1, ["cam", "repair"]);
        assert_eq!(track_url("rtsp://pi/my%20cam", "v"), "rtsp://pi/my%20cam/trackID=v");
        assert_eq!(parse(&format!("rtsp://pi/{}", encoded("a/b %\u{fc}"))).1, ["a/b %\u{fc}"]);
    }
}
