//! What the viewer and the screen have to say on which tier is received.

use crate::screen::Screen;
use crate::shared::Shared;
use streamsocket_subscribe::tiers::Wish;

/// Has another tier received, unless something is being recorded.
pub(super) fn choose(shared: &Shared, recording: bool, wish: Wish) {
    let count = shared.tiers.announced().len() + 1;
    match wish {
        Wish::Only(tier) if tier >= count => {
            log::warn!(
                "there is no tier {}: 1 is the session itself, {count} its last tier",
                tier + 1
            );
        }
        _ if recording => {
            log::warn!("a recording has pictures of one size: stop it to change the tier");
        }
        _ => shared.tiers.wish(wish),
    }
}

/// Tells which tier would be of use: how many pictures are late, and how large they are on the screen.
pub(super) fn tell(shared: &Shared, recording: bool, screen: Option<&Screen<'_>>) {
    shared.tiers.set_late(shared.output.video.frames_late.get());
    shared.tiers.hold(recording);
    let size = shared.input.video.size.get();
    let side = |bits: u64| u16::try_from(bits & 0xFFFF).unwrap_or(0);
    if let (Some(screen), 1..) = (screen, size) {
        shared.tiers.show(screen.size_of((side(size >> 16), side(size))));
    }
}
