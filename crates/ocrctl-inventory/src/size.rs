//! Sizes such as `50MB` and `2GiB`.

use super::decimal::thousandths;
use ocrctl_protocol::Invalid;

const UNITS: [(&str, u64); 9] = [
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

/// Bytes.
pub fn parse(text: &str) -> Result<u64, Invalid> {
    let invalid = |message: String| {
        Invalid::new(message)
            .hint("write a number with a unit, such as `50MB` (50 000 000 bytes) or `2GiB` (2 × 1024³ bytes)")
    };
    let split = text
        .find(|c: char| !c.is_ascii_digit() && c != '.')
        .unwrap_or(text.len());
    let (number, unit) = (&text[..split], text[split..].trim_start());
    if unit.is_empty() && !number.is_empty() {
        return Err(invalid(format!("`{text}` has no unit")));
    }
    let Some((_, factor)) = UNITS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(unit))
    else {
        return Err(invalid(format!("`{text}` is not a size")));
    };
    thousandths(number)
        .and_then(|n| n.checked_mul(*factor))
        .map(|n| n / 1000)
        .ok_or_else(|| invalid(format!("`{text}` is not a size")))
}

/// In the largest unit that needs no fraction: `50MB`.
pub fn show(bytes: u64) -> String {
    let (unit, factor) = UNITS
        .iter()
        .find(|(_, factor)| bytes >= *factor && bytes.is_multiple_of(*factor))
        .unwrap_or(&("B", 1));
    format!("{}{unit}", bytes / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_and_binary_units_differ() {
        assert_eq!(parse("50MB"), Ok(50_000_000));
        assert_eq!(parse("50 mb"), Ok(50_000_000));
        assert_eq!(parse("2GiB"), Ok(2 << 30));
        assert_eq!(parse("1.5KiB"), Ok(1536));
        assert_eq!(parse("7B"), Ok(7));
    }

    #[test]
    fn rejects_invalid_sizes() {
        for text in [
            "",
            "50",
            "MB",
            "50M",
            "fifty MB",
            "-1MB",
            "1,5GB",
            "99999999999TiB",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("50").unwrap_err().message, "`50` has no unit");
    }

    #[test]
    fn a_size_is_shown_as_it_would_be_written() {
        for text in ["50MB", "2GiB", "1536KiB", "1001B", "3TB"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
    }
}
