//! Could the host be lost? When its keys, accounts and authority were last backed up, and whether they have
//! changed since.

use jiff::Timestamp;

use super::Seen;
use super::life::days;
use crate::backup::{self, Stamp};
use crate::host::Host;
use ocrctl_protocol::Result;
use ocrctl_protocol::audit::Scope;

/// A backup that nobody has made anew for so long is one that nobody looks after.
const OLD: i64 = 90;

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    let contents = backup::collect(host, &scope.environment, "")?;
    if contents.is_empty() {
        return Ok(Seen::ok("there is nothing to back up yet"));
    }
    let stamp = Stamp::read(host)?;
    Ok(compare(
        stamp.as_ref(),
        &backup::digest(&contents),
        Timestamp::now(),
        &scope.environment,
    ))
}

fn compare(stamp: Option<&Stamp>, digest: &str, now: Timestamp, environment: &str) -> Seen {
    let fix = format!("ocrctl backup {environment} --to FILE");
    let Some(stamp) = stamp else {
        return Seen::finding("keys and certificates were never backed up", fix);
    };
    let age = days(stamp.at, now);
    let by = &stamp.operator;
    if stamp.digest != digest {
        let at = stamp.at;
        let found =
            format!("keys, rules or accounts have changed since the backup of {at} by {by}");
        Seen::finding(found, fix)
    } else if age > OLD {
        Seen::finding(format!("the last backup was {age} days ago, by {by}"), fix)
    } else {
        Seen::ok(format!(
            "{age} days ago, by {by}; nothing has changed since"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_good_while_it_is_young_and_nothing_has_changed() {
        let at = |day: i64| Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap();
        let stamp = Stamp {
            at: at(0),
            operator: "ann@desk".into(),
            digest: "1".into(),
        };
        let seen = |stamp, digest, day| compare(stamp, digest, at(day), "prod");
        assert_eq!(seen(Some(&stamp), "1", 90).findings, []);
        for (stamp, digest, day, words) in [
            (None, "1", 0, "never"),
            (Some(&stamp), "2", 0, "have changed since"),
            (Some(&stamp), "1", 91, "91 days ago"),
        ] {
            let findings = seen(stamp, digest, day).findings;
            assert!(findings[0].found.contains(words), "{findings:?}");
            assert_eq!(findings[0].fix, "ocrctl backup prod --to FILE");
        }
    }
}
