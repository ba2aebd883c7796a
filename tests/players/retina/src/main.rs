//! Plays a session by retina until it has got so many pictures, and writes them.
//!
//!     play-by-retina URL udp|tcp PICTURES FILE [NAME PASSWORD]
//!
//! Prints pictures, packets of sound, packets that were lost, and the size that is described.

use futures_util::StreamExt;
use retina::client::{Credentials, PlayOptions, Session, SessionOptions, SetupOptions, Transport};
use retina::codec::{CodecItem, ParametersRef};
use std::io::Write;

const EOI: [u8; 2] = [0xff, 0xd9];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (Some([url, transport, pictures, file]), credentials) =
        (arguments.first_chunk::<4>(), arguments.get(4..6))
    else {
        panic!("play-by-retina URL udp|tcp PICTURES FILE [NAME PASSWORD]");
    };
    let credentials =
        credentials.map(|it| Credentials { username: it[0].clone(), password: it[1].clone() });
    let options = SessionOptions::default().creds(credentials);
    let mut session = Session::describe(url.parse().unwrap(), options).await.unwrap();
    for stream in 0..session.streams().len() {
        let transport = match transport.as_str() {
            "udp" => Transport::Udp(Default::default()),
            _ => Transport::Tcp(Default::default()),
        };
        session.setup(stream, SetupOptions::default().transport(transport)).await.unwrap();
    }
    let playing = session.play(PlayOptions::default()).await.unwrap();
    let mut playing = playing.demuxed().unwrap();
    let wanted: usize = pictures.parse().unwrap();
    let mut file = std::fs::File::create(file).unwrap();
    let (mut pictures, mut sounds, mut lost, mut size) = (0, 0, 0, (0, 0));
    while pictures < wanted {
        match playing.next().await.expect("the stream has ended").unwrap() {
            CodecItem::VideoFrame(frame) => {
                pictures += 1;
                lost += u64::from(frame.loss());
                let parameters = playing.streams()[frame.stream_id()].parameters();
                if let Some(ParametersRef::Video(video)) = parameters {
                    size = video.pixel_dimensions();
                }
                file.write_all(frame.data()).unwrap();
                // The end of the image, which need not be sent (RFC 2435 section 3.1.9): retina adds it, but not where
                // the data happens to end in one of its two bytes.
                if !frame.data().ends_with(&EOI) {
                    file.write_all(&EOI).unwrap();
                }
            }
            CodecItem::AudioFrame(frame) => {
                sounds += 1;
                lost += u64::from(frame.loss());
            }
            _ => {}
        }
    }
    println!("{pictures} {sounds} {lost} {}x{}", size.0, size.1);
}
