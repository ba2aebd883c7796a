//! What the threads count of that which is shown, played and recorded. One thread writes a number and others read it.

use streamsocket_subscribe::cells::{Count, Gauge};

/// What becomes of what has come.
#[derive(Debug, Default)]
pub struct OutputCounters {
    /// Pictures.
    pub video: VideoOutput,
    /// Sound.
    pub audio: AudioOutput,
    /// Bytes recorded.
    pub recorded: Count,
    /// Pictures and packets of sound that came and are in no recording, though one was made.
    pub recording_left_out: Count,
    /// Times that the sender's clock went on somewhere else, which was taken out of the recording.
    pub recording_jumps: Count,
    /// Silence in recordings that stands for sound that is missing, in nanoseconds.
    pub recording_silence: Count,
    /// Recordings that ended before they should.
    pub recordings_cut: Count,
    /// Pictures put in files of their own.
    pub snapshots: Count,
    /// Those asked for by an option that could not be.
    pub snapshots_failed: Count,
}

/// Pictures.
#[derive(Debug, Default)]
pub struct VideoOutput {
    /// Frames that are no JPEG that this program decodes.
    pub frames_undecodable: Count,
    /// Frames that were ready after their time, or found no room.
    pub frames_late: Count,
    /// Frames presented.
    pub frames_shown: Count,
}

/// Sound.
#[derive(Debug, Default)]
pub struct AudioOutput {
    /// Sample frames played.
    pub samples_played: Count,
    /// Sample frames that came after their time.
    pub samples_late: Count,
    /// Sample frames played in place of such as were lost or late.
    pub samples_concealed: Count,
    /// By how much the card is made to play slower than its own clock, in parts per billion.
    pub rate: Gauge,
    /// Times that sound had to be moved at once.
    pub jumps: Count,
    /// Times that the sound card ran dry.
    pub underruns: Count,
}
