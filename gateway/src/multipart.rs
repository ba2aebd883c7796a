//! Pictures one after the other in one answer: `multipart/x-mixed-replace`, as cameras have sent them since the first
//! browsers that knew it.

use crate::picture::Picture;
use crate::watching::{Event, Watching};
use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;
use std::collections::VecDeque;
use std::convert::Infallible;

/// What such an answer is. The boundary has no dashes of its own and no quotes: WebKitGTK shows nothing otherwise.
pub(crate) const CONTENT_TYPE: &str = "multipart/x-mixed-replace; boundary=streamsocket";

/// How parts are written.
///
/// A browser shows a picture only when the headers of the next part are complete (Chromium), or the line of the
/// boundary before them (Firefox): they are sent right behind the picture, before there is a next one, and so cannot
/// say its length. Programs want the length, and take a picture as soon as they have as many bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Each part's headers behind the picture before it.
    Ahead,
    /// Each part's headers before its picture, with its length and when it was captured.
    WithLength,
}

/// Headers of a part whose picture is still to come, behind what ends the part before.
const HEADERS_AHEAD: &str = "\r\n--streamsocket\r\nContent-Type: image/jpeg\r\n\r\n";

/// Leaves pictures out, so that no more are left than are wanted.
#[derive(Debug)]
pub(crate) struct Thinning {
    /// In nanoseconds.
    interval: i64,
    /// When the next one is wanted, by the clock that they are captured by, in nanoseconds.
    due: Option<i64>,
    /// When the last one was captured, wanted or not.
    last: Option<i64>,
}

impl Thinning {
    /// So many pictures a second.
    pub(crate) fn to(rate: f64) -> Self {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a rate is at least one in 1000 seconds"
        )]
        let interval = (1e9 / rate) as i64;
        Self { interval, due: None, last: None }
    }

    /// Whether a picture that was captured at `captured` is one of them: the next one would be further from when one is
    /// wanted, if it came after as long a time as this one.
    pub(crate) fn takes(&mut self, captured: i64) -> bool {
        let gap = self.last.map_or(0, |last| captured.saturating_sub(last));
        self.last = Some(captured);
        // Behind a pause, where fewer come than are wanted, and where the clock was set back, nothing is made up for.
        let goes_on = |due: &i64| gap >= 0 && captured.saturating_sub(*due) < self.interval;
        let Some(due) = self.due.filter(goes_on) else {
            self.due = Some(captured.saturating_add(self.interval));
            return true;
        };
        let takes = captured.saturating_sub(due) >= -gap / 2;
        if takes {
            self.due = Some(due.saturating_add(self.interval));
        }
        takes
    }
}

/// What is sent to one viewer, and how far it is.
struct Sending {
    watching: Watching,
    form: Form,
    thinning: Option<Thinning>,
    /// Pieces of the part that is being sent.
    left: VecDeque<Bytes>,
}

impl Sending {
    /// The next piece of the answer; `None` when the session has ended. Who reads slowly asks late, and is given the
    /// newest picture then.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        loop {
            if let Some(piece) = self.left.pop_front() {
                return Some((Ok(piece), self));
            }
            let Event::Picture(picture) = self.watching.next().await? else { continue };
            let takes =
                self.thinning.as_mut().is_none_or(|thinning| thinning.takes(picture.captured));
            if takes {
                self.left.extend(part(self.form, &picture));
            }
        }
    }
}

/// The pieces of a part.
fn part(form: Form, picture: &Picture) -> [Bytes; 2] {
    match form {
        Form::Ahead => [picture.file.clone(), Bytes::from_static(HEADERS_AHEAD.as_bytes())],
        Form::WithLength => [headers(picture), picture.file.clone()],
    }
}

/// The headers of a picture, behind what ends the part before.
fn headers(picture: &Picture) -> Bytes {
    let (seconds, micros) = (
        picture.captured.div_euclid(1_000_000_000),
        picture.captured.rem_euclid(1_000_000_000) / 1000,
    );
    let length = picture.file.len();
    format!(
        "\r\n--streamsocket\r\nContent-Type: image/jpeg\r\nContent-Length: {length}\r\nX-Timestamp: \
         {seconds}.{micros:06}\r\n\r\n"
    )
    .into()
}

/// The body of an answer that goes on until the session ends or nobody reads it any more.
pub(crate) fn body(
    watching: Watching,
    form: Form,
    thinning: Option<Thinning>,
) -> impl Stream<Item = Result<Bytes, Infallible>> {
    let mut left = VecDeque::with_capacity(3);
    if form == Form::Ahead {
        // What comes first has no part before it to end.
        left.push_back(Bytes::from_static(HEADERS_AHEAD.trim_start().as_bytes()));
    }
    unfold(Sending { watching, form, thinning, left }, Sending::next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use streamsocket_media::clock::Monotonic;

    fn taken(rate: f64, arrivals: impl Iterator<Item = i64>) -> usize {
        let mut thinning = Thinning::to(rate);
        arrivals.filter(|at| thinning.takes(*at)).count()
    }

    #[test]
    fn as_many_are_left_as_are_wanted() {
        let at = |rate: i64, jitter: i64| {
            (0..10 * rate).map(move |n| n * 1_000_000_000 / rate + (n % 3) * jitter)
        };
        assert_eq!(taken(5.0, at(30, 4_000_000)), 50);
        assert_eq!(taken(10.0, at(10, 9_000_000)), 100);
        assert_eq!(taken(30.0, at(10, 0)), 100, "no more than come");
        let paused = at(30, 0).map(|it| if it > 5_000_000_000 { it + 60_000_000_000 } else { it });
        assert!((49..=51).contains(&taken(5.0, paused)), "nothing is made up for after a pause");
        let back = at(30, 0).map(|it| if it > 5_000_000_000 { it - 3_600_000_000_000 } else { it });
        assert!((49..=51).contains(&taken(5.0, back)), "the clock was set back");
    }

    #[test]
    fn headers_say_length_and_time() {
        let file = Bytes::from_static(b"\xff\xd8\xff\xd9");
        let captured = 1_700_000_000_012_345_678;
        let (message, arrival) = (file.clone(), Monotonic(0));
        let picture =
            Picture { message, file, captured, number: 0, arrival, latency: None, rate: None };
        assert_eq!(
            headers(&picture),
            "\r\n--streamsocket\r\nContent-Type: image/jpeg\r\nContent-Length: 4\r\nX-Timestamp: \
             1700000000.012345\r\n\r\n"
        );
    }
}
