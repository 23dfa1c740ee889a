//! Sizes such as `50MB` and `2GiB`, and durations such as `30s` and `2m`, as they are written in the inventory and on the
//! command lines of ocrctl and of the service.

use std::time::Duration;

const SIZES: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];
const DURATIONS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Advice for whoever wrote something else.
pub const SIZE: &str =
    "write a number with a unit, such as `50MB` (50 000 000 bytes) or `2GiB` (2 × 1024³ bytes)";
pub const DURATION: &str = "write a whole number with a unit, such as `500ms`, `30s`, `2m` or `1h`";

/// Bytes. The number may have three decimal places; without a unit, it is one of bytes. The case of units is ignored.
#[must_use]
pub fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split(text, |c| c.is_ascii_digit() || c == '.');
    let of = |(name, _): &&(&str, u64)| name.eq_ignore_ascii_case(unit);
    let factor = match unit {
        "" => 1,
        _ => SIZES.iter().find(of)?.1,
    };
    Some(thousandths(number)?.checked_mul(factor)? / 1000)
}

/// A whole number with a unit.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text, |c| c.is_ascii_digit());
    let (_, millis) = DURATIONS.iter().find(|(name, _)| *name == unit)?;
    let number: u64 = number.parse().ok()?;
    Some(Duration::from_millis(number.checked_mul(*millis)?))
}

/// In the largest unit that needs no fraction: `50MB`.
#[must_use]
pub fn show_bytes(bytes: u64) -> String {
    show(bytes, &SIZES, "B")
}

/// In the largest unit that needs no fraction: `2m`.
#[must_use]
pub fn show_duration(duration: Duration) -> String {
    let millis = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    show(millis, &DURATIONS, "ms")
}

fn show(amount: u64, units: &[(&str, u64)], smallest: &str) -> String {
    let (unit, factor) = match amount {
        0 => (if smallest == "ms" { "s" } else { smallest }, 1),
        _ => *units
            .iter()
            .find(|(_, factor)| amount.is_multiple_of(*factor))
            .unwrap_or(&(smallest, 1)),
    };
    format!("{}{unit}", amount / factor)
}

fn split(text: &str, number: fn(char) -> bool) -> (&str, &str) {
    let text = text.trim();
    let end = text.find(|c| !number(c)).unwrap_or(text.len());
    (&text[..end], text[end..].trim_start())
}

/// `1.5` is 1500. `None` if it is no such number, or far too large.
#[must_use]
pub fn thousandths(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 3 {
        return None;
    }
    let fraction: u64 = format!("{fraction:0<3}").parse().ok()?;
    let whole: u64 = whole.parse().ok()?;
    whole.checked_mul(1000)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_and_binary_units_differ() {
        for (text, wanted) in [
            ("50MB", 50_000_000),
            ("50 mb", 50_000_000),
            ("2GiB", 2 << 30),
            ("1.5KiB", 1536),
            ("0.125kB", 125),
            ("7B", 7),
            ("1500", 1500),
            ("0", 0),
        ] {
            assert_eq!(bytes(text), Some(wanted), "{text}");
        }
        for wrong in [
            "",
            "MB",
            "50M",
            "5XB",
            "fifty MB",
            "-1MB",
            "1,5GB",
            ".5GB",
            "1.GB",
            "1.2345GB",
            "1e3B",
            "99999999999TiB",
            "99999999999999999999",
        ] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn durations_are_whole_numbers_with_a_unit() {
        for (text, wanted) in [
            ("500ms", 500),
            ("30s", 30_000),
            ("2m", 120_000),
            ("1 h", 3_600_000),
            ("0s", 0),
        ] {
            assert_eq!(
                duration(text),
                Some(Duration::from_millis(wanted)),
                "{text}"
            );
        }
        for wrong in [
            "",
            "30",
            "s",
            "1.5s",
            "-1s",
            "2 minutes",
            "99999999999999999999s",
        ] {
            assert_eq!(duration(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn both_are_shown_as_they_would_be_written() {
        for text in ["50MB", "2GiB", "1536KiB", "1001B", "3TB", "0B"] {
            assert_eq!(show_bytes(bytes(text).unwrap()), text);
        }
        for text in ["30s", "2m", "90s", "1h", "0s", "1500ms"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
    }
}
