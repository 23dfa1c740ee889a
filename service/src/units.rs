//! Sizes and durations on the command line.

use std::time::Duration;

/// Parses a size: `50MB`, `48MiB` or `1500` bytes. Decimal units are powers of 1000, binary ones of 1024.
///
/// # Errors
/// A sentence with examples of valid sizes.
pub fn bytes(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let factor = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1000,
        "m" | "mb" => 1000 * 1000,
        "g" | "gb" => 1000 * 1000 * 1000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => 0,
    };
    number
        .and_then(|number| number.checked_mul(factor))
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| format!("`{text}` is not a size; write it like 50MB, 48MiB or 50000000"))
}

/// Parses a duration: `500ms`, `30s` or `2m`.
///
/// # Errors
/// A sentence with examples of valid durations.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split(text);
    let millis = match unit {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60 * 1000,
        "h" => 60 * 60 * 1000,
        _ => 0,
    };
    number
        .and_then(|number| number.checked_mul(millis))
        .filter(|millis| *millis > 0)
        .map(Duration::from_millis)
        .ok_or_else(|| format!("`{text}` is not a duration; write it like 500ms, 30s or 2m"))
}

fn split(text: &str) -> (Option<u64>, &str) {
    let text = text.trim();
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    (number.parse().ok(), unit.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_sizes() {
        assert_eq!(bytes("50MB"), Ok(50_000_000));
        assert_eq!(bytes("50 mb"), Ok(50_000_000));
        assert_eq!(bytes("48MiB"), Ok(48 << 20));
        assert_eq!(bytes("1500"), Ok(1500));
        for wrong in ["", "MB", "0", "5XB", "-1", "1.5MB", "99999999999GB"] {
            assert!(bytes(wrong).unwrap_err().contains("50MB"), "{wrong}");
        }
    }

    #[test]
    fn parses_durations() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "30", "s", "0s", "1.5s"] {
            assert!(duration(wrong).unwrap_err().contains("30s"), "{wrong}");
        }
    }
}
