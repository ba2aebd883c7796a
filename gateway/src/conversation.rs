//! What the gateway answers to bytes, without a network and without waiting: for the fuzzer, which thinks of them.

use crate::message::{Kind, trailer};
use crate::page::Policy;
use crate::picture::Picture;
use crate::reception::Sound;
use crate::routes::{Site, routes};
use crate::sessions::Sessions;
use axum::Router;
use bytes::Bytes;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use streamsocket_media::clock::Monotonic;
use streamsocket_subscribe::plan::Plan;
use streamsocket_web::admission::Admission;
use streamsocket_web::guard::{Guard, Names};
use streamsocket_web::places::{Asking, Places};
use streamsocket_web::server::connection;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;

/// Bytes that are on their way in either direction at most.
const WINDOW: usize = 64 << 10;

/// Turns of everybody after which nothing more happens by itself: a request takes some ten.
const TURNS: usize = 200;

/// A gateway with a session of one picture, whose name is `Attic`.
pub struct Conversation {
    runtime: Runtime,
    router: Router,
    /// Both keep the session going.
    _pictures: watch::Sender<Option<Arc<Picture>>>,
    _sound: Sound,
}

impl Conversation {
    /// A gateway of its own.
    ///
    /// # Errors
    /// If the event loop cannot be set up.
    pub fn new() -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_time().build()?;
        let file = Bytes::from_static(b"\xff\xd8\xff\xd9");
        let message = [&file[..], &trailer(Kind::Picture, 0, 0)].concat().into();
        let (captured, number, arrival) = (0, 0, Monotonic(0));
        let picture =
            Picture { file, message, captured, number, arrival, latency: None, rate: None };
        let (newest, pictures) = watch::channel(Some(Arc::new(picture)));
        let (sound, sessions) = (Sound::new(1), Sessions::default());
        let address = (Ipv4Addr::new(239, 255, 0, 1), 5004).into();
        let plan = Plan { name: "Attic".to_owned(), ..Plan::at(address, None) };
        sessions.add(plan, 0, (pictures, sound.clone()), Arc::default(), Arc::default());
        let guard = Guard {
            names: Names::new("pi", &[]),
            admission: Admission::default(),
            origins: Arc::new([]),
            open: false,
            redirect: None,
        };
        let router = routes(Site::new(sessions, Policy::new(&[]), false), guard, None);
        Ok(Self { runtime, router, _pictures: newest, _sound: sound })
    }

    /// What it answers who says this and then nothing more. Of what does not end, the beginning.
    #[must_use]
    pub fn answer(&self, said: &[u8]) -> Vec<u8> {
        self.runtime.block_on(async {
            let (ours, theirs) = duplex(WINDOW);
            let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
            let Some(place) = Places::new(1, 1).take(peer, false) else { return Vec::new() };
            let asking = Asking::new(peer, false, place);
            let serving = tokio::spawn(connection(theirs, self.router.clone(), asking));
            let answer = talk(ours, said).await;
            serving.abort();
            answer
        })
    }
}

/// Says it, and hears what comes until nothing does.
async fn talk(stream: DuplexStream, said: &[u8]) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (mut heard, mut left) = (Vec::new(), said);
    let mut bytes = [0; 4096];
    for _ in 0..TURNS {
        tokio::select! {
            biased;
            read = reader.read(&mut bytes) => match read {
                Ok(0) | Err(_) => break,
                Ok(len) => heard.extend_from_slice(&bytes[..len]),
            },
            written = writer.write(left), if !left.is_empty() => match written {
                Ok(len) => left = &left[len..],
                Err(_) => left = &[],
            },
            () = tokio::task::yield_now() => {}
        }
    }
    heard
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(said: &str) -> String {
        String::from_utf8_lossy(&Conversation::new().unwrap().answer(said.as_bytes())).into_owned()
    }

    #[test]
    fn requests_and_frames_are_answered() {
        let conversation = Conversation::new().unwrap();
        for _ in 0..3 {
            assert!(!conversation.answer(b"GET /stream HTTP/1.0\r\n\r\n").is_empty());
        }
        let get = |path| answer(&format!("GET {path} HTTP/1.1\r\nHost: pi\r\n\r\n"));
        assert!(get("/status").contains("\"name\":\"Attic\""));
        assert!(get("/").contains("<title>StreamSocket</title>"));
        assert!(get("/nowhere").starts_with("HTTP/1.1 404"));
        assert!(get("/stream").contains("multipart/x-mixed-replace"));
        assert!(answer("rubbish\r\n\r\n").starts_with("HTTP/1.1 400"));
        let upgrade = "GET /Attic/ws HTTP/1.1\r\nHost: pi\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        // "1", masked by zeros: what time is it?
        let said = [upgrade.as_bytes(), b"\x81\x81\0\0\0\x001"].concat();
        let asked = Conversation::new().unwrap().answer(&said);
        let asked = String::from_utf8_lossy(&asked);
        assert!(asked.starts_with("HTTP/1.1 101 Switching Protocols"), "{asked}");
        assert!(asked.contains("\"asked\":1,\"now\":"), "{asked}");
    }
}
