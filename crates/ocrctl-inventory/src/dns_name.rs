//! The DNS names that an environment serves.

use std::net::IpAddr;

use ocrctl_protocol::Invalid;

/// Longest common name of a certificate (RFC 5280, ub-common-name).
pub(super) const COMMON_NAME_MAX: usize = 64;

/// In lower case.
pub(super) fn parse(text: &str) -> Result<String, Invalid> {
    let refuse = |what: &str, hint: &str| Err(Invalid::new(format!("`{text}` {what}")).hint(hint));
    if text.is_empty() {
        return Err(
            Invalid::new("a DNS name is empty").hint("write one, such as `ocr.example.org`")
        );
    }
    if text.contains('/') {
        return refuse("is a URL", "write only the name, such as `ocr.example.org`");
    }
    if text.trim_matches(['[', ']']).parse::<IpAddr>().is_ok() {
        return refuse(
            "is an IP address",
            "write the DNS name that clients use; where the host is belongs in `hosts`",
        );
    }
    if text.contains('*') {
        return refuse("is a wildcard", "list each name that is served");
    }
    if !text.is_ascii() {
        return refuse(
            "has letters beyond ASCII",
            "write it in its ASCII form, which begins with `xn--`",
        );
    }
    if let Some(name) = text.strip_suffix('.') {
        return refuse("ends in a dot", &format!("write `{name}`"));
    }
    if let Some((name, port)) = text.split_once(':')
        && port.parse::<u16>().is_ok()
    {
        return refuse("has a port", &format!("write `{name}`; the port is 443"));
    }
    // RFC 1123, 2.1: the last label is not all digits, or it would look like an address.
    let numeric = |label: &str| label.bytes().all(|b| b.is_ascii_digit());
    if text.len() > 253
        || !text.split('.').all(is_label)
        || text.rsplit('.').next().is_some_and(numeric)
    {
        return refuse(
            "is not a DNS name",
            "labels have up to 63 letters, digits and inner hyphens, with dots between them",
        );
    }
    Ok(text.to_ascii_lowercase())
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lowered() {
        assert_eq!(parse("OCR.Example.org"), Ok("ocr.example.org".into()));
        assert_eq!(
            parse("xn--bcher-kva.example"),
            Ok("xn--bcher-kva.example".into())
        );
    }

    #[test]
    fn rejects_names_that_no_certificate_could_hold() {
        for text in [
            "",
            "192.0.2.1",
            "[2001:db8::1]",
            "*.example.org",
            "https://ocr.example.org",
            "bücher.example",
            "ocr.example.org.",
            "ocr.example.org:443",
            "-ocr.example.org",
            "ocr..org",
            "ocr_1.example.org",
            "1.2.3",
            &"a".repeat(64),
            "a b",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
