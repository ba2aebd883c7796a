//! The stages in time, one picture of 230 kB each: the last part of `make bench`.

#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use divan::Bencher;
use streamsocket_benches::{STAGES, Stages};

fn main() {
    divan::main();
}

#[divan::bench(args = STAGES)]
fn stage(bencher: Bencher<'_, '_>, name: &str) {
    let mut stages = Stages::default();
    bencher.bench_local(|| {
        stages.work(name);
        divan::black_box(&mut stages);
    });
}
