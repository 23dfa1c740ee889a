//! The age of the live image: the packages of its base have had no updates since.

use jiff::Timestamp;

use super::Seen;
use super::life::days;
use crate::docker::{Engine, shown};
use crate::host::Host;
use crate::resources::release::Release;
use ocrctl_protocol::audit::Scope;
use ocrctl_protocol::{Failure, Result};

const OLD: i64 = 90;

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    // First: without an answer from Docker nothing is known of a release.
    let engine = Engine::connect().await?;
    let Some((_, live)) = Release::live_container(host, &engine).await else {
        return Err(Failure::new("no release is live").hint("`ocrctl deploy` makes one"));
    };
    let created = engine.image_created(&live.image_id).await?;
    let created = created
        .as_deref()
        .and_then(|text| text.parse::<Timestamp>().ok())
        .filter(|created| created.as_second() > 0)
        .ok_or_else(|| {
            Failure::new(format!(
                "{} does not say when it was made",
                shown(&live.image)
            ))
        })?;
    Ok(compare(created, Timestamp::now(), &scope.environment))
}

fn compare(created: Timestamp, now: Timestamp, environment: &str) -> Seen {
    let age = days(created, now);
    if age > OLD {
        Seen::finding(
            format!("the image is {age} days old, and so are its libraries"),
            format!(
                "ocrctl build --push, then name its digest in `image` and ocrctl deploy {environment}"
            ),
        )
    } else {
        Seen::ok(format!("{age} days"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_months_are_old() {
        let at = |day: i64| Timestamp::from_second(1_800_000_000 + day * 86_400).unwrap();
        assert_eq!(compare(at(0), at(90), "prod").findings, []);
        assert!(
            compare(at(0), at(91), "prod").findings[0]
                .found
                .contains("91 days")
        );
    }
}
