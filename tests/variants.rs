//! JPEGs as cameras and programs make them, one kind a variant, and what has to become of each.

use crate::clip::{clip, split};
use crate::program::peer;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use turbojpeg::{Compressor, Image, PixelFormat};

/// Pictures of a variant.
pub const PICTURES: usize = 12;

/// The variant whose size is beyond what RFC 2435 has room for in its headers.
pub const LARGE: &str = "2560x1440";

/// What has to become of the pictures of a variant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The same pixels.
    Exact,
    /// Encoded anew: luma as before, chroma sampled as RTP wants it.
    Close,
    /// None is sent but the first one, for this reason.
    Dropped(&'static str),
}

/// A kind of pictures.
#[derive(Debug)]
pub struct Variant {
    /// What is special.
    pub name: &'static str,
    /// What has to become of them.
    pub fate: Fate,
    /// Pictures, each as a camera's buffer has it.
    pub pictures: Vec<Vec<u8>>,
}

/// A picture in memory: red, green and blue.
#[derive(Clone, Debug)]
struct Pixels {
    width: usize,
    height: usize,
    rgb: Vec<u8>,
}

/// All variants, of the beginning of the smallest clip.
#[must_use]
pub fn variants() -> Vec<Variant> {
    let source = fs::read(clip("640x480")).unwrap();
    let plain: Vec<Vec<u8>> =
        split(&source).into_iter().take(PICTURES).map(<[u8]>::to_vec).collect();
    let pixels: Vec<Pixels> = plain.iter().map(|jpeg| decoded(jpeg)).collect();
    let mut all = Vec::new();
    let mut add = |name, fate, pictures| all.push(Variant { name, fate, pictures });
    let edited = |edit: &dyn Fn(&[u8]) -> Vec<u8>| -> Vec<Vec<u8>> {
        plain.iter().map(|it| edit(it)).collect()
    };
    // One that can be sent comes first: what is dropped must not end the stream.
    let behind_a_good_one = |pictures: Vec<Vec<u8>>| [vec![plain[0].clone()], pictures].concat();
    let encoded = |options: &[&str]| pixels.iter().map(|it| cjpeg(it, options)).collect();
    add("4:2:2", Fate::Exact, plain.clone());
    add("4:2:0", Fate::Exact, encoded(&["-sample", "2x2"]));
    add("no Huffman tables", Fate::Exact, edited(&without_huffman));
    add("no Huffman tables, AVI1", Fate::Exact, edited(&|it| with(&without_huffman(it), &AVI1)));
    add("three tables, chromas alike", Fate::Exact, edited(&|it| three_tables(it, 0)));
    add("three tables, chromas differ", Fate::Close, edited(&|it| three_tables(it, 3)));
    add("one table", Fate::Exact, edited(&one_table));
    add("16-bit tables, small values", Fate::Exact, edited(&|it| wide_tables(it, 0)));
    add("16-bit tables, large values", Fate::Close, edited(&|it| wide_tables(it, 255)));
    add("Huffman tables of its own", Fate::Exact, encoded(&["-sample", "2x1", "-optimize"]));
    add("restart markers, 4:2:2", Fate::Exact, encoded(&["-sample", "2x1", "-restart", "4B"]));
    add("restart markers, 4:2:0", Fate::Exact, encoded(&["-sample", "2x2", "-restart", "1"]));
    add("progressive", Fate::Exact, encoded(&["-sample", "2x1", "-progressive"]));
    add("arithmetic", Fate::Exact, encoded(&["-sample", "2x2", "-arithmetic"]));
    add("several scans", Fate::Exact, several_scans(&pixels));
    add("4:2:2 as 2x2,1x2,1x2", Fate::Exact, encoded(&["-sample", "2x2,1x2,1x2"]));
    add("4:4:0", Fate::Close, encoded(&["-sample", "1x2"]));
    add("4:1:1", Fate::Close, encoded(&["-sample", "4x1"]));
    add("4:4:4", Fate::Close, encoded(&["-sample", "1x1"]));
    add("grey", Fate::Close, encoded(&["-grayscale"]));
    add("RGB", Fate::Close, encoded(&["-rgb"]));
    add("633x471", Fate::Exact, resized(&pixels, 633, 471));
    add(LARGE, Fate::Exact, resized(&pixels, 2560, 1440));
    add("APP and COM of 64 kB", Fate::Exact, edited(&with_large_segments));
    add("EXIF thumbnail", Fate::Exact, edited(&|it| with(it, &exif(&plain[0]))));
    add("fill bytes", Fate::Exact, edited(&with_fill_bytes));
    add("zeros before EOI", Fate::Exact, edited(&with_zeros_before_eoi));
    add("zeros behind EOI", Fate::Exact, edited(&|it| [it, &[0; 4096]].concat()));
    add("garbage behind EOI", Fate::Exact, edited(&|it| [it, &garbage()].concat()));
    add("no EOI", Fate::Exact, edited(&|it| it[..it.len() - 2].to_vec()));
    add("no EOI, zeros", Fate::Exact, edited(&|it| [&it[..it.len() - 2], &[0; 512]].concat()));
    let cut = edited(&|it| it[..it.len() / 2].to_vec());
    add("cut off", Fate::Dropped("damaged"), behind_a_good_one(cut));
    add("tables that change", Fate::Exact, changing(&pixels));
    add("two in a buffer", Fate::Exact, edited(&|it| [it, it].concat()));
    add("12 bits", Fate::Dropped("precision"), behind_a_good_one(edited(&twelve_bits)));
    let inks = pixels.iter().map(cmyk).collect();
    add("CMYK", Fate::Dropped("components"), behind_a_good_one(inks));
    add("no JPEG", Fate::Dropped("not_jpeg"), behind_a_good_one(edited(&|_| garbage())));
    all
}

