//! A Docker that did not come with the distribution's `docker.io`: docker-ce, one installed by hand, a snap. A good one is
//! used as it is, with all that runs in it.

use super::Engine;
use crate::host::{Host, dpkg, systemd};
use ocrctl_command::Program;
use ocrctl_protocol::Result;

/// The first Docker that limits memory and processes in control groups of the second version, which all supported systems
/// have. It is the oldest that is rehearsed, too: Debian 12's.
const OLDEST: (u32, u32) = (20, 10);
/// Packages other than docker.io that bring an engine.
const PACKAGES: [&str; 3] = ["docker-ce", "moby-engine", "docker-engine"];
/// Podman under Docker's name.
const PODMAN: &str = "podman-docker";
const SNAP: &str = "/snap/bin/docker";
const EXECUTABLES: [&str; 4] = [
    "/usr/bin/dockerd",
    "/usr/sbin/dockerd",
    "/usr/local/bin/dockerd",
    "/usr/local/sbin/dockerd",
];
const UNITS: [&str; 4] = [
    "/etc/systemd/system/docker.service",
    "/usr/local/lib/systemd/system/docker.service",
    "/usr/lib/systemd/system/docker.service",
    "/lib/systemd/system/docker.service",
];

#[derive(Debug, PartialEq, Eq)]
pub enum Elsewhere {
    Usable {
        /// The package, or the path of the executable.
        from: String,
        /// The version, such as `27.3.1`; `None` if it could not be read.
        version: Option<String>,
    },
    Unusable(Unusable),
}

#[derive(Debug, PartialEq, Eq)]
pub struct Unusable {
    pub why: String,
    pub hint: String,
    /// The package that would have to go for `docker.io`.
    pub package: Option<&'static str>,
}

/// Docker packages and programs on a host, other than the distribution's.
#[derive(Debug, Default)]
struct Found {
    package: Option<&'static str>,
    executable: Option<&'static str>,
    has_unit: bool,
    version: Option<String>,
    podman: bool,
    snap: bool,
}

/// `None` if the host has none. Not asked where docker.io is installed.
pub async fn read(host: &Host) -> Result<Option<Elsewhere>> {
    let is_there = |path: &&&str| host.path(path).exists();
    let executable = EXECUTABLES.iter().find(is_there).copied();
    let mut found = Found {
        executable,
        has_unit: UNITS.iter().any(|path| is_there(&path)),
        snap: is_there(&&SNAP),
        podman: dpkg::is_installed(host, PODMAN)?,
        ..Found::default()
    };
    for name in PACKAGES {
        if found.package.is_none() && dpkg::is_installed(host, name)? {
            found.package = Some(name);
        }
    }
    if let Some(executable) = executable
        && host.is_machine()
    {
        found.version = version(host, executable).await;
    }
    Ok(judge(&found))
}

/// Of the engine that runs; where none does, of the executable.
async fn version(host: &Host, executable: &str) -> Option<String> {
    if systemd::is_active(host, "docker").await
        && let Ok(engine) = Engine::connect().await
        && let Ok(version) = engine.version().await
    {
        return Some(version);
    }
    // `Docker version 27.3.1, build ce12230`
    let output = Program::new(executable).arg("--version").run().await.ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.strip_prefix("Docker version ")?;
    Some(version.split([',', ' ']).next()?.to_owned())
}

