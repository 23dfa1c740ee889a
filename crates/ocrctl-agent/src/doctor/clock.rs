//! A clock that is right enough for certificates and for keys that end.

use jiff::{SignedDuration, Timestamp};

use super::Asked;
use crate::checks::Seen;
use crate::host::Host;
use ocrctl_protocol::Result;

/// Beyond this a new certificate may not be valid yet, and an authority's answers are too old.
const TOLERATED: SignedDuration = SignedDuration::from_secs(30);

pub(super) async fn check(_: &Host, asked: &Asked<'_>) -> Result<Seen> {
    Ok(compare(asked.at, asked.scope.now))
}

/// `theirs` is a moment older than it was: the way here takes longer than it is measured.
fn compare(ours: Timestamp, theirs: Timestamp) -> Seen {
    let ahead = ours.duration_since(theirs);
    let skew = ahead.abs();
    if skew <= TOLERATED {
        return Seen::ok(format!(
            "within {:.1} s of the operator's",
            skew.as_secs_f64()
        ));
    }
    let way = if ahead.is_negative() {
        "behind"
    } else {
        "ahead of"
    };
    Seen::finding(
        format!("{} s {way} the operator's clock", skew.as_secs()),
        "`timedatectl` on both shows which is wrong; `apt install systemd-timesyncd` keeps it right",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_a_skew_with_its_direction() {
        let at = |seconds: i64| Timestamp::from_second(1_700_000_000 + seconds).unwrap();
        assert_eq!(
            compare(at(1), at(0)),
            Seen::ok("within 1.0 s of the operator's")
        );
        let found = |ours, theirs| compare(ours, theirs).findings.remove(0).found;
        assert_eq!(found(at(90), at(0)), "90 s ahead of the operator's clock");
        assert_eq!(found(at(0), at(3600)), "3600 s behind the operator's clock");
    }
}
