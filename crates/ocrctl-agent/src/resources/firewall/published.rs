//! Ports that Docker publishes for containers: Docker leads them past UFW's rules. They are closed in DOCKER-USER, the
//! chain that Docker leaves to others, by a part of UFW's own `after.rules`, which are there before Docker is.

use crate::docker::Published;
use ocrctl_protocol::{AllowRule, Detail, Firewall, Protocol};

const FAMILIES: [&str; 2] = ["IPv4", "IPv6"];
/// In each rule, so that our rules can be told from others.
const MARK: &str = "-m comment --comment ocrctl";

/// Returns the text that belongs into [`ufw::OWN`](crate::resources::ufw::OWN).
pub(super) fn blocks(wanted: &Firewall, ipv6: bool) -> [Option<String>; 2] {
    if !wanted.close_published {
        return [None, None];
    }
    [false, true].map(|is_v6| (ipv6 || !is_v6).then(|| block(&wanted.allow, is_v6)))
}

fn block(allow: &[AllowRule], is_v6: bool) -> String {
    // Answers, and what comes from containers: Docker's default network, and those that were made since.
    let mut rules = vec![
        "-m conntrack --ctstate RELATED,ESTABLISHED".to_owned(),
        "-i docker0".to_owned(),
        "-i br-+".to_owned(),
    ];
    for rule in allow {
        let source = match &rule.from {
            Some(network) if network.contains(':') != is_v6 => continue,
            Some(network) => format!("-s {network} "),
            None => String::new(),
        };
        let (protocol, port) = (name(rule.protocol), rule.port);
        rules.push(format!(
            "{source}-p {protocol} -m conntrack --ctorigdstport {port}"
        ));
    }
    let pass = rules.iter().map(|rule| (rule.as_str(), "RETURN"));
    // By the network it leads to, or, whatever that is called, because its destination was exchanged for a container's.
    let closed = ["-o docker0", "-o br-+", "-m conntrack --ctstate DNAT"];
    let rules: String = pass
        .chain(closed.map(|rule| (rule, "DROP")))
        .map(|(rule, target)| format!("-A DOCKER-USER {rule} {MARK} -j {target}\n"))
        .collect();
    format!("*filter\n:DOCKER-USER - [0:0]\n{rules}COMMIT\n")
}

fn name(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "tcp",
        Protocol::Udp => "udp",
    }
}

pub(super) fn differences(real: &[Option<String>; 2], wanted: &[Option<String>; 2]) -> Vec<Detail> {
    let rules = |block: &Option<String>| -> Vec<String> {
        let lines = block.iter().flat_map(|block| block.lines());
        let rules = lines.filter(|line| line.starts_with("-A "));
        rules.map(str::to_owned).collect()
    };
    let mut details = Vec::new();
    for ((real, wanted), family) in real.iter().zip(wanted).zip(FAMILIES) {
        if real == wanted {
            continue;
        }
        let (before, after) = (rules(real), rules(wanted));
        let added = after.iter().filter(|rule| !before.contains(rule));
        let removed = before.iter().filter(|rule| !after.contains(rule));
        let text = |rule: &String| format!("{family} {rule}");
        let found = details.len();
        details.extend(added.map(|rule| Detail::Added { text: text(rule) }));
        details.extend(removed.map(|rule| Detail::Removed { text: text(rule) }));
        if details.len() == found {
            details.push(Detail::Added {
                text: format!("{family} rules of DOCKER-USER, in order"),
            });
        }
    }
    details
}

/// Lists ports of these containers that are reachable past the firewall, against the inventory: a line for each
/// container.
pub fn leaks(containers: &[Published], firewall: &Firewall) -> Vec<String> {
    if firewall.close_published {
        return Vec::new();
    }
    let open = |container: &Published| {
        let ports = container.ports.iter().map(String::as_str);
        let open: Vec<&str> = ports
            .filter(|port| !is_loopback(port) && !is_allowed(port, &firewall.allow))
            .collect();
        (!open.is_empty()).then(|| {
            format!(
                "the container {} publishes {} past the firewall",
                container.name,
                open.join(", ")
            )
        })
    };
    containers.iter().filter_map(open).collect()
}

/// Of `ADDRESS:PORT->PORT/PROTOCOL`.
fn is_loopback(port: &str) -> bool {
    port.starts_with("127.") || port.starts_with("[::1]")
}

