//! A session: its description and announcement. The daemon's first one has the inputs as they come,
//! and each tier has one of its own.

use super::error::Error;
use super::parts;
use crate::publish::announce::{Announcer, Texts};
use crate::publish::description::Description;
use crate::publish::network::Network;
use crate::settings::Settings;
use streamsocket_media::clock::Monotonic;

/// A session.
pub(super) struct Session {
    pub(super) description: Description,
    /// The description as text.
    pub(super) sdp: String,
    pub(super) announcer: Option<Announcer>,
}

impl Session {
    /// A session that is described like this, announced if the settings say so.
    pub(super) fn open(
        description: Description,
        settings: &Settings,
        network: &Network,
    ) -> Result<Self, Error> {
        let (sdp, sound) = texts(&description)?;
        let texts = Texts { session: &sdp, sound: sound.as_deref() };
        let announcer = parts::announcer(settings, texts, network, description.group)?;
        Ok(Self { description, sdp, announcer })
    }

    /// The tier that it is, if it is one.
    pub(super) fn tier(&self) -> Option<&str> {
        self.description.tier.as_ref().map(|(name, _)| &**name)
    }

    /// Publishes the description as it is now.
    pub(super) fn describe_anew(&mut self, now: Monotonic) {
        let Ok((sdp, sound)) = texts(&self.description) else { return };
        let texts = Texts { session: &sdp, sound: sound.as_deref() };
        if let Some(announcer) = &mut self.announcer {
            announcer.replace(texts, now);
        }
        self.sdp = sdp;
    }
}

/// The description of a session, and that of its sound alone.
fn texts(description: &Description) -> Result<(String, Option<String>), Error> {
    let undescribed = |_| Error("the session cannot be described".into());
    let sdp = description.text().map_err(undescribed)?;
    let sound = description.sound_text().map_err(undescribed)?;
    Ok((sdp, sound))
}
