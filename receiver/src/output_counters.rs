//! Counts of what is decoded, shown, played and recorded.

use streamsocket_subscribe::cells::{Count, Gauge};

/// Counts of all output.
#[derive(Debug, Default)]
pub struct OutputCounters {
    /// Of the video.
    pub video: VideoOutput,
    /// Of the audio.
    pub audio: AudioOutput,
    /// Bytes recorded.
    pub recorded: Count,
    /// Frames and packets of sound that came while recording and are not in the recording.
    pub recording_left_out: Count,
    /// Jumps of the sender's clock that were taken out of recordings.
    pub recording_jumps: Count,
    /// Silence that was recorded in place of missing sound, in nanoseconds.
    pub recording_silence: Count,
    /// Recordings that ended early.
    pub recordings_cut: Count,
    /// Snapshots saved.
    pub snapshots: Count,
    /// Snapshots asked for by an option that could not be saved.
    pub snapshots_failed: Count,
}

/// Counts of the video.
#[derive(Debug, Default)]
pub struct VideoOutput {
    /// Frames that could not be decoded.
    pub frames_undecodable: Count,
    /// Frames that were ready too late, or found a queue full.
    pub frames_late: Count,
    /// Frames shown.
    pub frames_shown: Count,
}

/// Counts and measurements of the audio.
#[derive(Debug, Default)]
pub struct AudioOutput {
    /// Sample frames played.
    pub samples_played: Count,
    /// Sample frames that came too late.
    pub samples_late: Count,
    /// Sample frames played in place of lost or late ones.
    pub samples_concealed: Count,
    /// How much slower than by its own clock the sound card is made to play, in parts per billion.
    pub rate: Gauge,
    /// How often playback had to jump.
    pub jumps: Count,
    /// How often the sound card ran dry.
    pub underruns: Count,
}
