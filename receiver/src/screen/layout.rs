//! Where things go: plain arithmetic on sizes in pixels.

use sdl2::rect::Rect;

/// The largest place of the picture's aspect in the middle of `area`.
pub(crate) fn letterbox(picture: (u32, u32), area: (u32, u32)) -> Rect {
    let (width, height) = scaled(picture, area);
    Rect::new(middle(area.0, width), middle(area.1, height), width, height)
}

/// The picture's own size, or the largest of its aspect in `bounds`.
pub(super) fn fit(picture: (u32, u32), bounds: (u32, u32)) -> (u32, u32) {
    if picture.0 <= bounds.0 && picture.1 <= bounds.1 { picture } else { scaled(picture, bounds) }
}

/// The place of a window for a picture in the middle of `bounds`, which it does not leave.
pub(super) fn in_the_middle(picture: (u32, u32), bounds: Rect) -> Rect {
    let (width, height) = fit(picture, bounds.size());
    let (x, y) = (middle(bounds.width(), width), middle(bounds.height(), height));
    Rect::new(bounds.x() + x, bounds.y() + y, width, height)
}

/// Screen pixels per pixel of the 8x8 font: two dozen lines of text on any screen.
pub(super) fn text_scale(area: (u32, u32)) -> u32 {
    (area.1 / TEXT_PIXELS).clamp(1, TEXT_SCALE_MAX)
}

/// Text of this size in the upper left corner, smaller if it is too wide for `area`.
pub(super) fn corner(text: (u32, u32), scale: u32, area: (u32, u32)) -> Rect {
    let scale = shrunk(text, scale, area);
    let margin = i32::try_from(TEXT_MARGIN * scale).unwrap_or(0);
    Rect::new(margin, margin, text.0 * scale, text.1 * scale)
}

/// Text of this size in the middle of `area`, smaller if it is too wide for it.
pub(super) fn centred(text: (u32, u32), scale: u32, area: (u32, u32)) -> Rect {
    let scale = shrunk(text, scale, area);
    let (width, height) = (text.0 * scale, text.1 * scale);
    Rect::new(middle(area.0, width), middle(area.1, height), width, height)
}

/// The places of so many pictures beside each other, all of one size, in rows that are as full as they can be: the `index`th
/// of them. The shape is the one in which a picture of 16:9 is largest.
pub(super) fn cell(index: usize, count: usize, area: Rect) -> Rect {
    let count = u32::try_from(count.max(1)).unwrap_or(1);
    let index = u32::try_from(index).unwrap_or(0);
    let width_in = |columns: u32| {
        let place = (area.width() / columns, area.height() / count.div_ceil(columns));
        scaled(USUAL_ASPECT, place).0
    };
    // Of two that are as good the one with fewer columns, as letters are read.
    let columns = (1..=count).rev().max_by_key(|columns| width_in(*columns)).unwrap_or(1);
    let rows = count.div_ceil(columns);
    let (width, height) = (area.width() / columns, area.height() / rows);
    let (row, column) = (index / columns, index % columns);
    // What is left over in the last row is left on both sides of it.
    let in_row = if row + 1 == rows { count - row * columns } else { columns };
    let left = middle(area.width(), width * in_row) + signed(width * column);
    Rect::new(area.x() + left, area.y() + signed(height * row), width.max(1), height.max(1))
}

/// Text of this size in the lower left corner of `place`, smaller if it is too wide for it.
pub(super) fn foot(text: (u32, u32), scale: u32, place: Rect) -> Rect {
    let scale = shrunk(text, scale, place.size());
    let (width, height) = (text.0 * scale, text.1 * scale);
    let margin = TEXT_MARGIN * scale;
    let top = place.height().saturating_sub(height + margin);
    Rect::new(place.x() + signed(margin), place.y() + signed(top), width, height)
}

/// The four sides of a frame of this thickness within `place`.
pub(super) fn frame(place: Rect, thickness: u32) -> [Rect; 4] {
    let (x, y, width, height) = (place.x(), place.y(), place.width(), place.height());
    let (right, bottom) = (width.saturating_sub(thickness), height.saturating_sub(thickness));
    [
        Rect::new(x, y, width, thickness),
        Rect::new(x, y + signed(bottom), width, thickness),
        Rect::new(x, y, thickness, height),
        Rect::new(x + signed(right), y, thickness, height),
    ]
}

/// The same place within `area`, which need not begin in the corner.
pub(super) fn within(place: Rect, area: Rect) -> Rect {
    Rect::new(area.x() + place.x(), area.y() + place.y(), place.width(), place.height())
}

fn signed(pixels: u32) -> i32 {
    i32::try_from(pixels).unwrap_or(0)
}

fn shrunk(text: (u32, u32), scale: u32, area: (u32, u32)) -> u32 {
    scale.min(area.0 / (text.0 + 2 * TEXT_MARGIN)).max(1)
}

/// Breaks a text into lines of at most `columns` characters, between words where it can.
pub(super) fn wrap(text: &str, columns: usize) -> impl Iterator<Item = &str> {
    let mut rest = text.trim();
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = rest.char_indices().nth(columns).map_or(rest.len(), |(at, _)| at);
        let whole = rest[end..].starts_with(' ') || end == rest.len();
        let cut = if whole { end } else { rest[..end].rfind(' ').unwrap_or(end) };
        let (line, after) = rest.split_at(cut);
        rest = after.trim_start();
        Some(line.trim_end())
    })
}

