//! Pictures of cameras, files and pipes: what the headers say, and where the coded data lies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket_wire::jpeg_header::{HEADER_MAX, emit};
use streamsocket_wire::jpeg_scan::{Scanner, Unfit, scan, scans, tables};

fuzz_target!(|file: &[u8]| {
    let mut scanner = Scanner::default();
    let (scanned, first) = (scan(file), scanner.scan(file));
    // What is remembered of a picture makes no difference to the next one.
    assert_eq!((&first, &scanner.scan(file)), (&scanned, &scanned));
    let shorter = file.get(..file.len() / 2).unwrap_or_default();
    assert_eq!(scanner.scan(shorter), scan(shorter));
    assert!(scans(file) <= file.len());
    let _ = tables(file);
    let frame = match scanned {
        Ok(frame) => frame,
        Err(unfit) => {
            assert!(unfit.index() < Unfit::COUNT && !unfit.to_string().is_empty());
            return;
        }
    };
    assert!(frame.picture.width > 0 && frame.picture.height > 0);
    let coded = file.get(frame.data.clone()).expect("the data lies in the file");
    assert!(!coded.is_empty());
    let mut header = [0; HEADER_MAX];
    let len = emit(&frame.picture, &mut header).expect("a header has room in HEADER_MAX");
    let rebuilt = [&header[..len], coded, &[0xFF, 0xD9]].concat();
    let again = scan(&rebuilt).expect("what was rebuilt is fit");
    assert_eq!(&rebuilt[again.data.clone()], coded);
    assert_eq!(again.picture, frame.picture);
});