fn decoded(jpeg: &[u8]) -> Pixels {
    let image = turbojpeg::decompress(jpeg, PixelFormat::RGB).unwrap();
    assert_eq!(image.pitch, image.width * 3);
    Pixels { width: image.width, height: image.height, rgb: image.pixels }
}

/// Encoded by libjpeg-turbo's own program.
fn cjpeg(pixels: &Pixels, options: &[&str]) -> Vec<u8> {
    let mut command = peer("cjpeg");
    command.args(["-quality", "75"]).args(options);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let child = child.as_mut().expect("scripts/setup test installs cjpeg");
    let mut input = child.stdin.take().unwrap();
    let header = format!("P6 {} {} 255\n", pixels.width, pixels.height);
    let bytes = [header.as_bytes(), &pixels.rgb].concat();
    let writer = std::thread::spawn(move || input.write_all(&bytes));
    let mut made = Vec::new();
    std::io::Read::read_to_end(&mut child.stdout.take().unwrap(), &mut made).unwrap();
    writer.join().unwrap().unwrap();
    assert!(child.wait().unwrap().success());
    made
}

fn several_scans(pixels: &[Pixels]) -> Vec<Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("scans");
    fs::write(&script, "0;\n1;\n2;\n").unwrap();
    let options = ["-sample", "2x1", "-scans", script.to_str().unwrap()];
    pixels.iter().map(|it| cjpeg(it, &options)).collect()
}

fn changing(pixels: &[Pixels]) -> Vec<Vec<u8>> {
    let quality = |index: usize| (40 + 5 * index).to_string();
    let all = pixels.iter().enumerate();
    all.map(|(index, it)| cjpeg(it, &["-sample", "2x1", "-quality", &quality(index)])).collect()
}

