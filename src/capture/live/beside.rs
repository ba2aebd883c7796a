//! The sound of an IP camera whose pictures are read here.

use crate::capture::frame::AudioPoll;
use crate::capture::rtsp::Beside;
use streamsocket_media::AudioFormat;
use streamsocket_media::clock::Monotonic;

/// Sound that comes beside pictures.
pub struct LiveBeside {
    beside: Beside,
    /// The camera, as it may be shown.
    name: String,
    silent: bool,
}

impl LiveBeside {
    /// The sound of the camera of this name, in the format that it has described.
    #[must_use]
    pub fn begin(beside: Beside, name: String, format: AudioFormat) -> Self {
        beside.listen(format);
        Self { beside, name, silent: false }
    }

    /// What the session was described with.
    #[must_use]
    pub fn format(&self) -> AudioFormat {
        self.beside.format()
    }

    /// Why there is no sound, if so: one line.
    #[must_use]
    pub fn why_away(&self) -> Option<String> {
        self.silent.then(|| format!("{} sends no sound, or not as before", self.name))
    }

    /// When to poll: whoever reads the pictures reads the sound as well.
    #[must_use]
    pub fn deadline(&self) -> Option<Monotonic> {
        self.beside.is_ready().then_some(Monotonic(0))
    }

    /// The next samples, if there are any.
    pub fn poll(&mut self, now: Monotonic, out: &mut [i16]) -> AudioPoll {
        let polled = self.beside.poll(out);
        if polled == AudioPoll::Idle {
            let silent = self.beside.is_silent(now);
            if std::mem::replace(&mut self.silent, silent) && !silent {
                log::info!("{} gives sound again", self.name);
            }
        }
        polled
    }
}
