//! What takes its time, which `make long` runs whole and `make test` in part.

use crate::machine::not_run;
use std::env;

/// Whether all is to be run, however long it takes.
#[must_use]
pub fn whole() -> bool {
    env::var_os("LONG_TESTS").is_some()
}

/// The shorter one, or the longer one if all is to be run.
pub fn long_or<T>(shorter: T, longer: T) -> T {
    if whole() { longer } else { shorter }
}

/// Whether a test is left to `make long`, which says so then.
#[must_use]
pub fn is_left_out(test: &str) -> bool {
    let left = !whole();
    if left {
        not_run(test, "it takes its time, and make long runs it");
    }
    left
}