fn is_allowed(port: &str, allow: &[AllowRule]) -> bool {
    let Some((outer, inner)) = port.split_once("->") else {
        return false;
    };
    let number = outer.rsplit_once(':').map(|(_, port)| port);
    let protocol = inner.rsplit_once('/').map_or("tcp", |(_, name)| name);
    // A rule for a network does not hold here: Docker lets in everyone.
    allow.iter().any(|rule| {
        rule.from.is_none()
            && number == Some(rule.port.to_string().as_str())
            && name(rule.protocol) == protocol
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Access, Host};
    use crate::resources::ufw::{BEGIN, OWN, read, write};

    fn firewall(close_published: bool) -> Firewall {
        let rule = |port, from: Option<&str>| AllowRule {
            port,
            protocol: Protocol::Tcp,
            from: from.map(str::to_owned),
        };
        Firewall {
            allow: vec![
                rule(9100, Some("10.0.0.0/8")),
                rule(9200, Some("2001:db8::/32")),
                rule(8000, None),
            ],
            close_published,
            limit_ssh: false,
        }
    }

    #[test]
    fn puts_accepting_rules_before_dropping_ones() {
        let [v4, v6] = blocks(&firewall(true), true).map(Option::unwrap);
        assert_eq!(
            v4,
            "*filter\n:DOCKER-USER - [0:0]\n\
             -A DOCKER-USER -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment ocrctl -j RETURN\n\
             -A DOCKER-USER -i docker0 -m comment --comment ocrctl -j RETURN\n\
             -A DOCKER-USER -i br-+ -m comment --comment ocrctl -j RETURN\n\
             -A DOCKER-USER -s 10.0.0.0/8 -p tcp -m conntrack --ctorigdstport 9100 -m comment --comment ocrctl -j RETURN\n\
             -A DOCKER-USER -p tcp -m conntrack --ctorigdstport 8000 -m comment --comment ocrctl -j RETURN\n\
             -A DOCKER-USER -o docker0 -m comment --comment ocrctl -j DROP\n\
             -A DOCKER-USER -o br-+ -m comment --comment ocrctl -j DROP\n\
             -A DOCKER-USER -m conntrack --ctstate DNAT -m comment --comment ocrctl -j DROP\nCOMMIT\n"
        );
        assert!(v6.contains("9200") && v6.contains("8000") && !v6.contains("9100"));
        assert_eq!(blocks(&firewall(true), false)[1], None);
        assert_eq!(blocks(&firewall(false), true), [None, None]);
    }

    #[test]
    fn only_our_part_of_the_file_is_touched() {
        let root = tempfile::tempdir().unwrap();
        let host = Host::at(root.path());
        let own = "*filter\n:ufw-after-input - [0:0]\nCOMMIT\n# mine";
        host.write(OWN[0], own.as_bytes(), Access::root(0o600))
            .unwrap();
        let wanted = blocks(&firewall(true), false);
        write(&host, &wanted).unwrap();
        assert_eq!(read(&host).unwrap(), wanted);
        assert_eq!(host.access(OWN[0]).unwrap(), Some(Access::root(0o600)));
        assert_eq!(host.read(OWN[1]).unwrap(), None);
        write(&host, &[Some("*filter\nCOMMIT\n".into()), None]).unwrap();
        let text = host.read_text(OWN[0]).unwrap().unwrap();
        assert_eq!(text.matches(BEGIN).count(), 1);
        write(&host, &[None, None]).unwrap();
        assert_eq!(host.read_text(OWN[0]).unwrap().unwrap(), format!("{own}\n"));
    }

    #[test]
    fn a_leak_is_what_anyone_reaches_and_no_rule_names() {
        let published = |name: &str, ports: &[&str]| Published {
            name: name.into(),
            ports: ports.iter().map(|port| (*port).to_owned()).collect(),
            host_network: false,
        };
        let containers = [
            published("web", &["127.0.0.1:1->1/tcp", "0.0.0.0:8080->80/tcp"]),
            published("named", &["0.0.0.0:8000->80/tcp"]),
            published("for-some", &["[::]:9100->80/tcp"]),
            published("other-protocol", &["0.0.0.0:8000->80/udp"]),
            published("local", &["[::1]:8080->80/tcp"]),
        ];
        let found = leaks(&containers, &firewall(false));
        assert_eq!(found.len(), 3, "{found:?}");
        assert_eq!(
            found[0],
            "the container web publishes 0.0.0.0:8080->80/tcp past the firewall"
        );
        assert_eq!(leaks(&containers, &firewall(true)), [""; 0]);
    }
}
