//! When the certificate that is served ends. It is renewed long before, so little time left means that
//! nobody and nothing renews it.

use jiff::Timestamp;
use x509_parser::parse_x509_certificate;

use super::Seen;
use super::life::days;
use crate::agent::{Context, Result};
use crate::protocol::audit::Scope;
use crate::resources::{Host, certificate};

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    let leaf = certificate::live_leaf(host)
        .map_err(|failure| failure.hint("`ocrctl deploy` makes one"))?;
    let (_, leaf) = parse_x509_certificate(&leaf).context("reading the live certificate")?;
    let time = |time: x509_parser::time::ASN1Time| {
        Timestamp::from_second(time.timestamp()).context("reading the live certificate's dates")
    };
    let (from, until) = (
        time(leaf.validity().not_before)?,
        time(leaf.validity().not_after)?,
    );
    Ok(compare(from, until, Timestamp::now(), scope))
}

fn compare(from: Timestamp, until: Timestamp, now: Timestamp, scope: &Scope) -> Seen {
    let environment = &scope.environment;
    let mend = if scope.certificate_from_files {
        format!("put a new certificate into the files of `tls`, then `ocrctl deploy {environment}`")
    } else {
        format!("ocrctl deploy {environment}")
    };
    let (left, life) = (days(now, until), days(from, until));
    if until <= now {
        Seen::finding(format!("the certificate expired at {until}"), mend)
    } else if left * 4 < life {
        let found = format!(
            "the certificate expires in {left} days, at {until}, and nothing has renewed it"
        );
        Seen::finding(found, mend)
    } else {
        Seen::ok(format!("{left} days left"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::scope;
    use super::*;

    #[test]
    fn less_than_a_quarter_of_its_life_is_too_little() {
        let at = |day: i64| Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap();
        let seen = |now| compare(at(0), at(90), at(now), &scope());
        assert_eq!(seen(60).summary, "30 days left");
        assert!(seen(70).findings[0].found.contains("in 20 days"));
        assert!(seen(90).findings[0].found.contains("expired"));
        let mut files = scope();
        files.certificate_from_files = true;
        assert!(
            compare(at(0), at(90), at(91), &files).findings[0]
                .mend
                .contains("files of `tls`")
        );
    }
}
