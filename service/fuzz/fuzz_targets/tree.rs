#![no_main]

#[path = "../../engine/src/worker/pdf/tree/counts.rs"]
mod counts;

use counts::{forget_counts, may_have_more};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| tree(bytes));

/// A file that has more pages than a number has more than any lower number. Counts are renamed once, at their places, and
/// nothing else is changed.
fn tree(bytes: &[u8]) {
    let (few, many) = (may_have_more(bytes, 1), may_have_more(bytes, 3));
    assert!(few || !many);
    let mut renamed = bytes.to_vec();
    forget_counts(&mut renamed);
    assert_eq!(renamed.len(), bytes.len());
    for (at, (before, after)) in bytes.iter().zip(&renamed).enumerate() {
        let is_count = at > 0 && bytes[at - 1..].starts_with(b"/Count");
        assert!(before == after || (is_count && *after == b'X'), "at {at}");
    }
    let mut again = renamed.clone();
    forget_counts(&mut again);
    assert_eq!(again, renamed);
}
