use super::*;

#[test]
fn an_aac_decoder_is_told_the_rate() {
    assert_eq!(audio_specific_config(48_000, 2), [0x11, 0x90]);
    assert_eq!(audio_specific_config(44_100, 1), [0x12, 0x08]);
    assert_eq!(audio_specific_config(50_000, 2), [0x17, 0x80, 0x61, 0xa8, 0x10]);
}
