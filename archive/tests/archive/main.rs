//! The archive, from outside: what is stored is found again, whatever happened meanwhile.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test's way to fail")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "small numbers"
)]
#![allow(clippy::print_stdout, reason = "a table, and why something was skipped")]

mod bucket;
mod day;
mod full_disk;
mod killed;
mod reading;
mod segments;
