//! Announcements of the network, and the descriptions in them.
#![no_main]

use libfuzzer_sys::fuzz_target;
use streamsocket_fuzz::{lies_in, read_description};
use streamsocket_wire::sap::Announcement;

fuzz_target!(|datagram: &[u8]| {
    let Ok(announcement) = Announcement::parse(datagram) else { return };
    assert!(lies_in(announcement.payload, datagram));
    // Ours has a payload type, and no authentication.
    let mut out = vec![0; datagram.len() + 16];
    let len = announcement.emit(&mut out).expect("it is no longer than it came");
    assert_eq!(Announcement::parse(&out[..len]), Ok(announcement));
    assert!(announcement.emit(&mut out[..len - 1]).is_err());
    read_description(&streamsocket_subscribe::text::text_of(announcement.payload));
});
