//! What programs report of themselves, as JSON.

use serde_json::Value;

/// The first track of a medium in a report; null if there is none.
#[must_use]
pub fn track<'a>(report: &'a Value, media: &str) -> &'a Value {
    let tracks = report["tracks"].as_array().into_iter().flatten();
    tracks.into_iter().find(|track| track["media"] == media).unwrap_or(&Value::Null)
}
