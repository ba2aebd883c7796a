//! What is on the wire, as tshark reads it: nothing of a picture in clear, and RTP/JPEG behind the seal.

use super::Sealed;
use super::oracle::{Does, Kind, Oracle};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::Path;
use streamsocket_srtp::suite::Suite;
use streamsocket_tests::clip::{clip, split};
use streamsocket_tests::place::Place;
use streamsocket_tests::program::{Program, peer, text};
use streamsocket_tests::turn;
use streamsocket_tests::wire::{Datagram, SAP, Tap, write_capture};

/// Bytes of a packet that hold no piece of a picture as long as [`PIECE`] by chance.
const PIECE: usize = 16;

/// Where a clip's pictures have their first quantization table: behind the JFIF header.
const TABLE: usize = 25;

/// What tshark calls bad.
const BAD: &str = "(_ws.malformed || _ws.expert.severity >= 0x600000)";

/// Packets that tshark finds by a display filter. It knows what they are by the announcement among them; without one it
/// is told.
fn found(capture: &Path, told: Option<Place>, filter: &str) -> Vec<String> {
    let mut tshark = peer("tshark");
    tshark.arg("-r").arg(capture);
    for (above, protocol) in [(0, "rtp"), (1, "rtcp"), (2, "rtp"), (3, "rtcp")] {
        if let Some(place) = told {
            tshark.args(["-d", &format!("udp.port=={},{protocol}", place.port + above)]);
        }
    }
    text(tshark.args(["-Y", filter])).lines().map(str::to_owned).collect()
}

/// What libsrtp2 opens these to, in order; `None` if it does not have the suite.
fn opened(sealed: &Sealed, suite: Suite, datagrams: &[Datagram]) -> Option<Vec<Datagram>> {
    let key = sealed.master();
    let mut oracles = BTreeMap::new();
    let open = |datagram: &Datagram| {
        let (kind, at) = match datagram.to.port() % 2 {
            0 => (Kind::Rtp, 8),
            _ => (Kind::Rtcp, 4),
        };
        let ssrc = u32::from_be_bytes(*datagram.bytes[at..].first_chunk().unwrap());
        let oracle = match oracles.entry(datagram.to) {
            Entry::Occupied(it) => it.into_mut(),
            Entry::Vacant(it) => {
                it.insert(Oracle::new("wire", Does::Open, (&key, suite), (ssrc, 0))?)
            }
        };
        let bytes = oracle.apply(kind, &datagram.bytes).expect("it is not authentic");
        Some(Datagram { bytes, ..datagram.clone() })
    };
    datagrams.iter().map(open).collect()
}

/// Asserts that no piece of a picture is in any of these, though there is in what they are opened to.
#[track_caller]
fn assert_nothing_in_clear(jpeg: &[u8], sealed: &[Datagram], opened: &[Datagram]) {
    let holds = |all: &[Datagram], piece: &[u8]| {
        all.iter().any(|it| it.bytes.windows(piece.len()).any(|window| window == piece))
    };
    // Of its coded data, and of its quantization tables.
    for at in [jpeg.len() / 3, jpeg.len() / 2, TABLE] {
        let piece = &jpeg[at..at + PIECE];
        assert!(!holds(sealed, piece), "a piece of a picture in clear");
        assert!(holds(opened, piece), "no piece of a picture even behind the seal");
    }
}

#[test]
fn tshark_sees_srtp_and_behind_the_seal_rtp_jpeg() {
    let _turn = turn();
    for suite in Suite::ALL {
        let sealed = Sealed::new();
        let place = sealed.place;
        let tap = Tap::open(place);
        let mut daemon = Program::start(&mut sealed.daemon("640x480", suite));
        daemon.wait_for("goes to");
        let viewer = Program::start(sealed.receiver(&sealed.at("it.sdp")).args(["--for", "2"]));
        viewer.succeed();
        daemon.succeed();
        let own = format!("s={}\r\n", place.name());
        let is_own = |it: &Datagram| String::from_utf8_lossy(&it.bytes).contains(&own);
        let (announced, datagrams): (Vec<_>, Vec<_>) =
            tap.close().into_iter().partition(|it| it.to == SAP);
        let announced: Vec<_> = announced.into_iter().filter(is_own).collect();
        assert!(!announced.is_empty());
        let count = |above| datagrams.iter().filter(|it| it.to == place.at(above)).count();
        let (rtp, rtcp) = (count(0) + count(2), count(1) + count(3));
        assert!(rtp > 2000 && rtcp > 4, "{rtp} {rtcp}");

        let capture = sealed.at("sealed.pcap");
        write_capture(&capture, &[&announced[..1], &datagrams].concat());
        assert_eq!(found(&capture, None, "srtp.enc_payload").len(), rtp);
        assert_eq!(found(&capture, None, "srtcp").len(), rtcp);
        // Of reports tshark 4.0 reads what is encrypted as if it were not.
        assert_eq!(found(&capture, None, &format!("{BAD} && !srtcp")), Vec::<String>::new());
        assert_eq!(found(&capture, None, "jpeg"), Vec::<String>::new());

        let Some(plain) = opened(&sealed, suite, &datagrams) else { continue };
        let mjpeg = fs::read(clip("640x480")).unwrap();
        assert_nothing_in_clear(split(&mjpeg)[20], &datagrams, &plain);
        let capture = sealed.at("plain.pcap");
        write_capture(&capture, &plain);
        assert_eq!(found(&capture, Some(place), BAD), Vec::<String>::new());
        assert_eq!(found(&capture, Some(place), "jpeg").len(), count(0));
        assert_eq!(found(&capture, Some(place), "rtp && !jpeg").len(), count(2));
        assert_eq!(found(&capture, Some(place), "rtcp").len(), rtcp);
        println!("{suite}: {rtp} packets and {rtcp} reports on the wire");
    }
}
