//! A terminal that one thing has to itself for a time, drawn in place.

/// The alternate screen, no cursor, and lines that end at the margin.
pub(super) const ENTER: &str = "\x1b[?1049h\x1b[?25l\x1b[?7l";
/// Restores the terminal's former content.
pub(super) const LEAVE: &str = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/// `text` from the top left, over what was drawn before. Nothing scrolls: lines have addresses, not ends.
pub(super) fn frame(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16 * text.lines().count());
    for (number, line) in text.lines().enumerate() {
        out.push_str(&format!("\x1b[{};1H{line}\x1b[K", number + 1));
    }
    out.push_str("\x1b[J");
    out
}

#[cfg(test)]
mod tests {
    use super::frame;

    #[test]
    fn each_line_has_its_place_and_what_was_longer_is_gone() {
        assert_eq!(
            frame("one\ntwo\n"),
            "\x1b[1;1Hone\x1b[K\x1b[2;1Htwo\x1b[K\x1b[J"
        );
    }
}
