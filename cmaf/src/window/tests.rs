use super::*;
use crate::grid::Grid;
use core::time::Duration;

#[test]
fn an_empty_window_lists_nothing() {
    let window = Window::new(Grid::default(), 10, Duration::from_millis(33));
    assert_eq!(window.reached(7, None), Reached::NotYet);
    assert!(!window.playlist(&Ask::default()).contains("EXTINF"));
}
