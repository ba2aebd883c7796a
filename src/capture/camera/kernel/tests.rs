use super::*;

fn node(driver: &str, flags: u32) -> bool {
    let (driver, card) = (driver.to_owned(), String::new());
    Capability { driver, bus_info: card.clone(), card, flags }.is_camera()
}

#[test]
fn only_what_gives_pictures_by_itself_is_a_camera() {
    let capture = sys::V4L2_CAP_VIDEO_CAPTURE | sys::V4L2_CAP_STREAMING;
    assert!(node("uvcvideo", capture));
    assert!(!node("uvcvideo", sys::V4L2_CAP_META_CAPTURE | sys::V4L2_CAP_STREAMING));
    assert!(!node("uvcvideo", sys::V4L2_CAP_VIDEO_CAPTURE));
    assert!(node("v4l2 loopback", capture | sys::V4L2_CAP_VIDEO_OUTPUT));
    assert!(!node("vivid", sys::V4L2_CAP_VIDEO_OUTPUT | sys::V4L2_CAP_STREAMING));
    assert!(!node("coda", capture | sys::V4L2_CAP_VIDEO_OUTPUT | sys::V4L2_CAP_VIDEO_M2M));
    assert!(!node("bcm2835-codec", sys::V4L2_CAP_VIDEO_M2M_MPLANE | sys::V4L2_CAP_STREAMING));
    assert!(!node("unicam", capture));
    assert!(!node("bcm2835-isp", capture));
    assert!(!node("rkcif", capture | CAP_IO_MC));
}

#[test]
fn names_from_devices_are_cut_and_cleaned() {
    assert_eq!(text(b"HD Webcam\0garbage"), "HD Webcam");
    assert_eq!(text("Kamera f\u{fc}r".as_bytes()), "Kamera f\u{fc}r");
    assert_eq!(text(&"Caf\u{e9}".as_bytes()[..4]), "Caf");
    assert_eq!(text(b"\x1b[31mred\0"), "?[31mred");
}
