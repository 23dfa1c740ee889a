//! A release of Debian or Ubuntu that a deploy knows, run by systemd.

use super::Asked;
use crate::checks::Seen;
use crate::host::Host;
use ocrctl_protocol::{Failure, Result};

const KNOWN: [(&str, &str); 5] = [
    ("ubuntu", "22.04"),
    ("ubuntu", "24.04"),
    ("ubuntu", "26.04"),
    ("debian", "12"),
    ("debian", "13"),
];

pub(super) async fn check(host: &Host, _: &Asked<'_>) -> Result<Seen> {
    let release = host.read_text("/etc/os-release")?;
    let release = release.ok_or_else(|| Failure::new("there is no /etc/os-release"))?;
    let systemd = host.path("/run/systemd/system").exists();
    Ok(compare(&release, systemd))
}

fn compare(release: &str, systemd: bool) -> Seen {
    let field = |name: &str| {
        let mut lines = release.lines();
        let value = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
        value.unwrap_or_default().trim_matches(['"', '\''])
    };
    let name = match field("PRETTY_NAME") {
        "" => "a system without a name",
        name => name,
    };
    if !KNOWN.contains(&(field("ID"), field("VERSION_ID"))) {
        return Seen::finding(
            format!("{name} is none of the systems that a deploy is made for"),
            "take a host with Ubuntu 22.04, 24.04 or 26.04, or Debian 12 or 13",
        );
    }
    if !systemd {
        return Seen::finding(
            format!("{name} does not run systemd"),
            "take a whole machine or a system container that systemd boots",
        );
    }
    Seen::ok(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_releases_pass_and_others_are_named() {
        let debian =
            "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n";
        assert_eq!(
            compare(debian, true),
            Seen::ok("Debian GNU/Linux 12 (bookworm)")
        );
        assert_eq!(compare(debian, false).findings.len(), 1);
        for release in [
            "PRETTY_NAME='Ubuntu 20.04'\nID=ubuntu\nVERSION_ID='20.04'\n",
            "PRETTY_NAME=\"Debian GNU/Linux forky/sid\"\nID=debian\n",
            "ID=fedora\nVERSION_ID=42\n",
        ] {
            assert_eq!(compare(release, true).findings.len(), 1, "{release}");
        }
        let ubuntu =
            "PRETTY_NAME=\"Ubuntu 26.04 LTS\"\nID=ubuntu\nID_LIKE=debian\nVERSION_ID=\"26.04\"\n";
        assert_eq!(compare(ubuntu, true), Seen::ok("Ubuntu 26.04 LTS"));
    }
}
