#![no_main]

#[path = "../../engine/src/worker/pdf/agreement/readings.rs"]
mod readings;

use readings::{aligned, alike, confirm, disagree};

/// Longest of the texts that are compared: a few words of a page.
const LONGEST: usize = 400;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| agreement(bytes));

/// A text agrees with itself, each of its visible characters has one place in a reading, and no reading has more of them
/// than it is long. The layer's text and two readings are separated by NUL.
fn agreement(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut texts = text
        .split('\0')
        .map(|text| text.chars().take(LONGEST).collect::<String>());
    let mut next = || texts.next().unwrap_or_default();
    let (layer, first, second) = (next(), next(), next());
    let visible = |text: &str| text.chars().filter(char::is_ascii_graphic).count();
    for (one, other) in [(&layer, &first), (&first, &second), (&second, &layer)] {
        let pairs = aligned(one, other);
        assert_eq!(pairs.len(), visible(one));
        let same = pairs.iter().filter(|(_, same)| *same).count();
        assert!(same <= visible(other));
        assert!(!disagree(one, one));
        assert!(aligned(one, one).iter().all(|(_, same)| *same));
        for (a, b) in one.chars().zip(other.chars()) {
            assert_eq!(alike(a, b), alike(b, a));
        }
    }
    confirm(&layer, &first, &second);
}
