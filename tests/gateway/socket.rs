//! A WebSocket (RFC 6455) as the page has one, and one that does not behave.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;
use streamsocket_tests::program::PATIENCE;

/// Opcodes.
const TEXT: u8 = 1;
const BINARY: u8 = 2;

/// Bytes behind what a message carries.
const TRAILER: usize = 24;

/// What came.
#[derive(Debug)]
pub(crate) enum Message {
    Text(serde_json::Value),
    /// A JPEG file, and when it was captured, in milliseconds.
    Picture(Vec<u8>, f64),
    /// Bytes of samples, and when the first was captured.
    Sound(usize, f64),
}

/// A connection.
pub(crate) struct Socket(pub(crate) TcpStream);

impl Socket {
    /// Opens the one at this path.
    pub(crate) fn open(port: u16, path: &str) -> Self {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            head.extend(byte);
        }
        let head = String::from_utf8(head).unwrap();
        assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
        Self(stream)
    }

    /// Says something, masked by zeros.
    pub(crate) fn say(&mut self, text: &str) -> Result<()> {
        let length = u8::try_from(text.len()).unwrap();
        assert!(length < 126);
        let head = [0x80 | TEXT, 0x80 | length, 0, 0, 0, 0];
        self.0.write_all(&[&head, text.as_bytes()].concat())
    }

    /// The next message.
    pub(crate) fn hear(&mut self) -> Result<Message> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let length = match head[1] {
            126 => u64::from(u16::from_be_bytes(self.bytes()?)),
            127 => u64::from_be_bytes(self.bytes()?),
            short => short.into(),
        };
        let mut message = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut message)?;
        match head[0] & 0xF {
            TEXT => Ok(Message::Text(serde_json::from_slice(&message).unwrap())),
            BINARY => {
                let end = message.len() - TRAILER;
                let trailer = message.split_off(end);
                let captured = f64::from_le_bytes(trailer[..8].try_into().unwrap());
                Ok(match trailer[16] {
                    1 => Message::Picture(message, captured),
                    _ => Message::Sound(message.len(), captured),
                })
            }
            other => Err(Error::new(ErrorKind::ConnectionReset, format!("opcode {other}"))),
        }
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    /// Waits until the gateway has hung up; nothing more is read than what it had on the way.
    pub(crate) fn hangs_up(mut self) -> bool {
        (0..2000).any(|_| self.hear().is_err_and(|error| error.kind() != ErrorKind::WouldBlock))
    }
}
