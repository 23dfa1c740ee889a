//! Text from a host or a file, made harmless: it may move no cursor and set no colour.

use std::borrow::Cow;

/// `text` with its control characters, except line ends and tabs, written out; so are the signs that reverse the order of
/// what follows them.
pub(super) fn printable(text: &str) -> Cow<'_, str> {
    written_out(text, |c, out| out.extend(c.escape_unicode()))
}

/// The same for JSON, which stays the same value.
pub(super) fn printable_json(json: &str) -> Cow<'_, str> {
    // Below U+10000, so one escape each.
    written_out(json, |c, out| {
        out.push_str(&format!("\\u{:04x}", u32::from(c)));
    })
}

fn written_out(text: &str, write: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_harmful(c) {
            write(c, &mut out);
        } else {
            out.push(c);
        }
    }
    Cow::Owned(out)
}

fn is_harmful(c: char) -> bool {
    let reverses = matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    reverses || c.is_control() && !matches!(c, '\n' | '\t')
}

#[cfg(test)]
mod tests {
    use super::{printable, printable_json};

    #[test]
    fn escape_sequences_are_shown_and_not_obeyed() {
        assert_eq!(printable("a\tb\nc"), "a\tb\nc");
        assert_eq!(printable("\x1b[2Jgone\r"), "\\u{1b}[2Jgone\\u{d}");
        assert_eq!(printable("\u{9b}2J a\u{202e}b"), "\\u{9b}2J a\\u{202e}b");
    }

    #[test]
    fn json_is_the_same_value_without_control_characters() {
        let value = "\u{1b}[2J \u{7f}\u{9b}2J \u{202e}\n é";
        let json = serde_json::to_string(value).unwrap();
        let shown = printable_json(&json);
        assert_eq!(shown, "\"\\u001b[2J \\u007f\\u009b2J \\u202e\\n é\"");
        assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), value);
    }
}
