//! The wait for what a child gives first.

use super::feed::{Feed, SUPERVISION};
use super::process::FIRST_WAIT;
use crate::capture::error::Error;
use crate::capture::mjpeg_stream::wait_readable;
use std::time::Duration;

/// Waits for the first bytes of a child.
#[derive(Debug, Default)]
pub(super) struct FirstWait {
    waited: Duration,
}

impl FirstWait {
    /// Waits a little for the pipe.
    pub(super) fn wait(&mut self, feed: &Feed) -> Result<(), Error> {
        if self.waited >= FIRST_WAIT {
            let seconds = FIRST_WAIT.as_secs();
            let error = Error::new(format!("{} gives nothing for {seconds} s", feed.input));
            return Err(error.from_cause(feed.input.cause()));
        }
        let step = u16::try_from(SUPERVISION.as_millis()).unwrap_or(u16::MAX);
        if !wait_readable(&feed.out, step)? {
            self.waited += SUPERVISION;
        }
        Ok(())
    }
}