fn judge(found: &Found) -> Option<Elsewhere> {
    let unusable = |why: String, hint: String, package| {
        Some(Elsewhere::Unusable(Unusable { why, hint, package }))
    };
    let from = found
        .package
        .or(found.executable)
        .unwrap_or_default()
        .to_owned();
    let replaced = |name: &str| {
        format!(
            "name {name} in `packages.may_remove` of the inventory and a deploy replaces it by docker.io, which ends what runs in it"
        )
    };
    if found.executable.is_none() {
        return if found.snap {
            unusable(
                "the host's Docker is the snap `docker`, which sees only a part of the host's files".into(),
                "move what runs in it elsewhere, then `snap remove docker` on the host; a deploy then installs docker.io".into(),
                None,
            )
        } else if found.podman {
            unusable(
                format!(
                    "{PODMAN} gives Docker's name to Podman, in which the service is not tried"
                ),
                format!(
                    "`apt-get remove {PODMAN}` on the host; or {}",
                    replaced(PODMAN)
                ),
                Some(PODMAN),
            )
        } else {
            None
        };
    }
    if !found.has_unit {
        return unusable(
            format!(
                "the host's Docker ({from}) has no docker.service, by which it would be started at boot"
            ),
            "give it one, as its own packages do; or remove it, and a deploy installs docker.io"
                .into(),
            found.package,
        );
    }
    if let Some(version) = &found.version
        && is_old(version)
    {
        let (major, minor) = OLDEST;
        let or = found.package.map(|name| format!("; or {}", replaced(name)));
        return unusable(
            format!("the host's Docker is {version} from {from}, older than {major}.{minor}"),
            format!("update it on the host{}", or.unwrap_or_default()),
            found.package,
        );
    }
    Some(Elsewhere::Usable {
        from,
        version: found.version.clone(),
    })
}

/// Returns whether an engine's version is older than the oldest supported one. A version that can't be read is not.
pub fn is_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) < OLDEST,
        _ => false,
    }
}

/// The oldest supported version for messages: `20.10`.
pub fn oldest() -> String {
    format!("{}.{}", OLDEST.0, OLDEST.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docker_ce(version: &str) -> Found {
        Found {
            package: Some("docker-ce"),
            executable: Some("/usr/bin/dockerd"),
            has_unit: true,
            version: Some(version.into()),
            ..Found::default()
        }
    }

    fn unusable(found: &Found) -> Unusable {
        match judge(found) {
            Some(Elsewhere::Unusable(unusable)) => unusable,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_good_docker_from_elsewhere_is_used_as_it_is() {
        let usable = |from: &str, version: Option<&str>| {
            Some(Elsewhere::Usable {
                from: from.into(),
                version: version.map(str::to_owned),
            })
        };
        assert_eq!(judge(&Found::default()), None);
        for version in ["20.10.0", "27.3.1", "29.1.0-rc.1"] {
            let wanted = usable("docker-ce", Some(version));
            assert_eq!(judge(&docker_ce(version)), wanted);
        }
        let by_hand = Found {
            package: None,
            version: None,
            executable: Some("/usr/local/bin/dockerd"),
            // Left by an image of the distribution's, and not what runs.
            snap: true,
            ..docker_ce("")
        };
        assert_eq!(judge(&by_hand), usable("/usr/local/bin/dockerd", None));
    }

    #[test]
    fn refuses_what_is_too_old_or_can_not_be_used() {
        let old = unusable(&docker_ce("19.03.15"));
        assert!(old.why.contains("19.03.15 from docker-ce"), "{old:?}");
        assert!(old.hint.contains("packages.may_remove"), "{old:?}");
        assert_eq!(old.package, Some("docker-ce"));
        let snap = unusable(&Found {
            snap: true,
            ..Found::default()
        });
        assert!(snap.hint.contains("snap remove docker"), "{snap:?}");
        let podman = unusable(&Found {
            podman: true,
            ..Found::default()
        });
        assert_eq!(podman.package, Some(PODMAN));
        let without_unit = unusable(&Found {
            has_unit: false,
            ..docker_ce("27.3.1")
        });
        assert!(
            without_unit.why.contains("docker.service"),
            "{without_unit:?}"
        );
    }

    #[tokio::test]
    async fn is_found_by_its_files_and_packages() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let put = |path: &str, text: &str| {
            let path = host.path(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        assert_eq!(read(&host).await.unwrap(), None);
        put(SNAP, "");
        assert!(matches!(
            read(&host).await,
            Ok(Some(Elsewhere::Unusable(_)))
        ));
        put("/usr/bin/dockerd", "");
        put("/lib/systemd/system/docker.service", "");
        put(
            "/var/lib/dpkg/status",
            "Package: docker-ce\nStatus: install ok installed\n",
        );
        let wanted = Elsewhere::Usable {
            from: "docker-ce".into(),
            version: None,
        };
        assert_eq!(read(&host).await.unwrap(), Some(wanted));
    }
}
