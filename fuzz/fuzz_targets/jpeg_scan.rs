//! Pictures of cameras, files and pipes: what the headers say, and where the coded data lies.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket_wire::jpeg_header::{HEADER_MAX, Picture, emit};
use streamsocket_wire::jpeg_scan::{Sampling, Scanner, Unfit, scan, scans, tables};

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
    assert!(frame.width > 0 && frame.height > 0);
    let coded = file.get(frame.data.clone()).expect("the data lies in the file");
    assert!(!coded.is_empty());
    let mut tables = [0; 128];
    tables[..64].copy_from_slice(&frame.tables[0]);
    tables[64..].copy_from_slice(&frame.tables[1]);
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
