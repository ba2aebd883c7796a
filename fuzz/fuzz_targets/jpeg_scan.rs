//! Pictures of cameras, files and pipes: what the headers say, and where the coded data lies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket_fuzz::lies_in;
use streamsocket_wire::jpeg_header::{HEADER_MAX, Picture, emit};
use streamsocket_wire::jpeg_scan::{Sampling, Unfit, scan};

fuzz_target!(|file: &[u8]| {
    let frame = match scan(file) {
        Ok(frame) => frame,
        Err(unfit) => {
            assert!(unfit.index() < Unfit::COUNT && !unfit.to_string().is_empty());
            return;
        }
    };
    assert!(frame.width > 0 && frame.height > 0);
    assert!(frame.tables.iter().all(|table| lies_in(&table[..], file)));
    let coded = file.get(frame.data.clone()).expect("the data lies in the file");
    assert!(!coded.is_empty());
    let mut tables = [0; 128];
    tables[..64].copy_from_slice(frame.tables[0]);
    tables[64..].copy_from_slice(frame.tables[1]);
    let picture = Picture {
        kind: u8::from(frame.sampling == Sampling::S420),
        width: frame.width,
        height: frame.height,
        restart_interval: frame.restart_interval,
        tables,
    };
    let mut header = [0; HEADER_MAX];
    let len = emit(&picture, &mut header).expect("a header has room in HEADER_MAX");
    let rebuilt = [&header[..len], coded, &[0xFF, 0xD9]].concat();
    let again = scan(&rebuilt).expect("what was rebuilt is fit");
    assert_eq!(&rebuilt[again.data.clone()], coded);
    assert_eq!((again.width, again.height), (frame.width, frame.height));
    assert_eq!((again.sampling, again.restart_interval), (frame.sampling, frame.restart_interval));
    assert_eq!(again.tables, frame.tables);
});
