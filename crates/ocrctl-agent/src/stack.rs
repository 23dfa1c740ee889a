//! The whole host on one page: an environment's desired state as the ordered list of its resources.

use crate::docker::ARCHIVE;
use crate::host::{Access, Host};
use crate::resources::certificate::issuance::Issuance;
use crate::resources::certificate::settings::{self, Settings};
use crate::resources::certificate::{ACCOUNTS, CHALLENGES, Certificate, WEBROOT, certbot};
use crate::resources::directory::{Directory, Group};
use crate::resources::file::{Content, File};
use crate::resources::firewall::Firewall;
use crate::resources::link::Link;
use crate::resources::logins::ssh_port;
use crate::resources::nginx::{Facts, Nginx};
use crate::resources::package::{DOCKER, Packages};
use crate::resources::release::{CONTAINER_ID, LIVE, Release, SLOTS};
use crate::resources::rules::Rules;
use crate::resources::secret_file::SecretFile;
use crate::resources::sshd::Sshd;
use crate::resources::unit::{Unit, Units};
use crate::resources::{Resource, key_file};
use crate::watch::settings as watch;
use ocrctl_protocol::{Context, Desired, Result, Secret, Tls};

/// Where timers and an administrator find the agent that was deployed last.
const AGENT_LINK: &str = "/opt/ocrctl/bin/ocrctl";
/// After the distribution's `20auto-upgrades`, which it overrides.
const UPGRADES: &str = "/etc/apt/apt.conf.d/52ocrctl-upgrades";
const UPGRADES_TEXT: &str = include_str!("../../../templates/apt/upgrades.conf");
/// `sudo` looks there.
const CONSOLE: &str = "/usr/local/bin/ocrctl";
const RENEW_SERVICE: &str = include_str!("../../../templates/systemd/ocrctl-renew.service");
const RENEW_TIMER: &str = include_str!("../../../templates/systemd/ocrctl-renew.timer");
const WATCH_SERVICE: &str = include_str!("../../../templates/systemd/ocrctl-watch.service");
const WATCH_TIMER: &str = include_str!("../../../templates/systemd/ocrctl-watch.timer");

