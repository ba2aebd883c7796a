use super::code::CLOCK_PREFIX;
use super::description::private;
use super::*;
use proptest::prelude::*;
extern crate std;
use std::vec::Vec;

const INFO: SenderInfo =
    SenderInfo { ntp: NtpTime(0x0102_0304_0506_0708), time: RtpTime(9), packets: 10, octets: 11 };

fn written(write: impl FnOnce(&mut Writer<'_>) -> Result<(), Error>) -> Vec<u8> {
    let mut out = [0xAA; 1024];
    let mut writer = Writer::new(&mut out);
    write(&mut writer).unwrap();
    let len = writer.finish();
    out[..len].to_vec()
}

/// The first description of a compound that begins with one.
fn described(bytes: &[u8]) -> Description<'_> {
    let packet = packets(bytes).unwrap().next().unwrap().unwrap();
    let Packet::Description(mut chunks) = packet else { panic!() };
    chunks.next().unwrap()
}

#[test]
fn a_sender_report_with_a_name_is_these_bytes() {
    let bytes = written(|writer| {
        writer.sender_report(Ssrc(0x0A0B_0C0D), &INFO, &[])?;
        writer.description(Ssrc(0x0A0B_0C0D), &Items { cname: "a@b", ..Items::default() })
    });
    let report = [
        0x80, 200, 0, 6, 0xA, 0xB, 0xC, 0xD, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 9, 0, 0, 0, 10, 0, 0,
        0, 11,
    ];
    let name = [0x81, 202, 0, 3, 0xA, 0xB, 0xC, 0xD, 1, 3, b'a', b'@', b'b', 0, 0, 0];
    assert_eq!(bytes, [&report[..], &name].concat());
    let mut packets = packets(&bytes).unwrap().flatten();
    let first = packets.next().unwrap();
    let Packet::SenderReport { ssrc, info, mut blocks } = first else { panic!("{first:?}") };
    assert_eq!((ssrc, info, blocks.next()), (Ssrc(0x0A0B_0C0D), INFO, None));
    let second = packets.next().unwrap();
    let Packet::Description(chunks) = second else { panic!("{second:?}") };
    let told = Description {
        ssrc: Ssrc(0x0A0B_0C0D),
        cname: Some(b"a@b"),
        note: None,
        clock: None,
        shared: None,
    };
    assert!(chunks.eq([told]));
}

#[test]
fn what_the_clock_is_travels_in_a_private_item() {
    let clock = Some("local");
    let items = Items { cname: "a", note: Some("gone"), clock, ..Items::default() };
    let bytes = written(|writer| writer.description(Ssrc(1), &items));
    assert_eq!(bytes[17..], *b"\x08\x0f\x09ts-refclklocal\0\0");
    let packet = packets(&bytes).unwrap().next().unwrap().unwrap();
    let Packet::Description(mut chunks) = packet else { panic!() };
    let told = chunks.next().unwrap();
    assert_eq!((told.note, told.clock), (Some(&b"gone"[..]), Some(&b"local"[..])));
    for (len, text) in [(0, &[][..]), (1, b"\x09"), (3, b"\x01xy")] {
        assert_eq!((text.len(), private(text, CLOCK_PREFIX)), (len, None));
    }
}

#[test]
fn how_a_clock_stands_against_a_shared_one_travels_beside_it() {
    let clock = crate::shared_clock::SharedClock { clock: 0xAB, ahead: -7 };
    let shared = Some(Shared { of: Ssrc(0x1F), clock });
    let bytes = written(|writer| {
        writer.description(Ssrc(1), &Items { cname: "a", shared, ..Items::default() })
    });
    assert_eq!(bytes[11..], *b"\x08\x24\x07x-clock0000001f 00000000000000ab -7\0\0\0");
    let of = described;
    assert_eq!((of(&bytes).shared, of(&bytes).clock), (shared, None));
    for (at, byte) in [(21, b'g'), (29, b'0'), (30, b'x'), (22, 0xFF)] {
        let mut wrong = bytes.clone();
        wrong[at] = byte;
        assert_eq!(of(&wrong).shared, None, "{at}");
    }
    // The longest has room, and both items have.
    let clock = crate::shared_clock::SharedClock { clock: u64::MAX, ahead: i64::MIN };
    let shared = Some(Shared { of: Ssrc(u32::MAX), clock });
    let items = Items { cname: "a", note: None, clock: Some("local"), shared };
    let both = written(|writer| writer.description(Ssrc(1), &items));
    assert_eq!((of(&both).shared, of(&both).clock), (shared, Some(&b"local"[..])));
}

#[test]
fn a_note_follows_the_name() {
    let items = Items { cname: "a@b", note: Some("gone"), ..Items::default() };
    let bytes = written(|writer| writer.description(Ssrc(1), &items));
    let expected =
        [0x81, 202, 0, 4, 0, 0, 0, 1, 1, 3, b'a', b'@', b'b', 7, 4, b'g', b'o', b'n', b'e', 0];
    assert_eq!(bytes, expected);
    let packet = packets(&bytes).unwrap().next().unwrap().unwrap();
    let Packet::Description(mut chunks) = packet else { panic!() };
    assert_eq!(chunks.next().unwrap().note, Some(&b"gone"[..]));
    assert_eq!(chunks.next(), None);
}

