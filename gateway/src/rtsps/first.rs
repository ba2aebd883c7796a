//! The first thing that a client asks for, by which it is known for which daemon it is.

use std::io;
use streamsocket_rtsp::message::{Message, Start};
use streamsocket_rtsp::splitter::{Element, Limits, Splitter};
use streamsocket_rtsp::target::Target;
use tokio::io::{AsyncRead, AsyncReadExt};

/// What a client sends in one piece, as the daemon has it; packets come later only.
const LIMITS: Limits = Limits { body: 4 << 10, packet: 0 };

/// A client's first request.
#[derive(Debug)]
pub(super) struct First {
    /// All that has come.
    pub(super) bytes: Vec<u8>,
    request: Message,
}

impl First {
    /// The name in the path of its URL, which is a session's.
    pub(super) fn session(&self) -> Option<String> {
        let Start::Request { url, .. } = &self.request.start else { return None };
        Target::parse(url, "").path.into_iter().next()
    }

    /// An answer to it.
    pub(super) fn refusal(&self, status: u16, reason: &str) -> Vec<u8> {
        let answer = Message::answer(status, &reason.replace(char::is_control, " "));
        match self.request.headers.get("CSeq") {
            Some(cseq) => answer.with("CSeq", cseq).bytes(),
            None => answer.bytes(),
        }
    }
}

/// What is said to who asks for nothing that can be read.
pub(super) fn unreadable() -> Vec<u8> {
    Message::answer(400, "Bad Request").bytes()
}

/// Reads the first request; `None` if nothing comes.
///
/// # Errors
/// Why it cannot be read: one line.
pub(super) async fn first(client: &mut (impl AsyncRead + Unpin)) -> Result<Option<First>, String> {
    let (mut splitter, mut bytes) = (Splitter::new(LIMITS), Vec::new());
    loop {
        match splitter.take().map_err(|broken| broken.to_string())? {
            Some(Element::Message(request)) if matches!(request.start, Start::Request { .. }) => {
                return Ok(Some(First { bytes, request }));
            }
            Some(_) => return Err("does not begin with a request".to_owned()),
            None => {}
        }
        let room = splitter.room();
        let read = match client.read(room).await {
            // Whoever only looks whether there is somebody says no goodbye.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => 0,
            read => read.map_err(|error| error.to_string())?,
        };
        if read == 0 {
            return Ok(None);
        }
        bytes.extend_from_slice(&room[..read]);
        splitter.filled(read);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime::Builder;

    fn read(mut said: &[u8]) -> Result<Option<First>, String> {
        Builder::new_current_thread().build().unwrap().block_on(first(&mut said))
    }

    #[test]
    fn the_session_that_is_asked_for_first_is_known_and_nothing_is_lost() {
        for (url, session) in [
            ("rtsps://pi:8322/Front%20door/low/trackID=v?x", Some("Front door")),
            ("rtsps://pi:8322/", None),
            ("rtsps://pi:8322/trackID=v", None),
            ("*", None),
        ] {
            let said = format!("OPTIONS {url} RTSP/1.0\r\nCSeq: 7\r\n\r\nDESCRIBE ");
            let first = read(said.as_bytes()).unwrap().unwrap();
            assert_eq!(first.session().as_deref(), session, "{url}");
            assert_eq!(first.bytes, said.as_bytes());
            let refusal =
                String::from_utf8(first.refusal(503, "Service Unavailable: a\nb")).unwrap();
            assert!(refusal.starts_with("RTSP/1.0 503 Service Unavailable: a b\r\nCSeq: 7\r\n"));
            assert!(refusal.ends_with("\r\n\r\n"));
        }
    }

    #[test]
    fn what_is_no_request_is_refused_and_silence_is_not_answered() {
        assert!(read(b"").unwrap().is_none());
        assert!(read(b"OPTIONS * RTSP/1.0\r\nCSeq: 7\r\n").unwrap().is_none());
        for said in [
            &b"GET / HTTP/1.1\r\nHost: pi\r\n\r\n"[..],
            b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n",
            b"\x16\x03\x01\x02rubbish\r\n\r\n",
            &[b'x'; 20_000],
        ] {
            assert!(read(said).is_err(), "{}", String::from_utf8_lossy(said));
        }
    }
}
