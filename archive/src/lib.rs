//! Segments that are kept, with an index of them, by hours of UTC: `ROOT/SESSION/TRACK/YYYY-MM-DD/HH/N.mp4`, each a
//! file that plays by itself, and beside them `index`, a line of text for each. [`Recording`] stores what comes, part
//! by part; [`Archive`] finds it again.
//!
//! All that is known stands in those files: nothing of it is held in memory but sums.
#![forbid(unsafe_code)]

mod archive;
mod boxes;
mod bucket;
mod counts;
mod disk;
mod entry;
mod error;
mod events;
mod expiry;
mod hour;
mod hour_folder;
mod names;
mod recording;
mod removal;
mod repair;
mod retention;
mod segment;
mod summary;
mod tree;
mod trouble;
mod upload;
mod uploader;
mod whole_file;

pub use self::archive::{Archive, HOURS_MAX, Place, SPAN_SEGMENTS_MAX};
pub use self::bucket::BucketAddress;
pub use self::counts::Counts;
pub use self::entry::{Entry, InitId, NotAnInitId};
pub use self::error::Error;
pub use self::events::{EVENTS_MAX, Event, LABEL_MAX};
pub use self::hour::Hour;
pub use self::recording::{Begin, Finish, Recording};
pub use self::retention::Retention;
pub use self::segment::Segment;
pub use self::summary::Summary;
