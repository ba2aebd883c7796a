//! Pictures and sound of a session on one WebSocket, for the page: first what it is, then [messages](crate::message) as
//! they come. Who reads slowly is given the newest picture; sound goes before it. In between is said which tier is sent.

use crate::hearing::{Hearing, Said};
use crate::sessions::Session;
use crate::watching::{Event, Watching};
use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use serde::Serialize;
use streamsocket_net::machine::unix_nanos;
use streamsocket_stream::receive::depayloader::Encoding;
use streamsocket_subscribe::clock::monotonic;
use streamsocket_subscribe::plan::{Plan, StreamPlan};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// What a session is, in words.
#[derive(Serialize)]
struct Hello<'a> {
    name: &'a str,
    pictures: bool,
    sound: Option<SoundFormat>,
}

#[derive(Serialize)]
struct SoundFormat {
    rate: u32,
    channels: u8,
    /// What messages of it have: samples, or packets of Opus.
    codec: &'static str,
}

/// Which tier is sent, and which there are.
#[derive(Serialize)]
struct Shown<'a> {
    /// `None`: the session itself.
    tier: Option<&'a str>,
    automatic: bool,
    tiers: Vec<Tier<'a>>,
}

#[derive(Serialize)]
struct Tier<'a> {
    name: &'a str,
    width: u16,
    height: u16,
}

/// Sends it all to a viewer, until either has enough.
pub(crate) async fn send(
    mut viewer: WebSocket,
    hello: Utf8Bytes,
    watching: Watching,
    sound: Receiver<Bytes>,
) {
    let sent = viewer.send(Message::Text(hello)).await;
    if sent.is_ok() {
        // The connection is lost, or closed: there is nobody to tell.
        let _ = stream(&mut viewer, watching, sound).await;
    }
}

/// The first message to a viewer of a session, who is sent this sound.
pub(crate) fn hello(session: &Session, heard: Option<&StreamPlan>) -> Utf8Bytes {
    let format = |audio: &StreamPlan| SoundFormat {
        rate: audio.clock_rate,
        channels: audio.channels,
        codec: match audio.encoding {
            Encoding::Opus => "opus",
            Encoding::L16 | Encoding::Jpeg => "pcm",
        },
    };
    let hello = Hello {
        name: &session.name,
        pictures: session.plan.video.is_some(),
        sound: heard.map(format),
    };
    serde_json::to_string(&hello).unwrap_or_default().into()
}

async fn stream(
    viewer: &mut WebSocket,
    mut watching: Watching,
    mut sound: Receiver<Bytes>,
) -> Result<(), axum::Error> {
    let mut hearing = Hearing::new(monotonic());
    loop {
        let message = tokio::select! {
            biased;
            heard = viewer.recv() => match heard {
                Some(Ok(Message::Text(text))) => match hearing.hear(&text, monotonic()) {
                    Some(Said::Asks(number)) => Message::Text(time(number)),
                    Some(Said::Told { late, window }) => {
                        watching.told(late, window);
                        continue;
                    }
                    Some(Said::Wants(wish)) => {
                        watching.wish(wish);
                        continue;
                    }
                    None => return Ok(()),
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) if hearing.bears(monotonic()) => continue,
                Some(Ok(Message::Close(_))) => {
                    // The answer leaves with the next read.
                    let _ = viewer.recv().await;
                    return Ok(());
                }
                _ => return Ok(()),
            },
            piece = sound.recv() => match piece {
                Ok(piece) => Message::Binary(piece),
                Err(RecvError::Lagged(_)) => continue,
                Err(RecvError::Closed) => return Ok(()),
            },
            event = watching.next() => match event {
                Some(Event::Picture(picture)) => Message::Binary(picture.message.clone()),
                Some(Event::Changed) => Message::Text(shown(&watching)),
                None => return Ok(()),
            }
        };
        viewer.send(message).await?;
    }
}

/// What a viewer is told who asks for the time: its own number again, and this machine's clock in milliseconds since
/// 1970.
fn time(asked: f64) -> Utf8Bytes {
    #[expect(clippy::cast_precision_loss, reason = "a double has a quarter of a microsecond left")]
    let now = unix_nanos() as f64 / 1e6;
    format!("{{\"asked\":{asked},\"now\":{now}}}").into()
}

/// Which tier a viewer is sent.
fn shown(watching: &Watching) -> Utf8Bytes {
    let (tiers, tier, automatic) = watching.state();
    let size = |plan: &Plan| plan.video.as_ref().and_then(|video| video.size).unwrap_or_default();
    let tiers = tiers.iter().filter_map(|plan| {
        let (width, height) = size(plan);
        Some(Tier { name: plan.tier.as_deref()?, width, height })
    });
    let shown = Shown { tier, automatic, tiers: tiers.collect() };
    serde_json::to_string(&shown).unwrap_or_default().into()
}
