//! What a server says to a request (RFC 2326 section 11).

use crate::conversation::{Request, Role, answer};
use crate::message::Message;
use crate::transport::{Granted, Transport};
use std::time::Duration;
use streamsocket_wire::rtp::{RtpTime, Sequence};

/// What a server can do.
const fn methods(role: Role) -> &'static str {
    match role {
        Role::Sends => {
            "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
        }
        Role::Takes => {
            "OPTIONS, DESCRIBE, ANNOUNCE, SETUP, PLAY, RECORD, PAUSE, TEARDOWN, GET_PARAMETER, SET_PARAMETER"
        }
    }
}

/// Why something is not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Who asks is too far away.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// It is not done here at all: this server is sent nothing, or sends nothing.
    Method,
    /// Somebody else has this place.
    Taken,
    /// What is to be sent cannot be taken.
    Format,
    /// A track is to be set up, but none is named, or the other way round.
    Aggregate,
    /// As many are served as can be.
    Full,
    /// There is no such session, or it has ended.
    NoSession,
    /// Not now: nothing was set up, or it is being played already.
    Order,
    /// By none of these transports.
    Transport,
    /// Something is wrong with this machine.
    Failed,
    /// Nothing is sent at the moment.
    Paused,
}

impl Refusal {
    const fn status(self) -> (u16, &'static str) {
        match self {
            Self::Forbidden => (403, "Forbidden"),
            Self::NotFound => (404, "Not Found"),
            Self::Method => (405, "Method Not Allowed"),
            // Of HTTP, as section 7.1.1 has it; 453 and 455 say something else.
            Self::Taken => (409, "Conflict"),
            Self::Format => (415, "Unsupported Media Type"),
            Self::Full => (453, "Not Enough Bandwidth"),
            Self::NoSession => (454, "Session Not Found"),
            Self::Order => (455, "Method Not Valid in This State"),
            Self::Aggregate => (459, "Aggregate Operation Not Allowed"),
            Self::Transport => (461, "Unsupported Transport"),
            Self::Failed => (500, "Internal Server Error"),
            Self::Paused => (503, "Service Unavailable"),
        }
    }
}

/// Where a track's packets begin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begins {
    /// The track's URL.
    pub url: String,
    /// Sequence number of the first packet.
    pub sequence: Sequence,
    /// RTP time of the moment at which all tracks begin.
    pub time: RtpTime,
}

/// The session that an answer is of, and how long it lives without a sign of life.
#[derive(Clone, Copy, Debug)]
pub struct Lease<'a> {
    /// Its id.
    pub session: &'a str,
    /// Whole seconds.
    pub timeout: Duration,
}

impl Request {
    fn answer(&self, status: (u16, &str)) -> Message {
        answer(&self.cseq, status)
    }

    fn of(&self, lease: Lease<'_>) -> Message {
        let Lease { session, timeout } = lease;
        let value = format!("{session};timeout={}", timeout.as_secs());
        self.answer((200, "OK")).with("Session", value)
    }

    /// It is refused.
    #[must_use]
    pub fn refused(&self, why: Refusal) -> Vec<u8> {
        let answer = self.answer(why.status());
        match why {
            Refusal::Method => answer.with("Allow", methods(self.role)).bytes(),
            _ => answer.bytes(),
        }
    }

    /// What there is at `base`.
    #[must_use]
    pub fn described(&self, base: &str, sdp: &str) -> Vec<u8> {
        let mut answer = self.answer((200, "OK")).with("Content-Base", format!("{base}/"));
        answer = answer.with("Content-Type", "application/sdp").with("Cache-Control", "no-cache");
        answer.body = sdp.as_bytes().to_vec();
        answer.bytes()
    }

    /// A track is set up.
    #[must_use]
    pub fn set_up(&self, lease: Lease<'_>, granted: &Transport<Granted>) -> Vec<u8> {
        self.of(lease).with("Transport", granted).bytes()
    }

    /// A track of the client's is set up.
    #[must_use]
    pub fn contributes(&self, lease: Lease<'_>, granted: &Transport<Granted>) -> Vec<u8> {
        self.of(lease).with("Transport", format!("{granted};mode=record")).bytes()
    }

    /// Packets come.
    #[must_use]
    pub fn played(&self, lease: Lease<'_>, begins: &[Begins]) -> Vec<u8> {
        let info = begins.iter().map(|Begins { url, sequence, time }| {
            format!("url={url};seq={};rtptime={}", sequence.0, time.0)
        });
        let info = info.collect::<Vec<_>>().join(",");
        self.of(lease).with("Range", "npt=0.000-").with("RTP-Info", info).bytes()
    }

    /// It is done, in a session or in none.
    #[must_use]
    pub fn done(&self, lease: Option<Lease<'_>>) -> Vec<u8> {
        let answer = lease.map_or_else(|| self.answer((200, "OK")), |lease| self.of(lease));
        answer.with("Public", methods(self.role)).bytes()
    }
}
