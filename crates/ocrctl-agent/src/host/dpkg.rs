//! Reads packages from dpkg's status file.

use std::collections::HashSet;

use crate::host::Host;
use ocrctl_protocol::Result;

const STATUS: &str = "/var/lib/dpkg/status";

/// The text of the status file; empty where there is none.
pub fn status(host: &Host) -> Result<String> {
    Ok(host.read_text(STATUS)?.unwrap_or_default())
}

/// Names of the packages that are fully installed.
pub fn installed(status: &str) -> HashSet<&str> {
    let states = states(status);
    states
        .filter_map(|(name, state)| (state == "installed").then_some(name))
        .collect()
}

/// Returns whether a package is installed, or half installed by an interrupted run.
pub fn is_present(status: &str, name: &str) -> bool {
    states(status).any(|(package, state)| {
        package == name && !matches!(state, "not-installed" | "config-files")
    })
}

/// Names and states: the last word of `Status: install ok installed`.
fn states(status: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut package = "";
    status.lines().filter_map(move |line| {
        if let Some(name) = line.strip_prefix("Package: ") {
            package = name;
        }
        let state = line.strip_prefix("Status: ")?.rsplit(' ').next()?;
        Some((package, state))
    })
}

/// The version of an installed package, as dpkg writes it.
pub fn version(host: &Host, name: &str) -> Result<Option<String>> {
    Ok(installed_version(&status(host)?, name).map(str::to_owned))
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

/// Returns whether one package is installed.
pub fn is_installed(host: &Host, name: &str) -> Result<bool> {
    Ok(installed(&status(host)?).contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Package: ufw\nStatus: install ok installed\nVersion: 1\n\n\
         Package: nginx\nStatus: deinstall ok config-files\nVersion: 2\n\n\
         Package: docker.io\nStatus: install ok half-configured\nVersion: 3\n\n\
         Package: docker-ce\nStatus: hold ok installed\nVersion: 5:27.3.1-1~debian.12~bookworm\n";

    #[test]
    fn only_what_is_fully_installed_counts_as_installed() {
        assert_eq!(installed(TEXT), HashSet::from(["ufw", "docker-ce"]));
        assert_eq!(
            installed_version(TEXT, "docker-ce"),
            Some("5:27.3.1-1~debian.12~bookworm")
        );
        assert_eq!(installed_version(TEXT, "nginx"), None);
    }

    #[test]
    fn a_package_left_half_installed_is_present_and_left_settings_are_not() {
        let present = |name| is_present(TEXT, name);
        assert!(present("ufw") && present("docker.io") && present("docker-ce"));
        assert!(!present("nginx") && !present("docker"));
    }
}
