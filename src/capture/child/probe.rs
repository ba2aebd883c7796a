//! What a file or a camera holds, as ffprobe sees it.

use super::input::ChildInput;
use super::process::{FIRST_WAIT, Process, read, spawn};
use crate::capture::error::Error;
use crate::capture::mjpeg_stream::set_nonblocking;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Deserialize;
use std::os::fd::AsFd;
use std::process::{ChildStdout, Command, Stdio};
use std::time::Duration;
use streamsocket_media::{AudioFormat, FrameRate};

/// Longest answer that is read: a file with hundreds of streams stays below.
const ANSWER_MAX: usize = 1 << 20;
/// Frame rates that are believed, in frames per second; containers also claim 90000 or 0.
const RATE_MAX: u32 = 240;

/// What there is in an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probe {
    /// Its first moving picture.
    pub video: Option<ProbedVideo>,
    /// Its first sound, as it will be delivered: more than two channels are mixed to two.
    pub audio: Option<AudioFormat>,
    /// Length of the longest of them.
    pub duration: Option<Duration>,
}

/// The pictures of an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProbedVideo {
    /// As ffmpeg names it: `h264`, `mjpeg`, ...
    pub codec: String,
    /// Frames per second, if that is known and credible.
    pub rate: Option<FrameRate>,
}

/// Asks ffprobe, which takes a moment: a file some 50 ms, a camera a second or two, 15 s at most.
///
/// # Errors
/// ffmpeg is not installed, or the input cannot be read or holds neither picture nor sound.
pub fn probe(input: &ChildInput) -> Result<Probe, Error> {
    let mut command = Command::new("ffprobe");
    command.args(["-v", "error", "-of", "json", "-show_entries"]).arg(concat!(
        "stream=codec_type,codec_name,avg_frame_rate,r_frame_rate,sample_rate,channels",
        ":stream_disposition=attached_pic:format=duration,format_name"
    ));
    command.args(input.options()).stdout(Stdio::piped());
    let mut child = spawn(command, input)?;
    let out = child.stdout.take();
    let mut process = Process::new(child)?;
    let failed = |problem: &dyn std::fmt::Display| {
        Error::new(format!("ffprobe cannot read {input}: {problem}")).from_cause(input.cause())
    };
    let answer = match out {
        Some(out) => answer(&mut process, out).map_err(|problem| failed(&problem))?,
        None => Vec::new(),
    };
    let status = process.child.wait().map_err(|error| failed(&error))?;
    process.exited = Some(status);
    if !status.success() {
        return Err(failed(&process.last_line(status, input)));
    }
    let answer: Answer = serde_json::from_slice(&answer).map_err(|error| failed(&error))?;
    let probe = answer.probe(matches!(input, ChildInput::Live(_)));
    if probe.video.is_none() && probe.audio.is_none() {
        return Err(Error::new(format!("{input} holds neither picture nor sound")));
    }
    Ok(probe)
}

