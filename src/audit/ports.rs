//! Ports that listen, against the firewall: what can be reached shall be what the inventory names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::packaged::files;
use super::{Seen, count};
use crate::agent::Result;
use crate::protocol::audit::Scope;
use crate::protocol::{AllowRule, Detail, Failure, Protocol};
use crate::resources::Host;
use crate::resources::firewall::{Firewall, Openings, ssh_port};

/// A socket that waits for others.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Listener {
    /// `tcp` or `udp`.
    protocol: &'static str,
    address: IpAddr,
    port: u16,
    inode: String,
}

/// The kernel's numbers: TCP_LISTEN, and for UDP one that is not connected.
const TABLES: [(&str, &str, &str); 4] = [
    ("/proc/net/tcp", "tcp", "0A"),
    ("/proc/net/tcp6", "tcp", "0A"),
    ("/proc/net/udp", "udp", "07"),
    ("/proc/net/udp6", "udp", "07"),
];

pub(super) async fn check(host: &Host, scope: &Scope) -> Result<Seen> {
    let mut listeners = Vec::new();
    let mut tables = 0;
    for (path, protocol, state) in TABLES {
        if let Some(text) = host.read_text(path)? {
            tables += 1;
            listeners.extend(parse(&text, protocol, state));
        }
    }
    if tables == 0 {
        return Err(Failure::new("the kernel tells no sockets in /proc/net"));
    }
    let firewall = Firewall {
        ssh_port: ssh_port(host)?,
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
        let program = program(host, inode)?.unwrap_or_else(|| "the kernel".to_owned());
        finding.found = finding.found.replace(&format!("socket {inode}"), &program);
    }
    Ok(seen)
}

/// Sockets of a table in one state: `sl local_address rem_address st … inode`, addresses in hexadecimal
/// (proc_net(5)).
fn parse(table: &str, protocol: &'static str, state: &str) -> Vec<Listener> {
    let line = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        if fields.get(3) != Some(&state) {
            return None;
        }
        let (address, port) = fields.get(1)?.split_once(':')?;
        Some(Listener {
            protocol,
            address: parse_address(address)?,
            port: u16::from_str_radix(port, 16).ok()?,
            inode: (*fields.get(9)?).to_owned(),
        })
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// Words of 32 bits as the machine has them in memory, each written as a number.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        u32::from_str_radix(hex.get(at..at + 8)?, 16)
            .ok()
            .map(u32::to_ne_bytes)
    };
    match hex.len() {
        8 => Some(Ipv4Addr::from(word(0)?).into()),
        32 => {
            let bytes = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            let bytes: [u8; 16] = bytes.try_into().ok()?;
            Some(Ipv6Addr::from(bytes).to_canonical())
        }
        _ => None,
    }
}

fn compare(
    listeners: &[Listener],
    openings: &Openings,
    differs: &[Detail],
    firewall: &Firewall,
    environment: &str,
) -> Seen {
    let mend = format!("ocrctl deploy {environment}");
    let mut seen = Seen::default();
    if !openings.closed {
        seen.find(
            "the firewall is off, or lets in what no rule names",
            mend.clone(),
        );
    }
    for detail in differs {
        match detail {
            Detail::Removed { text } => seen.find(
                format!("the firewall has a rule that the inventory does not name: {text}"),
                format!("{mend}; or add it to `firewall.allow`"),
            ),
            Detail::Added { text } => {
                seen.find(format!("the firewall lacks a rule: {text}"), mend.clone());
            }
            Detail::Field { .. } | Detail::Diff { .. } => {}
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
                format!("stop what listens there, and `{mend}` closes the port"),
            );
        }
    }
    let number = count(outside.len(), "socket listens", "sockets listen");
    seen.summary = format!("{number} beyond loopback; only those of the inventory can be reached");
    seen
}

/// Whose socket it is.
fn program(host: &Host, inode: &str) -> Result<Option<String>> {
    let socket = format!("socket:[{inode}]");
    for process in files(host, "/proc")? {
        let number = process.trim_start_matches("/proc/");
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            continue;
        }
        // One that ends meanwhile is none.
        for descriptor in files(host, &format!("{process}/fd")).unwrap_or_default() {
            if host.link_target(&descriptor).ok().flatten().as_ref() == Some(&socket) {
                let name = host
                    .read_text(&format!("{process}/comm"))?
                    .unwrap_or_default();
                return Ok(Some(format!("{} (process {number})", name.trim())));
            }
        }
    }
    Ok(None)
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

    #[test]
    fn the_kernels_tables_are_read() {
        let table = [
            HEAD,
            &socket("0100007F:0050", "0A", 7),
            &socket("00000000:01BB", "01", 8),
        ]
        .concat();
        let [listener] = parse(&table, "tcp", "0A").try_into().unwrap();
        assert_eq!(
            (listener.address.to_string().as_str(), listener.port),
            ("127.0.0.1", 80)
        );
        assert_eq!(listener.inode, "7");
        let v6 = |hex| parse_address(hex).unwrap().to_string();
        assert_eq!(v6("00000000000000000000000001000000"), "::1");
        assert_eq!(v6("0000000000000000FFFF00000100007F"), "127.0.0.1");
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
    async fn what_the_firewall_keeps_out_or_only_loopback_hears_is_in_order() {
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
