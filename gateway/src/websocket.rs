//! Pictures and sound of a session on one WebSocket, for the page: first what it is, then [messages](crate::message) as
//! they come. Who reads slowly is given the newest picture; sound goes before it.

use crate::reception::Pictures;
use crate::sessions::Session;
use axum::body::Bytes;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket};
use serde::Serialize;
use streamsocket_net::machine::unix_nanos;
use streamsocket_stream::receive::depayloader::Encoding;
use streamsocket_subscribe::plan::StreamPlan;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

/// Bytes of a message from a viewer, who says a number at most.
pub(crate) const HEARD_MAX: usize = 1024;

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

/// Sends it all to a viewer, until either has enough.
pub(crate) async fn send(
    mut viewer: WebSocket,
    hello: Utf8Bytes,
    pictures: Pictures,
    sound: Receiver<Bytes>,
) {
    let sent = viewer.send(Message::Text(hello)).await;
    if sent.is_ok() {
        // The connection is lost, or closed: there is nobody to tell.
        let _ = stream(&mut viewer, pictures, sound).await;
    }
}

/// The first message to a viewer of a session, who is sent the sound of `heard`.
pub(crate) fn hello(session: &Session, heard: Option<&Session>) -> Utf8Bytes {
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
        sound: heard.and_then(|heard| heard.plan.audio.as_ref()).map(format),
    };
    serde_json::to_string(&hello).unwrap_or_default().into()
}

async fn stream(
    viewer: &mut WebSocket,
    mut pictures: Pictures,
    mut sound: Receiver<Bytes>,
) -> Result<(), axum::Error> {
    // The picture that is there is shown at once.
    pictures.mark_changed();
    loop {
        let message = tokio::select! {
            biased;
            heard = viewer.recv() => match heard {
                Some(Ok(Message::Text(text))) => match answer(&text) {
                    Some(answer) => Message::Text(answer),
                    None => return Ok(()),
                },
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
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
            changed = pictures.changed() => {
                if changed.is_err() {
                    return Ok(());
                }
                match &*pictures.borrow_and_update() {
                    Some(picture) => Message::Binary(picture.message.clone()),
                    None => continue,
                }
            }
        };
        viewer.send(message).await?;
    }
}

/// What a viewer is answered who asks for the time: its own number again, and this machine's clock in milliseconds
/// since 1970. `None` if it says anything else.
fn answer(text: &str) -> Option<Utf8Bytes> {
    let asked: f64 = text.parse().ok().filter(|asked: &f64| asked.is_finite())?;
    #[expect(clippy::cast_precision_loss, reason = "a double has a quarter of a microsecond left")]
    let now = unix_nanos() as f64 / 1e6;
    Some(format!("{{\"asked\":{asked},\"now\":{now}}}").into())
}
