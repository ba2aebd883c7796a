#!/usr/bin/env bash
# With reed-solomon-simd, the smallest block costs what a block of hundreds of shards costs: 8 MiB, and as much time to decode.
#
# The crate reed-solomon-simd 3.1.0 is documented as O(n log n), and encodes 8 shards in a small part of the time of 172. But
# what has been lost is located over the whole field of 65,536 elements, whatever the block (`Engine::eval_poly`), so that to decode 8 + 6
# shards of 64 bytes takes over a thousand times as long as to encode them, and longer than to decode 172 + 39. And the tables of
# products of all 65,536 elements, 8 MiB, are made for the first block, even one of 1 + 1 shards of 2 bytes.
# Seen, on x86-64 with AVX2:
#   anonymous memory for the first block of 1 + 1: more than 8 MiB
#   8 + 6: to decode takes more than 50 times as long as to encode
#   172 + 39: to decode takes less than 50 times as long as to encode
#   to decode 8 + 6 takes more than half as long as to decode 172 + 39
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/src"
cat >"$folder/Cargo.toml" <<'TOML'
[package]
name = "blocks"
version = "0.0.0"
edition = "2021"
[dependencies]
reed-solomon-simd = "=3.1.0"
[workspace]
TOML
cat >"$folder/src/main.rs" <<'RUST'
use reed_solomon_simd::{ReedSolomonDecoder, ReedSolomonEncoder};
use std::time::Instant;

/// Bytes of a shard.
const LEN: usize = 64;

fn anonymous_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// The shortest time of many.
fn seconds(mut what: impl FnMut()) -> f64 {
    let times = (0..200).map(|_| {
        let begin = Instant::now();
        what();
        begin.elapsed().as_secs_f64()
    });
    times.fold(f64::MAX, f64::min)
}

/// Times to encode a block, and to decode it without its first shard.
fn both(originals: usize, repairs: usize) -> (f64, f64) {
    let shards: Vec<[u8; LEN]> = (0..originals).map(|at| [at as u8; LEN]).collect();
    let mut encoder = ReedSolomonEncoder::new(originals, repairs, LEN).unwrap();
    let mut first = Vec::new();
    let encode = seconds(|| {
        shards.iter().for_each(|shard| encoder.add_original_shard(shard).unwrap());
        first = encoder.encode().unwrap().recovery(0).unwrap().to_vec();
    });
    let mut decoder = ReedSolomonDecoder::new(originals, repairs, LEN).unwrap();
    let decode = seconds(|| {
        for (index, shard) in shards.iter().enumerate().skip(1) {
            decoder.add_original_shard(index, shard).unwrap();
        }
        decoder.add_recovery_shard(0, &first).unwrap();
        let decoded = decoder.decode().unwrap();
        assert_eq!(decoded.restored_original(0).unwrap(), shards[0]);
    });
    (encode, decode)
}

fn main() {
    let before = anonymous_kib();
    let mut encoder = ReedSolomonEncoder::new(1, 1, 2).unwrap();
    encoder.add_original_shard([1, 2]).unwrap();
    encoder.encode().unwrap();
    let more = if anonymous_kib() - before > 8 * 1024 { "more" } else { "less" };
    println!("anonymous memory for the first block of 1 + 1: {more} than 8 MiB");
    let (small, large) = (both(8, 6), both(172, 39));
    for (name, (encode, decode)) in [("8 + 6", small), ("172 + 39", large)] {
        let more = if decode > 50.0 * encode { "more" } else { "less" };
        println!("{name}: to decode takes {more} than 50 times as long as to encode");
        eprintln!("{name}: encode {:.2} us, decode {:.1} us", encode * 1e6, decode * 1e6);
    }
    let more = if small.1 > large.1 / 2.0 { "more" } else { "less" };
    println!("to decode 8 + 6 takes {more} than half as long as to decode 172 + 39");
}
RUST
cd "$folder"
cargo build --quiet --release
./target/release/blocks | tee seen
diff seen - <<'SEEN'
anonymous memory for the first block of 1 + 1: more than 8 MiB
8 + 6: to decode takes more than 50 times as long as to encode
172 + 39: to decode takes less than 50 times as long as to encode
to decode 8 + 6 takes more than half as long as to decode 172 + 39
SEEN
