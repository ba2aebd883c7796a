//! The webcam while it is plugged in: takes the kernel's transfers off the socket, keeps the
//! isochronous ones until they are due, and answers.

use crate::audio;
use crate::control::{Answer, Change, Control, Setup};
use crate::model::{AUDIO_ENDPOINT, Model, VIDEO_ENDPOINT};
use crate::report::{self, MILLISECOND};
use crate::usbip::{self, Request, STALL, Submit, TAKEN_BACK};
use crate::video::{self, Faults, Outcome};
use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, recv};
use std::collections::VecDeque;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;

/// Bytes read at a time: some hundreds of transfers, none of which brings more than a few bytes.
const INCOMING: usize = 1 << 16;

/// Transfers that wait, for each endpoint. uvcvideo has 5, snd-usb-audio 12.
const WAITING_MAX: usize = 64;

/// What is asked of the camera from outside.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wishes {
    /// Send no frames.
    pub frozen: bool,
    /// Nanoseconds that a frame takes.
    pub slow: i64,
    /// For the next frame.
    pub faults: Faults,
}

/// How a turn ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    Going,
    /// The plug is to be pulled now.
    Unplug,
}

/// A webcam at a port.
#[derive(Debug)]
pub(crate) struct Plugged {
    socket: UnixStream,
    control: Control,
    /// Requests that are not acted on yet: the first `held` bytes.
    incoming: Box<[u8]>,
    held: usize,
    outgoing: Vec<u8>,
    video: Option<video::Stream>,
    audio: Option<audio::Stream>,
    pictures: VecDeque<Submit>,
    /// With the time at which each is due.
    sound: VecDeque<(i64, Submit)>,
}

impl Plugged {
    pub(crate) fn new(model: &Model, socket: UnixStream) -> Self {
        Self {
            socket,
            control: Control::new(model),
            incoming: vec![0; INCOMING].into(),
            held: 0,
            outgoing: Vec::new(),
            video: None,
            audio: None,
            pictures: VecDeque::new(),
            sound: VecDeque::new(),
        }
    }

    /// When there is something to do without a word from the kernel.
    pub(crate) fn due(&self, wishes: &Wishes) -> Option<i64> {
        let video = self.video.as_ref().filter(|it| !(wishes.frozen && it.between_frames()));
        let video = video.filter(|_| !self.pictures.is_empty()).map(video::Stream::due);
        let audio = self.sound.front().map(|(due, _)| *due);
        video.into_iter().chain(audio).min()
    }

    /// Whether to wake up when the kernel writes. A microphone gets a thousand transfers a second,
    /// one by one: while there are enough to wait for, they are read when those are due.
    pub(crate) fn listens(&self) -> bool {
        let picture = self.video.as_ref().is_some_and(|it| !it.between_frames());
        self.sound.is_empty() || (picture && self.pictures.is_empty())
    }

    /// Reads what the kernel wrote, if it did, and acts on it.
    pub(crate) fn receive(&mut self, model: &Model, now: i64) -> Result<(), String> {
        loop {
            let room = &mut self.incoming[self.held..];
            let (len, all) = match recv(self.socket.as_raw_fd(), room, MsgFlags::MSG_DONTWAIT) {
                Ok(0) => return Err("the kernel let go of it".into()),
                Ok(len) => (len, len < room.len()),
                Err(Errno::EAGAIN) => return Ok(()),
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(format!("its socket: {error}")),
            };
            self.held += len;
            self.act(model, now).map_err(|error| error.to_string())?;
            if self.held == INCOMING {
                return Err(format!("a transfer is longer than {INCOMING} bytes"));
            }
            if all {
                return Ok(());
            }
        }
    }

    /// Acts on the requests that are complete.
    fn act(&mut self, model: &Model, now: i64) -> Result<(), usbip::Error> {
        let mut at = 0;
        while let Some((request, len)) = Request::parse(&self.incoming[at..self.held])? {
            at += len;
            match request {
                Request::Submit(submit) => self.submit(model, submit, now),
                Request::Unlink { sequence, victim } => self.unlink(sequence, victim),
            }
        }
        self.incoming.copy_within(at..self.held, 0);
        self.held -= at;
        Ok(())
    }

    fn submit(&mut self, model: &Model, submit: Submit, now: i64) {
        match submit.endpoint {
            0 => self.request(model, &submit, now),
            VIDEO_ENDPOINT if self.video.is_some() && self.pictures.len() < WAITING_MAX => {
                self.pictures.push_back(submit);
            }
            AUDIO_ENDPOINT if self.sound.len() < WAITING_MAX => self.listen(model, submit, now),
            _ => usbip::answer(&mut self.outgoing, submit.sequence, STALL, 0, &[]),
        }
    }

    fn listen(&mut self, model: &Model, submit: Submit, now: i64) {
        let Some(stream) = &mut self.audio else {
            return usbip::answer(&mut self.outgoing, submit.sequence, STALL, 0, &[]);
        };
        let (due, late) = stream.ask(submit.packets.len(), now);
        if late > 0 {
            let late = late / MILLISECOND;
            report::event(
                &model.serial,
                now,
                format_args!("the host asked too late: {late} ms of sound are lost"),
            );
        }
        self.sound.push_back((due, submit));
    }

