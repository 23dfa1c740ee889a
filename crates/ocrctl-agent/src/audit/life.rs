//! Ages in words.

use jiff::Timestamp;

/// Whole days from one time to another; negative if it is the other way round.
pub(super) fn days(from: Timestamp, to: Timestamp) -> i64 {
    (to.as_second() - from.as_second()) / 86_400
}

/// A file's last change.
pub(super) fn changed(host: &crate::host::Host, path: &str) -> Option<Timestamp> {
    let changed = std::fs::metadata(host.path(path)).ok()?.modified().ok()?;
    Timestamp::try_from(changed).ok()
}
