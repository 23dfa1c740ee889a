//! systemd units that no package brought and that are not ours: timers above all, but a service that
//! someone wrote is known to that someone only, too.

use super::accounts::Accounts;
use super::packaged::{files, unowned};
use super::{Seen, quoted};
use crate::host::Host;
use ocrctl_protocol::Result;
use ocrctl_protocol::audit::Scope;

const SYSTEM: &str = "/etc/systemd/system";
const OTHERS: [&str; 2] = ["/etc/systemd/user", "/usr/local/lib/systemd/system"];
const KINDS: [&str; 6] = [
    ".timer",
    ".service",
    ".socket",
    ".path",
    ".mount",
    ".automount",
];
/// The prefix of this project's units.
const OURS: &str = "ocrctl-";

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    let mut directories = vec![SYSTEM.to_owned()];
    directories.extend(OTHERS.map(str::to_owned));
    let accounts = Accounts::read(host)?;
    let homes = accounts.homes();
    directories.extend(
        homes
            .iter()
            .map(|home| format!("{home}/.config/systemd/user")),
    );
    let mut paths = Vec::new();
    for directory in directories {
        for path in files(host, &directory)? {
            if by_hand(&path, host.link_target(&path)?.as_deref()) {
                paths.push(path);
            }
        }
    }
    Ok(compare(&unowned(host, paths)?, &scope.ownership.jobs))
}

/// Enabling a unit makes links to the one of its package, and masking it one to nowhere.
fn by_hand(path: &str, target: Option<&str>) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let unit = KINDS.iter().any(|kind| name.ends_with(kind)) && !name.starts_with(OURS);
    let packaged = |target: &str| {
        target == "/dev/null"
            || target.starts_with("/lib/systemd/")
            || target.starts_with("/usr/lib/systemd/")
            || !target.contains('/')
    };
    unit && !target.is_some_and(packaged)
}

fn compare(paths: &[String], known: &[String]) -> Seen {
    let mut seen = Seen::ok("none but those of packages, of ocrctl and of the inventory");
    for path in paths {
        let name = path.rsplit('/').next().unwrap_or_default();
        if known.iter().any(|known| known == name || known == path) {
            continue;
        }
        let disable = match path.starts_with(SYSTEM) {
            true => format!("systemctl disable --now {} && ", quoted(name)),
            false => String::new(),
        };
        seen.find(
            format!("{path} was made by hand"),
            format!(
                "{disable}rm {}; or add {name} to `ownership.jobs`",
                quoted(path)
            ),
        );
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::super::tests::{host_with, scope};
    use super::*;

    #[tokio::test]
    async fn separates_handmade_units_from_enabled_masked_and_own_ones() {
        let (_root, host) = host_with(&[
            ("/etc/passwd", "ann:x:1000:1000::/home/ann:/bin/sh\n"),
            ("/etc/systemd/system/report.timer", ""),
            ("/etc/systemd/system/ocrctl-renew.timer", ""),
            ("/etc/systemd/system/from-a-package.service", ""),
            ("/etc/systemd/system/docker.service.d/proxy.conf", ""),
            ("/home/ann/.config/systemd/user/sync.timer", ""),
            (
                "/var/lib/dpkg/info/p.list",
                "/etc/systemd/system/from-a-package.service\n",
            ),
        ]);
        for (link, target) in [
            ("sshd.service", "/usr/lib/systemd/system/ssh.service"),
            ("apt-daily.timer", "/dev/null"),
            ("tool.service", "/opt/tool/tool.service"),
        ] {
            std::os::unix::fs::symlink(target, host.path(&format!("{SYSTEM}/{link}"))).unwrap();
        }
        let mut scope = scope();
        let found = check(&host, &scope).await.unwrap().findings;
        let found: Vec<&str> = found.iter().map(|f| f.found.as_str()).collect();
        assert_eq!(
            found,
            [
                "/etc/systemd/system/report.timer was made by hand",
                "/etc/systemd/system/tool.service was made by hand",
                "/home/ann/.config/systemd/user/sync.timer was made by hand",
            ]
        );
        scope.ownership.jobs = ["report.timer", "tool.service", "sync.timer"]
            .map(str::to_owned)
            .into();
        assert_eq!(check(&host, &scope).await.unwrap().findings, []);
    }
}
