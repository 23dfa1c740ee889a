//! Packages of the distribution, installed by apt.

use std::collections::HashSet;
use std::time::Duration;

use super::Host;
use crate::agent::{Operation, Result};
use crate::protocol::{Action, Change, Detail};

/// apt waits this long for another apt (unattended upgrades run at boot).
const LOCK_TIMEOUT: &str = "DPkg::Lock::Timeout=600";
const LIMIT: Duration = Duration::from_secs(1800);

#[derive(Debug)]
pub struct Packages {
    pub names: Vec<&'static str>,
}

impl Packages {
    pub fn diff(&self, host: &Host) -> Result<Option<Change>> {
        let missing = self.missing(host)?;
        if missing.is_empty() {
            return Ok(None);
        }
        Ok(Some(Change {
            resource: "packages".into(),
            action: Action::Create,
            reason: format!("{} not installed", missing.join(", ")),
            details: missing
                .iter()
                .map(|name| Detail::Added {
                    text: (*name).to_owned(),
                })
                .collect(),
        }))
    }

    pub async fn apply(&self, host: &Host, operation: &mut Operation) -> Result<()> {
        let missing = self.missing(host)?;
        let tell = |what: &str| operation.events.progress("packages", what, None);
        // A run that was killed half way leaves packages unpacked but not configured.
        tell("completing what an interrupted dpkg left");
        host.run("dpkg", &["--configure", "-a"], LIMIT).await?;
        tell("apt-get update");
        host.run("apt-get", &["-o", LOCK_TIMEOUT, "-q", "update"], LIMIT)
            .await
            .map_err(|f| {
                f.hint(
                    "the host must reach its apt mirrors; check /etc/apt/sources.list* and its DNS",
                )
            })?;
        tell(&format!("apt-get install {}", missing.join(" ")));
        let mut arguments = vec![
            "-o",
            LOCK_TIMEOUT,
            "-o",
            "Dpkg::Options::=--force-confdef",
            "-o",
            "Dpkg::Options::=--force-confold",
            "-q",
            "-y",
            "--no-install-recommends",
            "install",
        ];
        arguments.extend(&missing);
        host.run("apt-get", &arguments, LIMIT).await?;
        Ok(())
    }

    fn missing(&self, host: &Host) -> Result<Vec<&'static str>> {
        let status = host.read_text("/var/lib/dpkg/status")?.unwrap_or_default();
        let installed = installed(&status);
        Ok(self
            .names
            .iter()
            .copied()
            .filter(|name| !installed.contains(name))
            .collect())
    }
}

/// Names of the packages that a dpkg status file says are fully installed.
fn installed(status: &str) -> HashSet<&str> {
    let mut package = "";
    let mut names = HashSet::new();
    for line in status.lines() {
        if let Some(name) = line.strip_prefix("Package: ") {
            package = name;
        } else if line.starts_with("Status: ") && line.ends_with(" ok installed") {
            names.insert(package);
        }
    }
    names
}

/// The version of an installed package, as dpkg writes it.
pub fn version(host: &Host, name: &str) -> Result<Option<String>> {
    let status = host.read_text("/var/lib/dpkg/status")?.unwrap_or_default();
    Ok(installed_version(&status, name).map(str::to_owned))
}

fn installed_version<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let paragraph = status.split("\n\n").find(|paragraph| {
        let mut lines = paragraph.lines();
        lines.any(|line| line.strip_prefix("Package: ") == Some(name))
            && paragraph.contains(" ok installed")
    })?;
    paragraph
        .lines()
        .find_map(|line| line.strip_prefix("Version: "))
}

/// Whether one package is installed.
pub fn is_installed(host: &Host, name: &str) -> Result<bool> {
    let status = host.read_text("/var/lib/dpkg/status")?.unwrap_or_default();
    Ok(installed(&status).contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_fully_installed_counts() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let packages = Packages {
            names: vec!["ufw", "nginx", "docker.io"],
        };
        assert_eq!(
            packages.missing(&host).unwrap(),
            ["ufw", "nginx", "docker.io"]
        );
        std::fs::create_dir_all(host.path("/var/lib/dpkg")).unwrap();
        std::fs::write(
            host.path("/var/lib/dpkg/status"),
            "Package: ufw\nStatus: install ok installed\nVersion: 1\n\n\
             Package: nginx\nStatus: deinstall ok config-files\n\n\
             Package: docker.io\nStatus: install ok half-configured\n",
        )
        .unwrap();
        assert_eq!(packages.missing(&host).unwrap(), ["nginx", "docker.io"]);
        let change = packages.diff(&host).unwrap().unwrap();
        assert_eq!(change.reason, "nginx, docker.io not installed");
    }
}
