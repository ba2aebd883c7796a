//! Chromium through all layers.

use crate::bed::{Bed, VIEWED};
use streamsocket_tests::long::long_or;

#[test]
fn chromium_plays_what_is_live_and_what_is_stored() {
    let Some(bed) = Bed::up("chromium_plays_what_is_live_and_what_is_stored") else { return };
    bed.wait_for_segments("audio", 6);
    let shots = tempfile::tempdir().unwrap();
    let seen = bed.node("page.mjs", &[VIEWED, shots.path().to_str().unwrap()]).remove(0);
    assert_eq!(seen["tiers"].as_object().unwrap().len(), 3, "{seen}");
    assert!(seen["stored"].is_string(), "{seen}");
    for played in bed.node("players.mjs", &[VIEWED, long_or("5", "60")]) {
        assert!(played["decoded"].as_u64().unwrap() >= 20, "{played}");
    }
}
