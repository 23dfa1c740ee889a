//! Sizes and durations on the command line: more than none.

use std::time::Duration;

use ocr_api::quantity;

/// # Errors
/// A sentence with examples of valid sizes.
pub fn bytes(text: &str) -> Result<u64, String> {
    let bytes = quantity::bytes(text).filter(|bytes| *bytes > 0);
    bytes.ok_or_else(|| format!("`{text}` is not a size; {}", quantity::SIZE))
}

/// # Errors
/// A sentence with examples of valid durations.
pub fn duration(text: &str) -> Result<Duration, String> {
    let duration = quantity::duration(text).filter(|duration| !duration.is_zero());
    duration.ok_or_else(|| format!("`{text}` is not a duration; {}", quantity::DURATION))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_neither_a_size_nor_a_duration() {
        assert_eq!(bytes("1500"), Ok(1500));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "0", "0MB", "50M"] {
            assert!(bytes(wrong).unwrap_err().contains("50MB"), "{wrong}");
        }
        for wrong in ["", "30", "0s"] {
            assert!(duration(wrong).unwrap_err().contains("30s"), "{wrong}");
        }
    }
}
