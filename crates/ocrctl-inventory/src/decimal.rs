//! Decimal numbers with at most three places, kept exactly.

/// Thousandths: `1.5` is 1500. `None` if it is no such number, or far too large.
pub(super) fn thousandths(text: &str) -> Option<u64> {
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
    use super::thousandths;

    #[test]
    fn places_are_exact() {
        assert_eq!(thousandths("2"), Some(2000));
        assert_eq!(thousandths("1.5"), Some(1500));
        assert_eq!(thousandths("0.125"), Some(125));
        for bad in [
            "",
            ".5",
            "1.",
            "1.2345",
            "-1",
            "1e3",
            "99999999999999999999",
        ] {
            assert_eq!(thousandths(bad), None, "{bad}");
        }
    }
}
