//! A Docker that can be used, or none yet: a deploy installs the distribution's. And the runtime that the inventory names.

use super::Asked;
use crate::checks::Seen;
use crate::docker::elsewhere::{self, Elsewhere};
use crate::docker::{Engine, runtime};
use crate::host::{Host, dpkg};
use crate::resources::package::DOCKER;
use ocrctl_protocol::{Failure, Result};

pub(super) async fn check(host: &Host, asked: &Asked<'_>) -> Result<Seen> {
    let installed = dpkg::is_installed(host, DOCKER)?;
    let elsewhere = match installed {
        true => None,
        false => elsewhere::read(host).await?,
    };
    let engine = match (installed, &elsewhere) {
        (false, None | Some(Elsewhere::Unusable(_))) => None,
        _ => Some(version().await),
    };
    let mut seen = compare(elsewhere, engine);
    if let Some(name) = &asked.scope.runtime
        && let Some(lacking) = runtime::lacking(host, name).await?
    {
        seen.find(lacking.message, lacking.hint.unwrap_or_default());
    }
    Ok(seen)
}

async fn version() -> Result<String> {
    Engine::connect().await?.version().await
}

/// `engine`: what it says of itself, where there is any.
fn compare(elsewhere: Option<Elsewhere>, engine: Option<Result<String>>) -> Seen {
    let from = match elsewhere {
        Some(Elsewhere::Unusable(unusable)) => return Seen::finding(unusable.why, unusable.hint),
        Some(Elsewhere::Usable { from, .. }) => format!(" from {from}, which is used as it is"),
        None => String::new(),
    };
    match engine {
        None => Seen::ok(format!("not there yet; a deploy installs {DOCKER}")),
        Some(Ok(version)) if elsewhere::is_old(&version) => Seen::finding(
            format!("Docker is {version}, older than {}", elsewhere::oldest()),
            format!("apt install {DOCKER}"),
        ),
        Some(Ok(version)) => Seen::ok(format!("Docker {version}{from}")),
        Some(Err(Failure { message, .. })) => Seen::finding(
            message,
            "`systemctl start docker`, or `journalctl -u docker` to see why it does not run",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::docker::elsewhere::Unusable;

    #[test]
    fn none_is_fine_and_so_is_a_good_one_from_wherever_it_came() {
        assert_eq!(
            compare(None, None),
            Seen::ok("not there yet; a deploy installs docker.io")
        );
        let ours = |version: &str| compare(None, Some(Ok(version.into())));
        assert_eq!(ours("20.10.24+dfsg1"), Seen::ok("Docker 20.10.24+dfsg1"));
        assert_eq!(ours("26.1.5+dfsg1"), Seen::ok("Docker 26.1.5+dfsg1"));
        assert_eq!(ours("19.03.13").findings.len(), 1);
        let docker_ce = Elsewhere::Usable {
            from: "docker-ce".into(),
            version: Some("27.3.1".into()),
        };
        assert_eq!(
            compare(Some(docker_ce), Some(Ok("27.3.1".into()))),
            Seen::ok("Docker 27.3.1 from docker-ce, which is used as it is")
        );
        let silent = compare(None, Some(Err(Failure::new("no answer"))));
        assert_eq!(silent.findings[0].found, "no answer");
    }

    #[test]
    fn one_that_can_not_be_used_is_a_finding() {
        let snap = Elsewhere::Unusable(Unusable {
            why: "it is a snap".into(),
            hint: "snap remove docker".into(),
            package: None,
        });
        let seen = compare(Some(snap), None);
        assert_eq!(seen.findings[0].fix, "snap remove docker");
    }
}
