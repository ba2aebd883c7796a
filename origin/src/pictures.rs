//! The pictures of a session: decoded once for all tiers, on a thread, and encoded by each on one of its own. Who is late
//! leaves pictures out; nobody waits for him.

use crate::names::TIERS;
use crate::session::Session;
use crate::tier::{Encoding, Ready, Tier};
use crate::track::{Shape, Track};
use bytes::Bytes;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Weak};
use std::thread::{Builder, JoinHandle};
use streamsocket_media::clock::Wall;
use streamsocket_transcode::{Error, Pyramid, TierPlan};

/// Pictures that wait to be decoded, and for an encoder: a key picture takes longer than others.
const WAITING_MAX: usize = 3;

/// Pictures that are decoded at a time: one that is being decoded, those that wait, and one that each encoder has.
const DECODED_MAX: usize = WAITING_MAX + 2;

/// Pixels of a picture at most: more than any camera's, and what is held of each is bounded by it.
const PIXELS_MAX: usize = 16 << 20;

/// A picture that has come.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// The JPEG file.
    pub(crate) file: Bytes,
    pub(crate) size: (u16, u16),
    pub(crate) at: Wall,
}

/// The way to the threads of a session's pictures, which end when this is dropped.
#[derive(Debug)]
pub(crate) struct Pictures {
    session: Arc<Session>,
    sender: SyncSender<Taken>,
}

impl Pictures {
    /// Of a session of which about `rate` pictures a second come.
    ///
    /// # Errors
    /// One line, if there can be no more threads.
    pub(crate) fn begin(
        session: Arc<Session>,
        encoding: Encoding,
        rate: f32,
    ) -> Result<Self, String> {
        let (sender, pictures) = sync_channel(WAITING_MAX);
        let of = Arc::downgrade(&session);
        let mut decoding = Decoding {
            session: of,
            encoding,
            rate,
            size: None,
            decoded: Vec::new(),
            tiers: Vec::new(),
        };
        let run = move || decoding.run(&pictures);
        let spawned = Builder::new().name("pictures".to_owned()).spawn(run);
        spawned.map_err(no_thread)?;
        Ok(Self { session, sender })
    }

    /// Takes a picture.
    pub(crate) fn take(&self, taken: Taken) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(taken) {
            Session::count(&self.session.faults.late);
        }
    }
}

fn no_thread(error: std::io::Error) -> String {
    format!("no thread for pictures: {error}")
}

/// The thread that decodes.
struct Decoding {
    session: Weak<Session>,
    encoding: Encoding,
    rate: f32,
    size: Option<(u16, u16)>,
    /// Pictures as they were decoded, to be used again once no encoder has them.
    decoded: Vec<Arc<Pyramid>>,
    tiers: Vec<(SyncSender<Ready>, JoinHandle<()>)>,
}

impl Decoding {
    fn run(&mut self, pictures: &Receiver<Taken>) {
        while let Ok(taken) = pictures.recv() {
            let Some(session) = self.session.upgrade() else { return };
            let begun = if self.size == Some(taken.size) {
                Ok(())
            } else {
                self.size = Some(taken.size);
                self.begin(&session, taken.size)
            };
            let handed = begun.and_then(|()| self.hand_on(&session, &taken));
            if let Err(error) = handed {
                if error.is_about_one_picture() {
                    Session::count(&session.faults.damaged);
                    log::debug!("'{}': {error}", session.name);
                } else {
                    Session::count(&session.faults.encoders);
                    log::error!("'{}': {error}", session.name);
                }
            }
        }
    }

    /// Decodes a picture and gives it to all tiers.
    fn hand_on(&mut self, session: &Session, taken: &Taken) -> Result<(), Error> {
        let free = self.decoded.iter_mut().find_map(|it| {
            Arc::get_mut(it)?;
            Some(it)
        });
        let Some(decoded) = free else {
            Session::count(&session.faults.late);
            return Ok(());
        };
        if let Some(own) = Arc::get_mut(decoded) {
            own.decode(&taken.file)?;
        }
        let ready = Ready { decoded: Arc::clone(decoded), at: taken.at };
        for (tier, _) in &self.tiers {
            if let Err(TrySendError::Full(_)) = tier.try_send(ready.clone()) {
                Session::count(&session.faults.late);
            }
        }
        Ok(())
    }

    /// Begins to encode pictures of a size.
    fn begin(&mut self, session: &Arc<Session>, (width, height): (u16, u16)) -> Result<(), Error> {
        let size = (usize::from(width), usize::from(height));
        if size.0 * size.1 > PIXELS_MAX {
            return Err(Error::Size { tier: size, limit: "16 million pixels are the most" });
        }
        // What they still make does not come behind what the new ones make.
        for (sender, thread) in self.tiers.drain(..) {
            drop(sender);
            let _ = thread.join();
        }
        let plans = TierPlan::defaults(size, self.rate);
        let scales = || plans.iter().map(|plan| plan.scale);
        let decoded = (0..DECODED_MAX).map(|_| Pyramid::new(size, scales()).map(Arc::new));
        self.decoded = decoded.collect::<Result<_, _>>()?;
        let names: Vec<_> = plans.iter().map(|plan| plan.name.as_str()).collect();
        session.keep_tiers(&names);
        for plan in plans {
            let Some(name) = TIERS.into_iter().find(|it| *it == plan.name) else { continue };
            let (sender, pictures) = sync_channel(WAITING_MAX);
            let shape = shape(&plan, size, self.rate);
            let Encoding { grid, kept, .. } = self.encoding;
            let track = Track::new(name, shape, grid, kept, session.storage.clone());
            let (track, encoding) = (session.add(track), self.encoding);
            let mut tier =
                Tier::new(Arc::downgrade(session), track, plan, size, self.rate, encoding);
            let spawned = Builder::new().name(name.to_owned()).spawn(move || tier.run(&pictures));
            let thread = spawned.map_err(|error| Error::Start(no_thread(error)))?;
            self.tiers.push((sender, thread));
        }
        Ok(())
    }
}

fn shape(plan: &TierPlan, size: (usize, usize), rate: f32) -> Shape {
    let (width, height) = plan.scale.size(size);
    let side = |pixels: usize| u16::try_from(pixels).unwrap_or(u16::MAX);
    let size = Some((side(width), side(height)));
    Shape { size, rate: rate.into(), channels: 0, bits: plan.bitrate.into() }
}