/// Each pixel the nearest one of the picture.
fn resized(pixels: &[Pixels], width: usize, height: usize) -> Vec<Vec<u8>> {
    let pixel = |it: &Pixels, at: usize| {
        let (x, y) = (at % width * it.width / width, at / width * it.height / height);
        let at = (y * it.width + x) * 3;
        [it.rgb[at], it.rgb[at + 1], it.rgb[at + 2]]
    };
    let resize = |it: &Pixels| {
        let rgb = (0..width * height).flat_map(|at| pixel(it, at)).collect();
        cjpeg(&Pixels { width, height, rgb }, &["-sample", "2x1"])
    };
    pixels.iter().map(resize).collect()
}

fn cmyk(pixels: &Pixels) -> Vec<u8> {
    let (width, height) = (pixels.width, pixels.height);
    let inks: Vec<u8> =
        pixels.rgb.chunks_exact(3).flat_map(|it| [it[0], it[1], it[2], 255]).collect();
    let format = PixelFormat::CMYK;
    let image = Image { pixels: &inks[..], width, pitch: width * 4, height, format };
    Compressor::new().unwrap().compress_to_vec(image).unwrap()
}

const AVI1: [u8; 18] = *b"\xFF\xE0\0\x10AVI1\0\0\0\0\0\0\0\0\0\0";

/// The segments up to the scan's, each with its marker, and the rest.
fn segments(jpeg: &[u8]) -> (Vec<&[u8]>, &[u8]) {
    let (mut at, mut all) = (2, Vec::new());
    loop {
        let len = 2 + usize::from(u16::from_be_bytes([jpeg[at + 2], jpeg[at + 3]]));
        if jpeg[at + 1] == 0xDA {
            return (all, &jpeg[at..]);
        }
        all.push(&jpeg[at..at + len]);
        at += len;
    }
}

/// The picture with each segment replaced by what `edit` makes of it.
fn edit(jpeg: &[u8], edit: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let (segments, rest) = segments(jpeg);
    let edited = segments.into_iter().map(edit);
    let mut all = vec![vec![0xFF, 0xD8]];
    all.extend(edited);
    all.push(rest.to_vec());
    all.concat()
}

fn with(jpeg: &[u8], segment: &[u8]) -> Vec<u8> {
    [&jpeg[..2], segment, &jpeg[2..]].concat()
}

fn without_huffman(jpeg: &[u8]) -> Vec<u8> {
    edit(jpeg, |it| if it[1] == 0xC4 { Vec::new() } else { it.to_vec() })
}

/// The tables of the picture, by their number.
fn tables(jpeg: &[u8]) -> [Vec<u8>; 2] {
    let mut found = [Vec::new(), Vec::new()];
    for segment in segments(jpeg).0.into_iter().filter(|it| it[1] == 0xDB) {
        for table in segment[4..].chunks_exact(65) {
            found[usize::from(table[0])] = table[1..].to_vec();
        }
    }
    found
}

/// A third table for the second chroma, whose values are higher by so much.
fn three_tables(jpeg: &[u8], more: u8) -> Vec<u8> {
    let [_, chroma] = tables(jpeg);
    let third: Vec<u8> = chroma.iter().map(|value| value.saturating_add(more)).collect();
    let with_third = with(jpeg, &[&[0xFF, 0xDB, 0, 67, 2], &third[..]].concat());
    component_tables(&with_third, [0, 1, 2])
}

fn component_tables(jpeg: &[u8], tables: [u8; 3]) -> Vec<u8> {
    edit(jpeg, |it| {
        let mut segment = it.to_vec();
        if segment[1] == 0xC0 {
            for (index, table) in tables.into_iter().enumerate() {
                segment[10 + 3 * index + 2] = table;
            }
        }
        segment
    })
}

fn one_table(jpeg: &[u8]) -> Vec<u8> {
    let [luma, _] = tables(jpeg);
    let none = edit(jpeg, |it| if it[1] == 0xDB { Vec::new() } else { it.to_vec() });
    let table = [&[0xFF, 0xDB, 0, 67, 0], &luma[..]].concat();
    component_tables(&with(&none, &table), [0, 0, 0])
}

