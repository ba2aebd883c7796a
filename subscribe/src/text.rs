//! Text from the network, for parsing and for people.

use std::borrow::Cow;

/// The text of a description: UTF-8 (RFC 8866 section 4.6), else Latin-1. It ends at the first 0, since some senders
/// announce that byte and whatever follows it in their memory.
#[must_use]
pub fn text_of(bytes: &[u8]) -> Cow<'_, str> {
    let text = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
    match std::str::from_utf8(text) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => Cow::Owned(text.iter().copied().map(char::from).collect()),
    }
}

/// Most characters of a text that are shown: more than any title has room for.
const SHOWN_MAX: usize = 64;

/// Text that is safe to show: control characters, which a terminal obeys, and those that change the direction of text
/// are replaced by `?`. What is longer than a title is cut.
#[must_use]
pub fn printable(text: &str) -> String {
    let shown = |letter: char| if is_invisible(letter) { '?' } else { letter };
    text.chars().take(SHOWN_MAX).map(shown).collect()
}

/// Whether a character controls terminals, lines, or the direction of text (Unicode 16, sections 23.1 and 23.2).
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_other_letters_and_with_a_0_behind_are_read() {
        assert_eq!(text_of(b"s=T\xFCr\n"), "s=T\u{fc}r\n");
        assert_eq!(text_of(b"s=T\xC3\xBCr\0\x80"), "s=T\u{fc}r");
    }

    #[test]
    fn names_cannot_command_a_terminal() {
        assert_eq!(printable("a\u{1b}[31m\u{7}"), "a?[31m?");
        let long = printable(&format!("\u{202e}{}", "a".repeat(900)));
        assert!(long.starts_with("?a") && long.len() == SHOWN_MAX, "{long}");
    }
}