#[test]
fn losses_are_clamped_to_24_bits() {
    let block = |lost| ReportBlock {
        ssrc: Ssrc(1),
        fraction_lost: 2,
        lost,
        highest: 3,
        jitter: 4,
        last_sr: 5,
        delay: 6,
    };
    for (lost, read) in [(-1, -1), (-0x90_0000, -0x80_0000), (0x90_0000, 0x7F_FFFF), (7, 7)] {
        let bytes = written(|writer| writer.receiver_report(Ssrc(9), &[block(lost)]));
        let packet = packets(&bytes).unwrap().next().unwrap().unwrap();
        let Packet::ReceiverReport { blocks, .. } = packet else { panic!() };
        assert!(blocks.eq([block(read)]));
    }
    assert!(matches!(
        Writer::new(&mut [0; 2048]).receiver_report(Ssrc(1), &[block(0); 32]),
        Err(Error::Malformed(_))
    ));
}

#[test]
fn goodbye_and_group_size_come_back() {
    let bytes = written(|writer| {
        writer.group_size(Ssrc(5), 10_000, 120)?;
        writer.bye(&[Ssrc(1), Ssrc(2)], Some("enough"))?;
        writer.bye(&[], None)
    });
    let mut packets = packets(&bytes).unwrap().flatten();
    let size = Packet::GroupSize { ssrc: Ssrc(5), members: 10_000, report_size: 120 };
    assert_eq!(packets.next(), Some(size));
    let bye = packets.next().unwrap();
    let Packet::Bye { sources, reason } = bye else { panic!("{bye:?}") };
    assert!(sources.eq([Ssrc(1), Ssrc(2)]));
    assert_eq!(reason, Some(&b"enough"[..]));
    assert!(matches!(packets.next(), Some(Packet::Bye { reason: None, .. })));
}

#[test]
fn lengths_that_do_not_add_up_are_refused() {
    let bytes = written(|writer| writer.sender_report(Ssrc(1), &INFO, &[]));
    for len in 0..bytes.len() {
        assert!(packets(&bytes[..len]).is_err(), "{len}");
    }
    let mut claims_a_block = bytes.clone();
    claims_a_block[0] |= 1;
    assert!(packets(&claims_a_block).unwrap().next().unwrap().is_err());
    let mut padded = bytes;
    padded[0] |= 0x20;
    padded[27] = 200;
    assert!(packets(&padded).unwrap().next().unwrap().is_err());
}

#[test]
fn a_full_buffer_keeps_what_was_complete() {
    let mut out = [0; 30];
    let mut writer = Writer::new(&mut out);
    writer.sender_report(Ssrc(1), &INFO, &[]).unwrap();
    assert_eq!(
        writer.description(Ssrc(1), &Items { cname: "x", ..Items::default() }),
        Err(Error::Space { needed: 40, actual: 30 })
    );
    assert_eq!(writer.finish(), 28);
}

proptest! {
    #[test]
    fn others_read_what_we_write(
        ssrc: u32, ntp: u64, time: u32, packets: u32, octets: u32,
        of: u32, fraction_lost: u8, highest: u32, jitter: u32, last_sr: u32, delay: u32,
        name in "[a-z@.]{1,60}",
    ) {
        let info = SenderInfo { ntp: NtpTime(ntp), time: RtpTime(time), packets, octets };
        let block = ReportBlock {
            ssrc: Ssrc(of), fraction_lost, lost: 77, highest, jitter, last_sr, delay,
        };
        let bytes = written(|writer| {
            writer.sender_report(Ssrc(ssrc), &info, &[block])?;
            writer.description(Ssrc(ssrc), &Items { cname: &name, note: Some("away"), ..Items::default() })?;
            writer.bye(&[Ssrc(ssrc)], None)
        });
        let compound = rtcp_types::Compound::parse(&bytes).unwrap();
        let mut seen = 0;
        for packet in compound {
            match packet.unwrap() {
                rtcp_types::Packet::Sr(report) => {
                    seen += 1;
                    prop_assert_eq!((report.ssrc(), report.ntp_timestamp()), (ssrc, ntp));
                    prop_assert_eq!((report.rtp_timestamp(), report.octet_count()), (time, octets));
                    prop_assert_eq!(report.packet_count(), packets);
                    let theirs = report.report_blocks().next().unwrap();
                    prop_assert_eq!((theirs.ssrc(), theirs.fraction_lost()), (of, fraction_lost));
                    prop_assert_eq!(theirs.extended_sequence_number(), highest);
                    prop_assert_eq!(theirs.interarrival_jitter(), jitter);
                    prop_assert_eq!(theirs.last_sender_report_timestamp(), last_sr);
                    prop_assert_eq!(theirs.delay_since_last_sender_report_timestamp(), delay);
                }
                rtcp_types::Packet::Sdes(description) => {
                    seen += 1;
                    let chunk = description.chunks().next().unwrap();
                    prop_assert_eq!(chunk.ssrc(), ssrc);
                    let items: Vec<_> = chunk.items().map(|item| item.value()).collect();
                    prop_assert_eq!(items, [name.as_bytes(), b"away"]);
                }
                rtcp_types::Packet::Bye(bye) => {
                    seen += 1;
                    prop_assert_eq!(bye.ssrcs().next(), Some(ssrc));
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
        prop_assert_eq!(seen, 3);
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200), kind in 198_u8..212) {
        let mut bytes = bytes;
        if bytes.len() >= 4 {
            bytes[0] = bytes[0] & 0x3F | 0x80;
            bytes[1] = kind;
            bytes[2] = 0;
            bytes[3] = u8::try_from(bytes.len() / 4 - 1).unwrap();
            bytes.truncate(bytes.len() / 4 * 4);
        }
        for packet in packets(&bytes).into_iter().flatten().flatten() {
            match packet {
                Packet::SenderReport { blocks, .. } | Packet::ReceiverReport { blocks, .. } => {
                    prop_assert!(blocks.count() <= 31);
                }
                Packet::Description(chunks) => prop_assert!(chunks.count() <= 31),
                Packet::Bye { sources, .. } => prop_assert!(sources.count() <= 31),
                _ => {}
            }
        }
    }
}
