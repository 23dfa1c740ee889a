//! Ports that listen, against the firewall: what can be reached shall be what the inventory names.

use super::{Seen, count};
use crate::host::Host;
use crate::host::sockets::{self, Listener};
use crate::resources::firewall::{Firewall, Openings};
use crate::resources::logins::ssh_port;
use ocrctl_protocol::audit::Scope;
use ocrctl_protocol::{AllowRule, Detail, Protocol, Result};

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    let listeners = sockets::listening(host)?;
    let firewall = Firewall {
        ssh_port: ssh_port(host).await?,
        wanted: scope.firewall.clone(),
    };
    let differs = firewall.diff(host)?;
    let openings = Openings::read(host)?;
    let details = differs.map(|change| change.details).unwrap_or_default();
    let mut seen = compare(
        &listeners,
        &openings,
        &details,
        &firewall,
        &scope.environment,
    );
    for finding in &mut seen.findings {
        let Some((_, inode)) = finding.found.rsplit_once("socket ") else {
            continue;
        };
        let program = sockets::program(host, inode)?.unwrap_or_else(|| "the kernel".to_owned());
        finding.found = finding.found.replace(&format!("socket {inode}"), &program);
    }
    Ok(seen)
}

fn compare(
    listeners: &[Listener],
    openings: &Openings,
    differs: &[Detail],
    firewall: &Firewall,
    environment: &str,
) -> Seen {
    let fix = format!("ocrctl deploy {environment}");
    let mut seen = Seen::default();
    if !openings.closed {
        seen.find(
            "the firewall is off, or lets in what no rule names",
            fix.clone(),
        );
    }
    for detail in differs {
        match detail {
            Detail::Removed { text } => seen.find(
                format!("the firewall has a rule that the inventory does not name: {text}"),
                format!("{fix}; or add it to `firewall.allow`"),
            ),
            Detail::Added { text } => {
                seen.find(format!("the firewall lacks a rule: {text}"), fix.clone());
            }
            Detail::Field { .. } | Detail::Diff { .. } | Detail::Blocked { .. } => {}
        }
    }
    let wanted = |listener: &Listener| {
        let fixed = [firewall.ssh_port, 80, 443];
        let allowed = |rule: &AllowRule| {
            let protocol = match rule.protocol {
                Protocol::Tcp => "tcp",
                Protocol::Udp => "udp",
            };
            rule.port == listener.port && protocol == listener.protocol
        };
        (listener.protocol == "tcp" && fixed.contains(&listener.port))
            || firewall.wanted.allow.iter().any(allowed)
    };
    let outside: Vec<&Listener> = listeners
        .iter()
        .filter(|listener| !listener.address.is_loopback())
        .collect();
    for listener in &outside {
        let Listener { protocol, port, .. } = listener;
        if openings.lets_in(*port, protocol) && !wanted(listener) {
            seen.find(
                format!(
                    "port {port}/{protocol} can be reached from outside, at {}: socket {}",
                    listener.address, listener.inode
                ),
                format!("stop what listens there, and `{fix}` closes the port"),
            );
        }
    }
    let number = count(outside.len(), "socket listens", "sockets listen");
    seen.summary = format!("{number} beyond loopback; only those of the inventory can be reached");
    seen
}

#[cfg(test)]
mod tests {
    use super::super::tests::{host_with, scope};
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";

    fn socket(address: &str, state: &str, inode: u32) -> String {
        format!(
            "   0: {address} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000     0        0 {inode} 1\n"
        )
    }

    /// A host that listens on 22, 80 and, beside that, on what is given.
    async fn found(sockets: &[String], rules: &str, enabled: bool) -> Vec<String> {
        let tcp = [
            HEAD,
            &socket("00000000:0016", "0A", 1),
            &socket("00000000:0050", "0A", 2),
            &sockets.concat(),
        ]
        .concat();
        let own = ["22", "80", "443"]
            .map(|port| format!("### tuple ### allow tcp {port} 0.0.0.0/0 any 0.0.0.0/0 in\n"))
            .concat();
        let (_root, host) = host_with(&[
            ("/proc/net/tcp", &tcp),
            (
                "/etc/ufw/ufw.conf",
                if enabled {
                    "ENABLED=yes\n"
                } else {
                    "ENABLED=no\n"
                },
            ),
            (
                "/etc/default/ufw",
                "IPV6=no\nDEFAULT_INPUT_POLICY=\"DROP\"\n",
            ),
            ("/etc/ufw/user.rules", &format!("{own}{rules}")),
            ("/proc/77/comm", "python3\n"),
        ]);
        std::fs::create_dir_all(host.path("/proc/77/fd")).unwrap();
        std::os::unix::fs::symlink("socket:[99]", host.path("/proc/77/fd/3")).unwrap();
        let findings = check(&host, &scope()).await.unwrap().findings;
        findings.into_iter().map(|finding| finding.found).collect()
    }

    #[tokio::test]
    async fn accepts_ports_that_are_closed_or_on_loopback() {
        let sockets = [
            socket("00000000:1F90", "0A", 3),
            socket("0100007F:1F91", "0A", 4),
        ];
        assert_eq!(found(&sockets, "", true).await, [""; 0]);
    }

    #[tokio::test]
    async fn a_port_that_can_be_reached_is_found_with_its_program() {
        let rule = "### tuple ### allow tcp 8080 0.0.0.0/0 any 0.0.0.0/0 in\n";
        let found = found(&[socket("00000000:1F90", "0A", 99)], rule, true).await;
        assert!(found[0].contains("rule that the inventory does not name: allow 8080/tcp"));
        assert_eq!(
            found[1],
            "port 8080/tcp can be reached from outside, at 0.0.0.0: python3 (process 77)"
        );
    }

    #[tokio::test]
    async fn without_a_firewall_everything_can_be_reached() {
        let found = found(&[socket("00000000:1F90", "0A", 5)], "", false).await;
        assert!(found[0].contains("firewall is off"));
        assert!(found[1].contains("8080/tcp") && found[1].contains("the kernel"));
    }
}
