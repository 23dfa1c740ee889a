//! A host's certificate, for people.

use jiff::{SignedDuration, Timestamp};

use ocrctl_protocol::CertificateStatus;

use super::printable::printable;
use super::style::Styles;

pub(super) fn render(
    host: &str,
    status: &CertificateStatus,
    now: Timestamp,
    styles: &Styles,
) -> String {
    let mut lines = vec![
        ("names", status.names.join(", ")),
        ("issuer", status.issuer.clone()),
        ("signed by", status.issued_by.clone()),
        ("serial", status.serial.clone()),
        (
            "valid",
            format!(
                "{} to {} ({})",
                minute(status.not_before),
                minute(status.not_after),
                left(status.not_after, now)
            ),
        ),
        (
            "renewal",
            match &status.next_renewal {
                Some(next) => format!("{}: {}", minute(next.at), next.why),
                None => "by deploying new files".to_owned(),
            },
        ),
    ];
    if let Some(failed) = &status.last_failure {
        lines.push((
            "last failure",
            format!("{}: {}", minute(failed.at), failed.message),
        ));
    }
    let mut out = format!("{}\n", printable(host));
    for (name, value) in lines {
        out.push_str(&format!("  {name:<14}{}\n", printable(&value)));
    }
    let error = styles.error;
    for problem in &status.problems {
        let name = format!("{:<14}", "problem");
        out.push_str(&format!("  {error}{name}{error:#}{}\n", printable(problem)));
    }
    out
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

fn left(until: Timestamp, now: Timestamp) -> String {
    let left = until.duration_since(now);
    let (amount, unit) = match left.abs() {
        time if time < SignedDuration::from_hours(2) => (time.as_mins(), "minutes"),
        time if time < SignedDuration::from_hours(48) => (time.as_hours(), "hours"),
        time => (time.as_hours() / 24, "days"),
    };
    if left.is_negative() {
        format!("over for {amount} {unit}")
    } else {
        format!("{amount} {unit} left")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocrctl_protocol::{FailedAttempt, NextRenewal};

    #[test]
    fn shows_what_is_known_and_what_is_wrong() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let status = CertificateStatus {
            names: vec!["ocr.example.org".into()],
            issuer: "https://acme.example.org/directory".into(),
            issued_by: "CN=Example CA".into(),
            serial: "0a1b".into(),
            not_before: at("2026-01-01T00:00:00Z"),
            not_after: at("2026-04-01T00:00:00Z"),
            next_renewal: Some(NextRenewal {
                at: at("2026-03-02T10:00:00Z"),
                why: "a third of its life is left then".into(),
            }),
            last_failure: Some(FailedAttempt {
                at: at("2026-03-01T10:00:00Z"),
                message: "the authority is down".into(),
            }),
            problems: vec!["ocrctl-renew.timer is not active: nothing renews it".into()],
        };
        let shown = render(
            "ocr1",
            &status,
            at("2026-03-01T12:00:00Z"),
            &Styles::default(),
        );
        insta::assert_snapshot!(shown);
    }
}
