//! A Docker that can be used, or none yet: a deploy installs the distribution's.

use super::Asked;
use crate::agent::Result;
use crate::checks::Seen;
use crate::docker::Engine;
use crate::protocol::Failure;
use crate::resources::Host;
use crate::resources::package;

/// What a deploy installs and starts.
const OURS: &str = "docker.io";
/// Packages that apt would remove to install it, with all that runs in them.
const OTHERS: [&str; 4] = ["docker-ce", "containerd.io", "moby-engine", "podman-docker"];
/// The oldest that is rehearsed (Debian 12's).
const OLDEST: (u32, u32) = (20, 10);

pub(super) async fn check(host: &Host, _: &Asked<'_>) -> Result<Seen> {
    let mut others = Vec::new();
    for name in OTHERS {
        if package::is_installed(host, name)? {
            others.push(name);
        }
    }
    if host.path("/snap/bin/docker").exists() {
        others.push("the snap docker");
    }
    let installed = package::version(host, OURS)?;
    let engine = match installed.is_some() || !others.is_empty() {
        true => Some(version().await),
        false => None,
    };
    Ok(compare(&others, installed.as_deref(), engine))
}

async fn version() -> Result<String> {
    Engine::connect().await?.version().await
}

/// `engine`: what it says of itself, where there is any.
fn compare(others: &[&str], installed: Option<&str>, engine: Option<Result<String>>) -> Seen {
    if !others.is_empty() && installed.is_none() {
        return Seen::finding(
            format!(
                "Docker comes from {}, which {OURS} would replace",
                others.join(", ")
            ),
            format!(
                "move what runs in it elsewhere, then `apt remove {}` on the host",
                others.join(" ")
            ),
        );
    }
    match engine {
        None => Seen::ok(format!("not there yet; a deploy installs {OURS}")),
        Some(Ok(version)) if is_old(&version) => Seen::finding(
            format!("Docker is {version}, older than {}.{}", OLDEST.0, OLDEST.1),
            format!("apt install {OURS}"),
        ),
        Some(Ok(version)) => Seen::ok(format!("Docker {version}")),
        Some(Err(Failure { message, .. })) => Seen::finding(
            message,
            "`systemctl start docker`, or `journalctl -u docker` to see why it does not run",
        ),
    }
}

fn is_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) < OLDEST,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_fine_and_another_one_is_not() {
        assert_eq!(
            compare(&[], None, None),
            Seen::ok("not there yet; a deploy installs docker.io")
        );
        let ours = |version: &str| compare(&[], Some("1"), Some(Ok(version.into())));
        assert_eq!(ours("20.10.24+dfsg1"), Seen::ok("Docker 20.10.24+dfsg1"));
        assert_eq!(ours("26.1.5+dfsg1"), Seen::ok("Docker 26.1.5+dfsg1"));
        assert_eq!(ours("19.03.13").findings.len(), 1);
        let other = compare(
            &["docker-ce", "containerd.io"],
            None,
            Some(Ok("27.0".into())),
        );
        assert!(
            other.findings[0]
                .mend
                .contains("apt remove docker-ce containerd.io")
        );
        let silent = compare(&[], Some("1"), Some(Err(Failure::new("no answer"))));
        assert_eq!(silent.findings[0].found, "no answer");
    }
}
