//! Does the host update itself, or does someone have to remember?

use std::time::Duration;

use super::Seen;
use crate::host::{Host, dpkg};
use ocrctl_protocol::Result;
use ocrctl_protocol::audit::Scope;

const LIMIT: Duration = Duration::from_secs(20);
/// Package, settings and the timer that runs it.
const FIX: &str = "apt-get install -y unattended-upgrades && printf \
    'APT::Periodic::Update-Package-Lists \"1\";\\nAPT::Periodic::Unattended-Upgrade \"1\";\\n' \
    >/etc/apt/apt.conf.d/20auto-upgrades && systemctl unmask apt-daily.timer apt-daily-upgrade.timer && \
    systemctl enable --now apt-daily.timer apt-daily-upgrade.timer";

pub(super) async fn check(host: &Host, _: &Scope) -> Result<Seen> {
    if !dpkg::is_installed(host, "unattended-upgrades")? {
        return Ok(Seen::finding(
            "the package unattended-upgrades is not installed",
            FIX,
        ));
    }
    // apt's configuration is a language of its own: its own program reads it, in milliseconds.
    let settings = host
        .run("apt-config", &["dump", "APT::Periodic"], LIMIT)
        .await?;
    let mut masked = Vec::new();
    for timer in ["apt-daily.timer", "apt-daily-upgrade.timer"] {
        let link = host.link_target(&format!("/etc/systemd/system/{timer}"))?;
        if link.as_deref() == Some("/dev/null") {
            masked.push(timer);
        }
    }
    Ok(compare(&settings, &masked))
}

fn compare(settings: &str, masked: &[&str]) -> Seen {
    let setting = |name: &str| {
        let prefix = format!("APT::Periodic::{name} \"");
        settings
            .lines()
            .rev()
            .find_map(|line| line.strip_prefix(prefix.as_str())?.strip_suffix("\";"))
    };
    let off = |name: &str, default: &str| matches!(setting(name).unwrap_or(default), "0" | "");
    for (name, default) in [
        ("Enable", "1"),
        ("Update-Package-Lists", "0"),
        ("Unattended-Upgrade", "0"),
    ] {
        if off(name, default) {
            return Seen::finding(format!("APT::Periodic::{name} is off"), FIX);
        }
    }
    match masked {
        [] => Seen::ok("on"),
        timers => Seen::finding(format!("masked: {}", timers.join(", ")), FIX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_it_must_be_on() {
        let dump = |enable: &str, lists: &str, upgrade: &str| {
            format!(
                "APT \"\";\nAPT::Periodic \"\";\n{enable}APT::Periodic::Update-Package-Lists \"{lists}\";\n\
                 APT::Periodic::Unattended-Upgrade \"{upgrade}\";\n"
            )
        };
        assert_eq!(compare(&dump("", "1", "1"), &[]).findings, []);
        for (settings, masked) in [
            (dump("", "0", "1"), &[][..]),
            (dump("", "1", "0"), &[]),
            (dump("APT::Periodic::Enable \"0\";\n", "1", "1"), &[]),
            (String::new(), &[]),
            (dump("", "1", "1"), &["apt-daily.timer"]),
        ] {
            assert_eq!(compare(&settings, masked).findings.len(), 1, "{settings}");
        }
    }
}
