//! Checks that the certificate is as it should be, and renewed in time: `ocrctl cert status` judges it, and little time
//! left means that nobody and nothing renews it.

use jiff::Timestamp;

use super::Seen;
use super::life::days;
use crate::host::Host;
use crate::resources::certificate::status;
use ocrctl_protocol::audit::Scope;
use ocrctl_protocol::{CertificateStatus, Result};

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    let now = Timestamp::now();
    Ok(compare(&status::read(host, now).await?, now, scope))
}

fn compare(status: &CertificateStatus, now: Timestamp, scope: &Scope) -> Seen {
    let environment = &scope.environment;
    let fix = if scope.certificate_from_files {
        format!("put a new certificate into the files of `tls`, then `ocrctl deploy {environment}`")
    } else {
        format!("ocrctl deploy {environment}")
    };
    let left = days(now, status.not_after);
    let mut seen = Seen::ok(format!("{left} days left"));
    for problem in &status.problems {
        seen.find(format!("the certificate: {problem}"), &fix);
    }
    if seen.findings.is_empty() && left * 4 < days(status.not_before, status.not_after) {
        let found = format!(
            "the certificate expires in {left} days, at {}, and nothing has renewed it",
            status.not_after
        );
        seen.find(found, fix);
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::super::tests::scope;
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap()
    }

    fn status() -> CertificateStatus {
        CertificateStatus {
            names: vec!["ocr.example.org".into()],
            issuer: String::new(),
            issued_by: String::new(),
            serial: "01".into(),
            not_before: at(0),
            not_after: at(90),
            next_renewal: None,
            last_failure: None,
            problems: Vec::new(),
        }
    }

    #[test]
    fn less_than_a_quarter_of_its_life_is_too_little() {
        assert_eq!(compare(&status(), at(60), &scope()).summary, "30 days left");
        assert_eq!(compare(&status(), at(60), &scope()).findings, []);
        let late = compare(&status(), at(70), &scope());
        assert!(late.findings[0].found.contains("in 20 days"));
        let mut files = scope();
        files.certificate_from_files = true;
        let fix = &compare(&status(), at(70), &files).findings[0].fix;
        assert!(fix.contains("files of `tls`"), "{fix}");
    }

    #[test]
    fn reports_problems_of_the_status_as_findings() {
        let mut bad = status();
        bad.problems = vec!["it has expired at noon".into(), "no timer".into()];
        let found = compare(&bad, at(91), &scope()).findings;
        assert_eq!(found.len(), 2);
        assert!(found[0].found.contains("has expired"));
    }
}
