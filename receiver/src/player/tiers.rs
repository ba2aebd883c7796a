//! What the viewer and the screen have to say on which tier is received.

use super::threads::Threads;
use crate::screen::Screen;
use crate::screen::layout::letterbox;
use streamsocket_subscribe::tiers::Wish;

/// Has the tier of this number received, from 1 on, where the session itself is the first; for 0 the best one that arrives.
/// Something that is being recorded stays as it is.
pub(super) fn choose(threads: &Threads, number: u8) {
    let tiers = &threads.shared.tiers;
    let count = tiers.announced().len() + 1;
    let wish = usize::from(number).checked_sub(1).map_or(Wish::Automatic, Wish::Only);
    match wish {
        Wish::Only(tier) if tier >= count => {
            log::warn!(
                "there is no tier {}: 1 is the session itself, {count} its last tier",
                tier + 1
            );
        }
        _ if threads.recording.is_active() => {
            log::warn!("a recording has pictures of one size: stop it to change the tier");
        }
        _ => tiers.wish(wish),
    }
}

/// Tells which tier would be of use: how many pictures are late, and how large they are on the screen, if they have it to
/// themselves.
pub(super) fn tell(threads: &Threads, screen: Option<&Screen<'_>>) {
    let shared = &threads.shared;
    shared.tiers.set_late(shared.output.video.frames_late.get());
    shared.tiers.hold(threads.recording.is_active());
    let size = shared.input.video.size.get();
    if let (Some(screen), 1..) = (screen, size) {
        let side = |bits: u64| u32::try_from(bits & 0xFFFF).unwrap_or(0);
        let place = letterbox((side(size >> 16), side(size)), screen.size());
        let side = |side| u16::try_from(side).unwrap_or(u16::MAX);
        shared.tiers.show((side(place.width()), side(place.height())));
    }
}
