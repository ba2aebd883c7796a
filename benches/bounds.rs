//! Are the instructions that each stage takes for a picture within what they were? Counted by callgrind,
//! which counts the same whatever else the machine does.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a failure ends the test")]

use std::path::Path;
use streamsocket_benches::{STAGES, instructions};
use streamsocket_tests::machine::not_run;

/// Instructions for a picture of 230 kB in 170 packets, or a raw one of 1280x720, as the tests are built. Who makes a stage better
/// lowers its bound. Valgrind has instructions for AES, but none for SHA-1: of `seal-cm` and `open-cm` five sixths are what
/// SHA-1 takes on processors without any.
const BOUNDS: [(&str, u64); STAGES.len()] = [
    ("planes", 12_065_500),
    ("rearrange", 36_617_600),
    ("scan", 47_000),
    ("packetize", 41_200),
    ("encode", 585_600),
    ("reassemble", 93_800),
    ("decode", 711_600),
    ("seal-cm", 5_209_600),
    ("open-cm", 5_252_800),
    ("seal-gcm", 1_438_000),
    ("open-gcm", 1_665_600),
];

/// Percent that processors and C libraries may differ by: they choose their own vector instructions.
const SLACK: u64 = 10;

/// The crates that the stages are in.
const CRATES: [&str; 6] = ["convert", "media", "parity", "srtp", "stream", "wire"];

#[test]
fn no_stage_takes_more_instructions_than_it_did() {
    if cfg!(target_arch = "x86_64")
        && !std::fs::read_to_string("/proc/cpuinfo").unwrap().contains(" avx2")
    {
        not_run("bounds", "they were counted on a processor with AVX2");
        return;
    }
    let mut slips = Vec::new();
    for (stage, bound) in BOUNDS {
        let each = instructions(Path::new(env!("CARGO_BIN_EXE_instructions")), stage);
        println!("{stage}: {each} instructions a picture, bound {bound}");
        if each > bound + bound * SLACK / 100 {
            slips.push(format!("{stage} takes {each} instructions a picture, not {bound}"));
        }
    }
    assert!(slips.is_empty(), "{}", slips.join("; "));
}

/// What is counted here is built for the tests: for size, its loops take several times as long.
#[test]
fn what_is_counted_is_optimized_for_speed_in_releases() {
    let manifest = include_str!("../Cargo.toml");
    let (_, packages) = manifest.split_once("[profile.release.package]").unwrap();
    for name in CRATES {
        let line = |level| format!("\nstreamsocket-{name} = {{ opt-level = {level} }}\n");
        let is_fast = [2, 3].into_iter().any(|level| packages.contains(&line(level)));
        assert!(is_fast, "{name} is not");
    }
}
