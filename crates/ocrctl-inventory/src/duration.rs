//! Durations of the inventory and the command line.

use std::time::Duration;

use ocrctl_protocol::{Invalid, quantity};

/// Such as `30s`, `2m` and `1h`.
pub fn parse(text: &str) -> Result<Duration, Invalid> {
    quantity::duration(text)
        .ok_or_else(|| Invalid::new(format!("`{text}` is not a duration")).hint(quantity::DURATION))
}