/// In the order in which they are applied: what something needs stands before it.
pub async fn resources(host: &Host, desired: &Desired) -> Result<Vec<Resource>> {
    let by_certbot = matches!(desired.tls, Tls::Certbot { .. });
    let mut list = vec![Resource::Packages(Packages {
        names: packages(by_certbot, desired.hygiene.security_upgrades),
        may_remove: desired.packages.may_remove.clone(),
    })];
    // Closed before anything of ours opens.
    list.push(Resource::Firewall(Firewall {
        ssh_port: ssh_port(host).await?,
        wanted: desired.firewall.clone(),
    }));
    list.push(Resource::Sshd(Sshd {
        harden: desired.hygiene.sshd,
    }));
    list.push(root_directory("/var/lib/ocrctl", 0o755));
    // NGINX's workers read what is in there, whatever root's umask is.
    list.push(root_directory(WEBROOT, 0o755));
    list.push(root_directory(&format!("{WEBROOT}/.well-known"), 0o755));
    list.push(root_directory(CHALLENGES, 0o755));
    list.extend(watcher(desired)?);
    let settings = Settings::new(&desired.environment, &desired.names, &desired.tls);
    list.push(Resource::Certificate(Box::new(Certificate {
        settings: settings.clone(),
        tls: desired.tls.clone(),
    })));
    list.push(nginx(host, desired)?);
    list.extend(renewal(&settings, &desired.tls)?);
    list.extend(console(host)?);
    let unit = |name, package| Unit { name, package };
    list.push(upgrades(desired.hygiene.security_upgrades));
    let mut units = vec![
        // Of whichever Docker the host has.
        unit("docker.service", None),
        unit("nginx.service", Some("nginx")),
        unit("ufw.service", Some("ufw")),
        // NGINX's package brings the rules for its logs, ours among them, and not what goes by them.
        unit("logrotate.timer", Some("logrotate")),
        unit("ocrctl-renew.timer", None),
        unit("ocrctl-watch.timer", None),
    ];
    if by_certbot {
        units.push(unit("certbot.timer", Some("certbot")));
    }
    if desired.hygiene.security_upgrades {
        units.push(unit("apt-daily.timer", Some("apt")));
        units.push(unit("apt-daily-upgrade.timer", Some("apt")));
    }
    list.push(Resource::Units(Units { units }));
    list.extend(registry_ca(desired).map(Resource::File));
    list.push(Resource::Directory(Directory {
        path: "/etc/ocr".into(),
        uid: 0,
        group: Group::Id(CONTAINER_ID),
        mode: 0o750,
    }));
    list.push(Resource::File(File {
        path: key_file::PATH.into(),
        content: Content::Initial(key_file::initial(host)?),
        access: key_file::ACCESS,
    }));
    if let Some((path, json)) = key_file::initial_copy(host)? {
        list.push(Resource::File(File {
            path,
            content: Content::Initial(json),
            access: key_file::ACCESS,
        }));
    }
    list.push(root_directory("/var/lib/ocr", 0o755));
    // A socket in it belongs to NGINX's group too: the set-group-ID bit hands it on.
    list.extend(SLOTS.map(|slot| {
        Resource::Directory(Directory {
            path: slot.directory(),
            uid: CONTAINER_ID,
            group: Group::Name("www-data"),
            mode: 0o2750,
        })
    }));
    list.extend(of_release(desired));
    // Last: it needs port 80, and its failure leaves a service that is up.
    if let Tls::Acme {
        authority,
        external_account,
    }
    | Tls::Certbot {
        authority,
        external_account,
    } = &desired.tls
    {
        list.push(Resource::Issuance(Box::new(Issuance {
            settings,
            authority: authority.clone(),
            external_account: external_account.clone(),
        })));
    }
    if !by_certbot {
        list.push(Resource::RetiredCertbot(certbot::Retired {
            environment: desired.environment.clone(),
        }));
    }
    Ok(list)
}

/// Packages that the host shall have.
pub fn packages(certbot: bool, security_upgrades: bool) -> Vec<&'static str> {
    let mut names = vec!["ca-certificates", "ufw", "nginx", DOCKER, "logrotate"];
    if certbot {
        names.push("certbot");
    }
    if security_upgrades {
        names.push("unattended-upgrades");
    }
    names
}

/// Returns the resources that a rollback reverts: the release and its configuration.
pub fn with_release(host: &Host, desired: &Desired) -> Result<Vec<Resource>> {
    let mut list = of_release(desired);
    // Its limits are those of the release that it asks.
    list.push(nginx(host, desired)?);
    Ok(list)
}

fn of_release(desired: &Desired) -> Vec<Resource> {
    let mut list = vec![Resource::Release(Box::new(Release::of(desired)))];
    // The release that serves is asked what it makes of them.
    if let Some(text) = &desired.rules {
        list.push(Resource::Rules(Rules { text: text.clone() }));
    }
    list
}

fn nginx(host: &Host, desired: &Desired) -> Result<Resource> {
    Ok(Resource::Nginx(Nginx {
        names: desired.names.clone(),
        max_upload: desired.service.max_upload,
        deadline: desired.service.deadline,
        socket: format!("{LIVE}/ocr.sock"),
        facts: Facts::read(host)?,
    }))
}

