//! Session descriptions: of the network, or of a file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket_fuzz::read_description;

fuzz_target!(|text: &str| read_description(text));