    /// A request on endpoint 0.
    fn request(&mut self, model: &Model, submit: &Submit, now: i64) {
        let (answer, change) = self.control.handle(model, Setup::from(submit.setup), &submit.data);
        let out = &mut self.outgoing;
        match answer {
            Answer::Data(mut data) => {
                data.truncate(submit.length as usize);
                // Not longer than a length of 32 bits.
                let length = data.len().try_into().unwrap_or(submit.length);
                usbip::answer(out, submit.sequence, 0, length, &data);
            }
            Answer::Done => usbip::answer(out, submit.sequence, 0, submit.length, &[]),
            Answer::Stall => usbip::answer(out, submit.sequence, STALL, 0, &[]),
        }
        match change {
            Some(Change::Video(on)) => self.switch_video(model, on, now),
            Some(Change::Audio(on)) => self.switch_audio(model, on, now),
            None => {}
        }
    }

    fn switch_video(&mut self, model: &Model, on: bool, now: i64) {
        let probe = self.control.committed();
        let Some(clip) = probe.clip(model).filter(|_| on) else {
            if self.video.take().is_some() {
                report::event(&model.serial, now, "video off");
            }
            return;
        };
        // The unit of UVC is 100 ns.
        let interval = i64::from(probe.interval) * 100;
        self.video = Some(video::Stream::new(interval, now));
        let format = if clip.is_jpeg() { "MJPEG" } else { "YUYV" };
        let (width, height) = (clip.size.width, clip.size.height);
        report::event(
            &model.serial,
            now,
            format_args!("video on {format} {width}x{height} every {interval} ns"),
        );
    }

    fn switch_audio(&mut self, model: &Model, on: bool, now: i64) {
        let Some(sound) = model.sound.as_ref().filter(|_| on) else {
            if self.audio.take().is_some() {
                report::event(&model.serial, now, "microphone off");
            }
            return;
        };
        self.audio = Some(audio::Stream::new(sound, model.ppm));
        report::event(&model.serial, now, format_args!("microphone on {} Hz", sound.rate));
    }

    /// Takes a transfer back that waits; one that is answered stays answered.
    fn unlink(&mut self, sequence: u32, victim: u32) {
        let waiting = self.pictures.len() + self.sound.len();
        self.pictures.retain(|submit| submit.sequence != victim);
        let sounds = self.sound.len();
        self.sound.retain(|(_, submit)| submit.sequence != victim);
        if self.sound.len() < sounds {
            if let Some(stream) = &mut self.audio {
                stream.pause();
            }
        }
        let found = self.pictures.len() + self.sound.len() < waiting;
        usbip::answer_unlink(&mut self.outgoing, sequence, if found { TAKEN_BACK } else { 0 });
    }

    /// Lets frames pass that nobody saw, so that a thawed camera keeps its beat.
    pub(crate) fn thaw(&mut self, now: i64) {
        if let Some(stream) = &mut self.video {
            stream.skip(now);
        }
    }

    /// Does what is due, and writes.
    pub(crate) fn turn(
        &mut self,
        model: &Model,
        wishes: &mut Wishes,
        now: i64,
    ) -> Result<Turn, String> {
        let turn = self.show(model, wishes, now);
        self.record(model, now);
        self.socket.write_all(&self.outgoing).map_err(|error| format!("its socket: {error}"))?;
        self.outgoing.clear();
        Ok(turn)
    }

    /// Answers transfers for pictures.
    fn show(&mut self, model: &Model, wishes: &mut Wishes, now: i64) -> Turn {
        let Some(clip) = self.control.committed().clip(model) else { return Turn::Going };
        let Some(stream) = &mut self.video else { return Turn::Going };
        while stream.due() <= now {
            if stream.between_frames() && wishes.frozen {
                break;
            }
            let Some(submit) = self.pictures.pop_front() else { break };
            if stream.between_frames() {
                let faults = std::mem::take(&mut wishes.faults);
                if faults != Faults::default() {
                    report::event(&model.serial, now, format_args!("frame with {faults}"));
                }
                stream.set_slow(wishes.slow);
                stream.start_frame(clip, faults, now);
            }
            let (mut data, mut filled) = (Vec::new(), Vec::new());
            let outcome = stream.fill(&submit.packets, &mut data, &mut filled);
            let out = &mut self.outgoing;
            usbip::answer_packets(out, submit.sequence, &submit.packets, &filled, &data);
            if outcome == Outcome::Unplug {
                return Turn::Unplug;
            }
        }
        Turn::Going
    }

    /// Answers transfers for sound.
    fn record(&mut self, model: &Model, now: i64) {
        let (Some(stream), Some(sound)) = (&mut self.audio, &model.sound) else { return };
        while self.sound.front().is_some_and(|(due, _)| *due <= now) {
            let Some((_, submit)) = self.sound.pop_front() else { break };
            let (mut data, mut filled) = (Vec::new(), Vec::new());
            stream.fill(sound, &submit.packets, &mut data, &mut filled);
            let out = &mut self.outgoing;
            usbip::answer_packets(out, submit.sequence, &submit.packets, &filled, &data);
        }
    }
}

impl AsFd for Plugged {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
