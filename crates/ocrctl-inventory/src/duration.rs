//! Durations such as `30s` and `2m`.

use std::time::Duration;

use ocrctl_protocol::Invalid;

const UNITS: [(&str, u64); 3] = [("h", 3600), ("m", 60), ("s", 1)];

pub fn parse(text: &str) -> Result<Duration, Invalid> {
    let invalid = |message: String| {
        Invalid::new(message).hint("write a whole number with a unit: `30s`, `2m` or `1h`")
    };
    let split = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = (&text[..split], text[split..].trim_start());
    if unit.is_empty() && !number.is_empty() {
        return Err(invalid(format!("`{text}` has no unit")));
    }
    UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .and_then(|(_, seconds)| number.parse::<u64>().ok()?.checked_mul(*seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| invalid(format!("`{text}` is not a duration")))
}

/// In the largest unit that needs no fraction: `2m`.
pub fn show(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (unit, factor) = UNITS
        .iter()
        .find(|(_, factor)| seconds >= *factor && seconds.is_multiple_of(*factor))
        .unwrap_or(&("s", 1));
    format!("{}{unit}", seconds / factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_hours_minutes_and_seconds() {
        assert_eq!(parse("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse("1h"), Ok(Duration::from_secs(3600)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn rejects_invalid_durations() {
        for text in [
            "",
            "30",
            "s",
            "1.5s",
            "-1s",
            "2 minutes",
            "99999999999999999999s",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_duration_is_shown_as_it_would_be_written() {
        for text in ["30s", "2m", "90s", "1h", "0s"] {
            assert_eq!(show(parse(text).unwrap()), text);
        }
    }
}
