//! The page: its files, which are in the program.

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};

/// The page. `{root}` in it is where the root is, from where it stands.
const PAGE: &str = include_str!("../page/index.html");

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// What it loads, by its name: what kind it is, and what is in it.
const FILES: [(&str, &str, &[u8]); 14] = [
    ("clock.js", SCRIPT, include_bytes!("../page/clock.js")),
    ("icon.svg", "image/svg+xml", include_bytes!("../page/icon.svg")),
    ("moments.js", SCRIPT, include_bytes!("../page/moments.js")),
    ("network.js", SCRIPT, include_bytes!("../page/network.js")),
    ("origin.css", "text/css; charset=utf-8", include_bytes!("../page/origin.css")),
    ("origin.js", SCRIPT, include_bytes!("../page/origin.js")),
    ("pace.js", SCRIPT, include_bytes!("../page/pace.js")),
    ("player.js", SCRIPT, include_bytes!("../page/player.js")),
    ("session.js", SCRIPT, include_bytes!("../page/session.js")),
    ("shaka.LICENSE", "text/plain; charset=utf-8", include_bytes!("../page/shaka.LICENSE")),
    ("shaka.js", SCRIPT, include_bytes!("../page/shaka.js")),
    ("stretches.js", SCRIPT, include_bytes!("../page/stretches.js")),
    ("timeline.js", SCRIPT, include_bytes!("../page/timeline.js")),
    ("times.js", SCRIPT, include_bytes!("../page/times.js")),
];

/// What it may load: its own files, and media that its player has put together; nothing from anywhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' \
                      blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/// The page, as an answer; its root is `root` from where it stands, such as `../`.
pub(crate) fn page(root: &str) -> Response {
    (headers("text/html; charset=utf-8"), PAGE.replace("{root}", root)).into_response()
}

/// One of its files.
pub(crate) fn file(name: &str) -> Option<Response> {
    let (_, kind, bytes) = FILES.iter().find(|(known, ..)| *known == name)?;
    Some((headers(kind), *bytes).into_response())
}

fn headers(kind: &'static str) -> [(HeaderName, HeaderValue); 4] {
    [
        (CONTENT_TYPE, HeaderValue::from_static(kind)),
        // A new version of the program is a new page at once.
        (CACHE_CONTROL, HeaderValue::from_static("no-cache")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_file_of_the_page_is_served() {
        let there = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/page")).unwrap();
        let there: BTreeSet<_> =
            there.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
        let mut served: BTreeSet<_> = FILES.iter().map(|(name, ..)| (*name).to_owned()).collect();
        served.insert("index.html".to_owned());
        assert_eq!(there, served);
        assert!(file("shaka.js").is_some() && file("../Cargo.toml").is_none());
    }
}
