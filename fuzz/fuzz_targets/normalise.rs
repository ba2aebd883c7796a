//! Pictures of cameras and files, made into ones that RTP can carry: what is made, the receiver's decoder
//! takes without a complaint, and it is as large as it was.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use streamsocket_convert::{Converter, Remedy};
use streamsocket_decode::{DecodedPicture, Decoder};
use streamsocket_media::{Layout, RawFormat, Scale};
use streamsocket_wire::jpeg_scan::scan;

/// Pixels a side of a raw picture: enough for every edge.
const SIDE_MAX: u16 = 40;

#[derive(Arbitrary, Debug)]
enum Wish {
    Rewrite,
    Encode(Option<u8>),
    Scale(u8, Option<u8>),
    Raw {
        scale: u8,
        layout: u8,
        width: u16,
        height: u16,
        stride: u16,
        full_range: bool,
        quality: u8,
    },
}

impl Wish {
    fn remedy(&self) -> Remedy {
        match *self {
            Self::Rewrite => Remedy::Rewrite,
            Self::Encode(quality) => Remedy::Encode(quality),
            Self::Scale(at, quality) => Remedy::Scale(scale(at), quality),
            Self::Raw { scale, layout, width, height, stride, full_range, quality } => {
                let (layout, _) = Layout::ALL[usize::from(layout) % Layout::ALL.len()];
                let [width, height] = [width, height].map(|side| side % SIDE_MAX);
                let stride = u32::from(stride % (4 * SIDE_MAX));
                let format = RawFormat { layout, width, height, stride, full_range };
                Remedy::EncodeRaw(format, self::scale(scale), quality)
            }
        }
    }
}

fn scale(at: u8) -> Scale {
    Scale::ALL[usize::from(at) % Scale::ALL.len()]
}

fuzz_target!(|input: (Wish, &[u8])| {
    let (wish, bytes) = (input.0.remedy(), input.1);
    let (mut decoder, mut picture) = (Decoder::new().expect("a decoder"), DecodedPicture::new());
    let _ = decoder.decode(bytes, &mut picture);
    let mut out = Vec::new();
    let Ok(made) = Converter::new().convert(bytes, wish, &mut out) else { return };
    assert_eq!(scan(&out), Ok(made.scanned.clone()));
    assert!(made.scanned.ended);
    decoder.decode(&out, &mut picture).expect("what was made can be decoded");
    let size = [made.scanned.picture.width, made.scanned.picture.height].map(usize::from);
    assert_eq!([picture.width(), picture.height()], size);
});