/// Returns the resources by which the host renews its certificate without its operator.
fn renewal(settings: &Settings, tls: &Tls) -> Result<Vec<Resource>> {
    let executable = std::env::current_exe().context("finding the agent's executable")?;
    let mut list = vec![
        root_directory("/opt/ocrctl/bin", 0o755),
        Resource::Link(Link {
            path: AGENT_LINK.into(),
            target: executable.to_string_lossy().into_owned(),
        }),
        root_directory(ACCOUNTS, 0o700),
        file(settings::PATH, 0o644, settings.to_json()),
        file(
            "/etc/systemd/system/ocrctl-renew.service",
            0o644,
            RENEW_SERVICE,
        ),
        file("/etc/systemd/system/ocrctl-renew.timer", 0o644, RENEW_TIMER),
    ];
    if let Tls::Certbot { authority, .. } = tls {
        list.push(file(certbot::HOOK, 0o755, certbot::HOOK_TEXT));
        if let Some(ca) = &authority.directory_ca {
            list.push(file(certbot::DIRECTORY_CA, 0o644, ca.as_str()));
            list.push(file(certbot::DROP_IN, 0o644, certbot::DROP_IN_TEXT));
        }
    }
    Ok(list)
}

/// Returns the resources by which the host watches itself and sends alerts.
fn watcher(desired: &Desired) -> Result<Vec<Resource>> {
    let alerts = if desired.alerts.is_empty() {
        None
    } else {
        let json = serde_json::to_string(&desired.alerts).context("writing the alerts")?;
        Some(Secret(json.into()))
    };
    Ok(vec![
        file(watch::PATH, 0o644, watch::Settings::of(desired).to_json()),
        Resource::SecretFile(SecretFile {
            path: watch::ALERTS,
            content: alerts,
        }),
        file(
            "/etc/systemd/system/ocrctl-watch.service",
            0o644,
            WATCH_SERVICE,
        ),
        file("/etc/systemd/system/ocrctl-watch.timer", 0o644, WATCH_TIMER),
    ])
}

/// Returns our setting of upgrades. Other settings of the package and the distribution stay.
fn upgrades(on: bool) -> Resource {
    if on {
        return file(UPGRADES, 0o644, UPGRADES_TEXT);
    }
    Resource::File(File {
        path: UPGRADES.into(),
        content: Content::Absent {
            why: "`hygiene.security_upgrades` is off",
        },
        access: Access::root(0o644),
    })
}

/// Returns the command that an administrator types on the host. Another program by that name stays.
fn console(host: &Host) -> Result<Option<Resource>> {
    let theirs = host.access(CONSOLE)?.is_some() && host.link_target(CONSOLE)?.is_none();
    Ok((!theirs).then(|| {
        Resource::Link(Link {
            path: CONSOLE.into(),
            target: AGENT_LINK.into(),
        })
    }))
}

fn file(path: &str, mode: u32, text: impl Into<String>) -> Resource {
    Resource::File(File {
        path: path.into(),
        content: Content::Exact(text.into()),
        access: Access::root(mode),
    })
}

/// The authority of a private registry, where Docker looks for it at each pull.
pub fn registry_ca(desired: &Desired) -> Option<File> {
    let ca = desired.registry.ca.as_ref()?;
    let registry = &desired.image.registry;
    // A rollback to a release that came from an archive.
    if registry == ARCHIVE {
        return None;
    }
    Some(File {
        path: format!("/etc/docker/certs.d/{registry}/ca.crt"),
        content: Content::Exact(ca.clone()),
        access: Access::root(0o644),
    })
}

fn root_directory(path: &str, mode: u32) -> Resource {
    Resource::Directory(Directory {
        path: path.into(),
        uid: 0,
        group: Group::Id(0),
        mode,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upgrades_that_are_switched_off_leave_no_setting() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let file = |on| match upgrades(on) {
            Resource::File(file) => file,
            other => panic!("{other:?}"),
        };
        for (on, there) in [(true, true), (false, false), (true, true)] {
            file(on).apply(&host).unwrap();
            assert_eq!(file(on).diff(&host).unwrap(), None);
            assert_eq!(host.read(UPGRADES).unwrap().is_some(), there);
        }
    }
}
