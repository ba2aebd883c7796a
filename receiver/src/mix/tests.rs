use super::mixer::frames;
use super::table::{CHANNELS, RATE};
use super::*;
use crate::sound::Output;
use crate::speaker::Error as SpeakerError;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use streamsocket_media::clock::{Delay, Monotonic};
use streamsocket_subscribe::clock::monotonic;

/// A card that plays in real time, and keeps what it has played.
struct Card {
    began: Option<Monotonic>,
    written: i64,
    played: Arc<Mutex<Vec<i16>>>,
}

impl Card {
    fn new() -> (Self, Arc<Mutex<Vec<i16>>>) {
        let played = Arc::default();
        (Self { began: None, written: 0, played: Arc::clone(&played) }, played)
    }

    fn held(&self) -> i64 {
        let gone = self.began.map_or(Delay::ZERO, |began| monotonic() - began);
        (self.written - frames(gone)).max(0)
    }
}

impl Output for Card {
    fn rate(&self) -> u32 {
        RATE
    }
    fn channels(&self) -> u8 {
        MIX_CHANNELS
    }
    fn buffer_frames(&self) -> i64 {
        9600
    }
    fn period_frames(&self) -> i64 {
        240
    }
    fn underruns(&self) -> u64 {
        0
    }
    fn is_running(&self) -> bool {
        self.began.is_some()
    }
    fn write(&mut self, samples: &[i16]) -> Result<usize, SpeakerError> {
        self.played.lock().unwrap().extend(samples);
        self.written += i64::try_from(samples.len() / CHANNELS).unwrap();
        self.began.get_or_insert_with(monotonic);
        Ok(samples.len() / CHANNELS)
    }
    fn free_frames(&mut self) -> Result<i64, SpeakerError> {
        Ok(9600 - self.held())
    }
    fn delay_frames(&mut self) -> Result<i64, SpeakerError> {
        Ok(self.held())
    }
    fn wait(&mut self, _: Duration) -> Result<bool, SpeakerError> {
        Ok(true)
    }
    fn stop(&mut self) -> Result<(), SpeakerError> {
        Ok(())
    }
}

#[test]
fn senders_of_any_rate_are_heard_together_and_know_when() {
    let (mixer, (card, played)) = (Mixer::new(), Card::new());
    std::thread::scope(|threads| {
        threads.spawn(|| mixer.run(move || Some(card)));
        let mut mono = Input::open(&mixer, 16_000, 1, || false).unwrap();
        let mut stereo = Input::open(&mixer, 48_000, 2, || false).unwrap();
        assert_eq!((mono.period_frames(), mono.buffer_frames()), (80, 3200));
        // 100 ms of each.
        assert_eq!(mono.write(&[1000; 1600]).unwrap(), 1600);
        assert_eq!(stereo.write(&[200; 9600]).unwrap(), 4800);
        assert!(mono.is_running() && stereo.is_running());
        let delay = stereo.delay_frames().unwrap();
        // What the card holds comes first.
        assert!((4000..6000).contains(&delay), "{delay}");
        let free = stereo.free_frames().unwrap();
        assert!((4800..9600).contains(&free), "{free}");
        std::thread::park_timeout(Duration::from_millis(150));
        while mono.is_running() || stereo.is_running() {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        assert_eq!((mono.underruns(), stereo.underruns()), (1, 1));
        mixer.quit();
    });
    let played = played.lock().unwrap();
    let both = played.iter().filter(|sample| sample.abs_diff(1200) <= 2).count();
    // One of them was there a period earlier at most, and a resampler begins softly.
    assert!(both > 2 * 4000, "{both} of {}", played.len());
}

#[test]
fn without_a_card_there_is_no_place_and_nobody_waits_for_one_that_does_not_open() {
    let mixer = Mixer::new();
    assert!(Input::open(&mixer, 48_000, 2, || true).is_none());
    std::thread::scope(|threads| {
        threads.spawn(|| mixer.run(|| None::<Card>));
        assert!(Input::open(&mixer, 48_000, 2, || false).is_none());
        mixer.quit();
    });
}
