//! `ocrctl audit`: what here depends on a person? Each check is a file: it reads what the host is, and a pure
//! function compares that with what the inventory says. A check that finds nothing, one that finds something
//! and one that could not look are three different answers.
//!
//! Accounts and groups are those of the host's own files: a static executable has no NSS.

mod accounts;
mod acme_contact;
mod backup;
mod certificate;
mod containers;
mod image_age;
mod image_owner;
mod jobs;
mod life;
mod packaged;
mod ports;
mod registry_credentials;
mod security_updates;
mod ssh_keys;
mod sudoers;
mod unattended_upgrades;
mod units;

use futures_util::future::{BoxFuture, join_all};

use crate::checks::{Seen, count, lines};
use crate::host::Host;
use ocrctl_command::quoted;
use ocrctl_protocol::Result;
use ocrctl_protocol::audit::Scope;
use ocrctl_protocol::check::Line;

struct Check {
    name: &'static str,
    run: for<'a> fn(&'a Host, &'a Scope) -> BoxFuture<'a, Result<Seen>>,
}

macro_rules! checks {
    ($($name:literal $check:ident),* $(,)?) => {
        &[$(Check { name: $name, run: |host, scope| Box::pin($check::check(host, scope)) }),*]
    };
}

/// In the order of the report.
const CHECKS: &[Check] = checks![
    "image owner" image_owner,
    "image age" image_age,
    "registry credentials" registry_credentials,
    "ssh keys" ssh_keys,
    "sudoers" sudoers,
    "acme contact" acme_contact,
    "certificate" certificate,
    "backup" backup,
    "cron jobs" jobs,
    "units" units,
    "ports" ports,
    "containers" containers,
    "unattended upgrades" unattended_upgrades,
    "security updates" security_updates,
];

/// All checks, at the same time where they wait.
pub async fn audit(host: &Host, scope: &Scope) -> Vec<Line> {
    let run = async |check: &Check| lines(check.name, (check.run)(host, scope).await);
    let answers = join_all(CHECKS.iter().map(run)).await;
    answers.into_iter().flatten().collect()
}

/// Returns whether the host has the `docker` command: from Debian 13 on, it is in a package of its own.
fn has_docker_command(host: &Host) -> bool {
    [
        "/usr/bin/docker",
        "/usr/local/bin/docker",
        "/snap/bin/docker",
    ]
    .iter()
    .any(|path| host.path(path).exists())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocrctl_protocol::audit::Ownership;
    use ocrctl_protocol::{Firewall, ImageRef};

    pub(super) fn scope() -> Scope {
        Scope {
            environment: "prod".into(),
            names: vec!["ocr.example.org".into()],
            image: ImageRef::parse("registry.example.org/example-org/ocr-service:1").unwrap(),
            ownership: Ownership::default(),
            firewall: Firewall {
                allow: Vec::new(),
                close_published: false,
                limit_ssh: false,
            },
            certificate_from_files: false,
            acme_contact: None,
        }
    }

    pub(super) fn host_with(files: &[(&str, &str)]) -> (tempfile::TempDir, Host) {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path.trim_start_matches('/'));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let host = Host::at(root.path());
        (root, host)
    }
}