/// All that the process writes to its standard output.
fn answer(process: &mut Process, mut out: ChildStdout) -> Result<Vec<u8>, String> {
    set_nonblocking(&out).map_err(|error| error.to_string())?;
    let timeout = PollTimeout::try_from(FIRST_WAIT).unwrap_or(PollTimeout::MAX);
    let mut answer = Vec::new();
    let mut bytes = [0; 4096];
    loop {
        process.listen();
        match read(&mut out, &mut bytes).map_err(|error| error.to_string())? {
            Some(0) => return Ok(answer),
            Some(read) if answer.len() + read > ANSWER_MAX => {
                return Err("its answer is too long".into());
            }
            Some(read) => answer.extend_from_slice(&bytes[..read]),
            None => {
                let mut watched = vec![PollFd::new(out.as_fd(), PollFlags::POLLIN)];
                if let Some(errors) = &process.errors {
                    watched.push(PollFd::new(errors.as_fd(), PollFlags::POLLIN));
                }
                match poll(&mut watched, timeout) {
                    Ok(0) => return Err(format!("no answer for {} s", FIRST_WAIT.as_secs())),
                    Ok(_) | Err(Errno::EINTR) => {}
                    Err(error) => return Err(error.to_string()),
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    streams: Vec<ProbedStream>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    duration: Option<String>,
    #[serde(default)]
    format_name: String,
}

#[derive(Deserialize)]
struct ProbedStream {
    codec_type: Option<String>,
    #[serde(default)]
    codec_name: String,
    avg_frame_rate: Option<String>,
    r_frame_rate: Option<String>,
    sample_rate: Option<String>,
    channels: Option<u32>,
    #[serde(default)]
    disposition: Disposition,
}

#[derive(Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

impl Answer {
    fn probe(self, live: bool) -> Probe {
        let is = |stream: &&ProbedStream, kind| stream.codec_type.as_deref() == Some(kind);
        // JPEGs one after the other have no rate: what is said of them is libavformat's guess.
        let name = self.format.as_ref().map_or("", |format| &format.format_name);
        let bare = |codec: &str| {
            matches!(name, "mpjpeg" | "mjpeg" | "mjpeg_2000" | "jpeg_pipe")
                // An address with a password goes by a script, which is all that is named then.
                || live && codec == "mjpeg" && name.starts_with("concat")
        };
        let picture =
            |stream: &&ProbedStream| is(stream, "video") && stream.disposition.attached_pic == 0;
        let video = self.streams.iter().find(picture).map(|stream| ProbedVideo {
            codec: stream.codec_name.clone(),
            rate: [&stream.avg_frame_rate, &stream.r_frame_rate]
                .into_iter()
                .find_map(|rate| parse_rate(rate.as_deref()?))
                .filter(|_| !bare(&stream.codec_name)),
        });
        let sound = self.streams.iter().find(|stream| is(stream, "audio"));
        let audio = sound.and_then(|stream| {
            let rate = stream.sample_rate.as_deref()?.parse().ok().filter(|rate| *rate > 0)?;
            Some(AudioFormat { rate, channels: if stream.channels == Some(1) { 1 } else { 2 } })
        });
        let duration = self.format.and_then(|format| {
            let seconds = format.duration?.parse().ok()?;
            Duration::try_from_secs_f64(seconds).ok().filter(|duration| !duration.is_zero())
        });
        Probe { video, audio, duration }
    }
}

/// A fraction as ffprobe writes it.
fn parse_rate(text: &str) -> Option<FrameRate> {
    let (numerator, denominator) = text.split_once('/')?;
    let rate =
        FrameRate { numerator: numerator.parse().ok()?, denominator: denominator.parse().ok()? };
    let credible = rate.numerator > 0
        && rate.denominator > 0
        && rate.numerator <= rate.denominator.saturating_mul(RATE_MAX);
    credible.then_some(rate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_believed_if_credible() {
        let rate = |numerator, denominator| Some(FrameRate { numerator, denominator });
        assert_eq!(parse_rate("30000/1001"), rate(30_000, 1001));
        assert_eq!(parse_rate("1/2"), rate(1, 2));
        for nonsense in ["0/0", "90000/1", "0/1", "30", "", "-1/1", "1/0"] {
            assert_eq!(parse_rate(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn pictures_one_after_the_other_have_no_rate() {
        let answer = |name: &str, live| {
            let answer = format!(
                r#"{{"streams": [{{"codec_name": "mjpeg", "codec_type": "video", "avg_frame_rate": "25/1"}}],
                "format": {{"format_name": "{name}"}}}}"#
            );
            serde_json::from_str::<Answer>(&answer).unwrap().probe(live).video.unwrap().rate
        };
        let rate = Some(FrameRate { numerator: 25, denominator: 1 });
        let said = [answer("mpjpeg", true), answer("mjpeg", false), answer("avi", false)];
        assert_eq!(said, [None, None, rate]);
        // With a password all that libavformat names is the script that it goes by.
        assert_eq!([answer("concat", true), answer("concat", false)], [None, rate]);
    }

    #[test]
    fn the_cover_of_a_record_is_no_moving_picture() {
        let answer = r#"{"programs": [], "streams": [
            {"codec_name": "mjpeg", "codec_type": "video",
             "avg_frame_rate": "0/0", "r_frame_rate": "90000/1", "disposition": {"attached_pic": 1}},
            {"codec_name": "mp3", "codec_type": "audio", "sample_rate": "44100", "channels": 6},
            {"codec_type": "data"}], "format": {"duration": "2.500000"}}"#;
        let probe = serde_json::from_str::<Answer>(answer).unwrap().probe(false);
        let audio = Some(AudioFormat { rate: 44_100, channels: 2 });
        let duration = Some(Duration::from_millis(2500));
        assert_eq!(probe, Probe { video: None, audio, duration });
        assert_eq!(serde_json::from_str::<Answer>("{}").unwrap().probe(false), Probe::default());
    }
}