/// Tables of 16 bits, whose last values are higher by so much. Such pictures are of the extended
/// kind.
fn wide_tables(jpeg: &[u8], more: u16) -> Vec<u8> {
    let mut wide = jpeg.to_vec();
    for (id, table) in tables(jpeg).into_iter().enumerate() {
        let mut segment = vec![0xFF, 0xDB, 0, 131, 0x10 | u8::try_from(id).unwrap()];
        for (at, value) in table.into_iter().enumerate() {
            let value = u16::from(value) + if at > 60 { more } else { 0 };
            segment.extend(value.to_be_bytes());
        }
        // Behind the tables that the picture has, which they replace.
        let end = 2 + segments(&wide).0.iter().map(|it| it.len()).sum::<usize>();
        wide = [&wide[..end], &segment[..], &wide[end..]].concat();
    }
    edit(&wide, |it| {
        let mut segment = it.to_vec();
        if segment[1] == 0xC0 {
            segment[1] = 0xC1;
        }
        segment
    })
}

fn with_large_segments(jpeg: &[u8]) -> Vec<u8> {
    // What looks like markers is in it.
    let filling =
        |marker| [&[0xFF, marker, 0xFF, 0xFF][..], &[0xFF, 0xDA].repeat(32766), &[0]].concat();
    with(&with(jpeg, &filling(0xE5)), &filling(0xFE))
}

fn exif(thumbnail: &[u8]) -> Vec<u8> {
    let content = [b"Exif\0\0", thumbnail].concat();
    let len = u16::try_from(content.len() + 2).unwrap().to_be_bytes();
    [&[0xFF, 0xE1], &len[..], &content].concat()
}

fn with_fill_bytes(jpeg: &[u8]) -> Vec<u8> {
    let filled = edit(jpeg, |it| [&[0xFF, 0xFF, 0xFF], it].concat());
    let end = filled.len() - 2;
    [&filled[..end], &[0xFF, 0xFF], &filled[end..]].concat()
}

fn with_zeros_before_eoi(jpeg: &[u8]) -> Vec<u8> {
    [&jpeg[..jpeg.len() - 2], &[0; 64], &[0xFF, 0xD9]].concat()
}

fn twelve_bits(jpeg: &[u8]) -> Vec<u8> {
    edit(jpeg, |it| {
        let mut segment = it.to_vec();
        if segment[1] == 0xC0 {
            (segment[1], segment[4]) = (0xC1, 12);
        }
        segment
    })
}

fn garbage() -> Vec<u8> {
    (0..3000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

/// GStreamer's sender of the JPEGs in a folder.
#[must_use]
pub fn gstreamer_sender(
    pattern: &str,
    (width, height): (usize, usize),
    to: (&str, u16),
) -> Command {
    let mut gst = peer("gst-launch-1.0");
    gst.args(["-q", "multifilesrc"]).arg(format!("location={pattern}"));
    gst.arg(format!("caps=image/jpeg,framerate=15/1,width={width},height={height}"));
    gst.args(["!", "identity", "sleep-time=60000", "!", "rtpjpegpay", "pt=26"]);
    gst.args(["!", "udpsink", "multicast-iface=lo", "ttl-mc=1", "sync=false"]);
    gst.args([format!("host={}", to.0), format!("port={}", to.1)]);
    gst
}

/// ffmpeg's sender of the JPEGs in a folder.
#[must_use]
pub fn ffmpeg_sender(pattern: &str, to: (&str, u16)) -> Command {
    let mut ffmpeg = peer("ffmpeg");
    ffmpeg.args(["-v", "error", "-nostdin", "-re", "-framerate", "15", "-i", pattern]);
    let url = format!("rtp://{}:{}?localaddr=127.0.0.1&ttl=1&pkt_size=1400", to.0, to.1);
    ffmpeg.args(["-c", "copy", "-f", "rtp", &url]);
    ffmpeg
}
