//! Control of a running daemon through a local socket: a JSON object with a command a line, a JSON
//! object as the answer. [`server`] lives in the daemon's event loop, [`client`] in the commands.

pub mod client;
pub mod overrides;
pub mod server;
mod trust;

use self::overrides::Overrides;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};
use std::net::SocketAddr;
use std::path::PathBuf;

/// Bytes of an answer at most, and so what either end makes the other keep: statistics with as many viewers
/// as are listed, their names of the longest, are less.
pub const ANSWER_MAX: usize = 2 << 20;

/// What a client may ask for.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What.
    pub command: Command,
    /// Of a description: that of the tier of this name; without it, that of the session itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<String>,
    /// Of a configuration that is read again: what is to be another way, whatever that says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub set: Option<Overrides>,
    /// Of a connection: whose it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vouch: Option<Vouch>,
    /// Of figures: as a person reads them.
    #[serde(default, skip_serializing_if = "is_false")]
    pub text: bool,
}

/// Whose a connection is that a program of this machine has made to the daemon's port of RTSP for somebody else, whom
/// it speaks to by TLS.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Vouch {
    /// That program's end of the connection.
    pub connection: SocketAddr,
    /// Where that somebody is.
    pub peer: SocketAddr,
    /// Where he has reached this machine.
    pub local: SocketAddr,
}

/// What a request is for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// The session description.
    Sdp,
    /// The statistics.
    Status,
    /// The list of viewers.
    Viewers,
    /// The configuration read again and applied.
    Reload,
    /// The camera and the microphone released, until they are wanted again.
    Pause,
    /// Both opened again.
    Resume,
    /// A connection taken for that of somebody else, with everything that is sent by it encrypted.
    Vouch,
    /// The end of the session.
    Stop,
}

/// What the daemon answers.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The session description.
    Sdp(String),
    /// The statistics.
    Status(Box<RawValue>),
    /// The list of viewers.
    Viewers(Box<RawValue>),
    /// Figures as a person reads them.
    Text(String),
    /// The configuration was read again: true if it was another one, which is applied.
    Reloaded(bool),
    /// Nothing is captured any more: true if something was.
    Paused(bool),
    /// It is captured again: true if nothing was.
    Resumed(bool),
    /// The connection is taken for that of who was named.
    Vouched(bool),
    /// The session ends now.
    Stopping(bool),
    /// What was wrong with the request.
    Error(String),
}

impl From<Command> for Request {
    fn from(command: Command) -> Self {
        Self { command, tier: None, set: None, vouch: None, text: false }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
const fn is_false(flag: &bool) -> bool {
    !*flag
}

impl Answer {
    /// Figures as JSON: the statistics, or the list of viewers.
    #[must_use]
    pub fn figures(kind: fn(Box<RawValue>) -> Self, figures: &impl Serialize) -> Self {
        to_raw_value(figures).map_or_else(|error| Self::Error(error.to_string()), kind)
    }

    /// The description that was asked for, of those of a session and its tiers, which have names.
    #[must_use]
    pub fn sdp(texts: &[(Option<&str>, &str)], tier: Option<&str>) -> Self {
        if let Some((_, text)) = texts.iter().find(|(name, _)| *name == tier) {
            return Self::Sdp((*text).to_owned());
        }
        let names: Vec<_> = texts.iter().filter_map(|(name, _)| *name).collect();
        let there = match names.join(", ") {
            none if none.is_empty() => "it has none".to_owned(),
            names => format!("it has {names}"),
        };
        // Printed on a terminal, which obeys control characters.
        let asked = tier.unwrap_or_default().replace(char::is_control, "?");
        Self::Error(format!("there is no tier '{asked}': {there}"))
    }
}

/// Where control sockets may be, best first: systemd's or root's runtime folder, the user's own,
/// and a folder of the user's in /tmp.
#[must_use]
pub fn folders() -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some(folder) = std::env::var_os("RUNTIME_DIRECTORY") {
        folders.push(PathBuf::from(folder));
    }
    folders.push(PathBuf::from("/run/streamsocket"));
    if let Some(folder) = std::env::var_os("XDG_RUNTIME_DIR") {
        folders.push(PathBuf::from(folder).join("streamsocket"));
    }
    folders.push(PathBuf::from(format!("/tmp/streamsocket-{}", nix::unistd::geteuid())));
    folders
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tier_is_asked_for_by_its_name() {
        let all = [(None, "v=0"), (Some("low"), "v=1"), (Some("tiny"), "v=2")];
        let told = |texts: &[_], tier| match Answer::sdp(texts, tier) {
            Answer::Sdp(text) | Answer::Error(text) => text,
            other => panic!("{other:?}"),
        };
        assert_eq!(told(&all, None), "v=0");
        assert_eq!(told(&all, Some("tiny")), "v=2");
        assert_eq!(told(&all, Some("a\n")), "there is no tier 'a?': it has low, tiny");
        assert_eq!(told(&all[..1], Some("low")), "there is no tier 'low': it has none");
    }

    #[test]
    fn figures_arrive_as_the_daemon_wrote_them() {
        let sent = Answer::figures(Answer::Viewers, &serde_json::json!([{ "jitter_ms": 0.1 }]));
        let line = serde_json::to_string(&sent).unwrap();
        assert_eq!(line, r#"{"viewers":[{"jitter_ms":0.1}]}"#);
        let Ok(Answer::Viewers(read)) = serde_json::from_str(&line) else { panic!("{line}") };
        assert_eq!(read.get(), r#"[{"jitter_ms":0.1}]"#);
    }

    #[test]
    fn a_request_for_the_session_is_written_as_ever() {
        let of = |tier| Request { tier, ..Command::Sdp.into() };
        let written = |tier| serde_json::to_string(&of(tier)).unwrap();
        assert_eq!(written(None), r#"{"command":"sdp"}"#);
        let low = Some("low".to_owned());
        assert_eq!(written(low.clone()), r#"{"command":"sdp","tier":"low"}"#);
        let read = |text| serde_json::from_str::<Request>(text).ok();
        assert_eq!(read(r#"{"command":"sdp"}"#), Some(of(None)));
        assert_eq!(read(r#"{"command":"sdp","tier":"low"}"#), Some(of(low)));
        assert_eq!(read(r#"{"command":"sdp","of":"low"}"#), None);
        let status = Request::from(Command::Status);
        assert_eq!(serde_json::to_string(&status).unwrap(), r#"{"command":"status"}"#);
        let (connection, peer) = ("127.0.0.1:4711".parse(), "[fe80::1%3]:5".parse());
        let [connection, peer] = [connection, peer].map(Result::unwrap);
        let vouch = Some(Vouch { connection, peer, local: connection });
        let vouched = Request { vouch, ..Command::Vouch.into() };
        let line = serde_json::to_string(&vouched).unwrap();
        let expected = r#"{"command":"vouch","vouch":{"connection":"127.0.0.1:4711","peer":"[fe80::1%3]:5","local":"127.0.0.1:4711"}}"#;
        assert_eq!(line, expected);
        assert_eq!(read(&line), Some(vouched));
        let text = Request { text: true, ..status };
        assert_eq!(read(&serde_json::to_string(&text).unwrap()), Some(text));
    }
}