fn scaled(picture: (u32, u32), area: (u32, u32)) -> (u32, u32) {
    let (width, height) = (u64::from(picture.0).max(1), u64::from(picture.1).max(1));
    let (across, down) = (u64::from(area.0), u64::from(area.1));
    let (w, h) = if across * height <= down * width {
        (across, (across * height + width / 2) / width)
    } else {
        ((down * width + height / 2) / height, down)
    };
    let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).max(1);
    (narrow(w), narrow(h))
}

fn middle(area: u32, size: u32) -> i32 {
    i32::try_from((i64::from(area) - i64::from(size)) / 2).unwrap_or(0)
}

/// Of most cameras' pictures.
const USUAL_ASPECT: (u32, u32) = (16, 9);
const TEXT_PIXELS: u32 = 240;
const TEXT_SCALE_MAX: u32 = 6;
const TEXT_MARGIN: u32 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letterbox_keeps_the_aspect() {
        assert_eq!(letterbox((640, 480), (800, 480)), Rect::new(80, 0, 640, 480));
        assert_eq!(letterbox((1280, 720), (800, 600)), Rect::new(0, 75, 800, 450));
        assert_eq!(letterbox((1920, 1080), (1920, 1080)), Rect::new(0, 0, 1920, 1080));
        assert_eq!(letterbox((8192, 2), (1, 1)), Rect::new(0, 0, 1, 1));
    }

    #[test]
    fn a_window_is_no_larger_than_the_desktop() {
        assert_eq!(fit((640, 480), (1920, 1040)), (640, 480));
        assert_eq!(fit((2592, 1944), (1920, 1040)), (1387, 1040));
        let small = Rect::new(0, 0, 800, 480);
        assert_eq!(in_the_middle((1280, 720), small), Rect::new(0, 15, 800, 450));
        assert_eq!(in_the_middle((640, 360), small), Rect::new(80, 60, 640, 360));
        let second = Rect::new(1920, 40, 1000, 1000);
        assert_eq!(in_the_middle((640, 480), second), Rect::new(2100, 300, 640, 480));
    }

    #[test]
    fn text_fits_the_area() {
        assert_eq!([200, 480, 720, 1080, 8000].map(|h| text_scale((9, h))), [1, 2, 3, 4, 6]);
        assert_eq!(corner((300, 20), 2, (640, 480)), Rect::new(12, 12, 600, 40));
        assert_eq!(corner((300, 20), 2, (623, 480)), Rect::new(6, 6, 300, 20));
        assert_eq!(centred((300, 20), 3, (640, 480)), Rect::new(20, 220, 600, 40));
        assert_eq!(centred((300, 20), 3, (200, 100)), Rect::new(-50, 40, 300, 20));
    }

    #[test]
    fn pictures_beside_each_other_are_as_large_as_they_can_be() {
        let area = Rect::new(0, 0, 1280, 720);
        let cells = |count| (0..count).map(|index| cell(index, count, area)).collect::<Vec<_>>();
        assert_eq!(cells(1), [area]);
        let half = |x, y| Rect::new(x, y, 640, 360);
        assert_eq!(cells(3), [half(0, 0), half(640, 0), half(320, 360)]);
        assert_eq!(cells(4), [half(0, 0), half(640, 0), half(0, 360), half(640, 360)]);
        assert_eq!(cells(9)[8], Rect::new(853, 480, 426, 240));
        // On a telephone they are one below the other.
        let tall = Rect::new(0, 0, 600, 1200);
        assert_eq!(cell(1, 2, tall), Rect::new(0, 600, 600, 600));
        for count in 1..=9 {
            let all = cells(count);
            for (index, one) in all.iter().enumerate() {
                assert!(area.contains_rect(*one), "{count}: {one:?}");
                let others = &all[index + 1..];
                assert!(!others.iter().any(|other| one.has_intersection(*other)), "{count}");
            }
        }
        // Nothing to draw on is no reason to panic.
        assert_eq!(cell(5, 9, Rect::new(0, 0, 1, 1)).size(), (1, 1));
    }

    #[test]
    fn names_and_frames_lie_within_the_picture() {
        let place = Rect::new(640, 360, 640, 360);
        assert_eq!(foot((100, 16), 2, place), Rect::new(652, 676, 200, 32));
        for side in frame(place, 4) {
            assert!(place.contains_rect(side), "{side:?}");
        }
        assert_eq!(within(Rect::new(3, 4, 5, 6), place), Rect::new(643, 364, 5, 6));
    }

    #[test]
    fn lines_break_between_words() {
        let lines = |text| wrap(text, 10).collect::<Vec<_>>();
        assert_eq!(lines(""), Vec::<&str>::new());
        assert_eq!(lines("0123456789"), ["0123456789"]);
        assert_eq!(lines("waiting for the door"), ["waiting", "for the", "door"]);
        assert_eq!(lines("0123456789 a"), ["0123456789", "a"]);
        assert_eq!(lines("0123456789abc"), ["0123456789", "abc"]);
        assert_eq!(
            lines("\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}\u{fc}").len(),
            2
        );
    }
}
