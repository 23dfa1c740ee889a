//! One rule as UFW's files hold it: `### tuple ### ACTION PROTOCOL DPORT DST SPORT SRC DIRECTION`,
//! where ACTION may begin with `route:` and end in `_log`, and DIRECTION may name an interface
//! (`in_eth0`, `in_eth0!out_eth1`).

use ocrctl_protocol::{AllowRule, Protocol};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    action: String,
    protocol: String,
    port: String,
    to: String,
    from_port: String,
    from: String,
    direction: String,
}

const ANYWHERE: [&str; 2] = ["0.0.0.0/0", "::/0"];

impl Rule {
    /// The rules that stand for an inventory's rule: from anywhere, one for IPv4 and one for IPv6.
    pub(super) fn of(allow: &AllowRule, ipv6: bool) -> Vec<Self> {
        let protocol = match allow.protocol {
            Protocol::Tcp => "tcp",
            Protocol::Udp => "udp",
        };
        let rule = |to: &str, from: &str| Self {
            action: "allow".into(),
            protocol: protocol.into(),
            port: allow.port.to_string(),
            to: to.into(),
            from_port: "any".into(),
            from: from.into(),
            direction: "in".into(),
        };
        match &allow.from {
            // UFW writes a single address without its prefix length.
            Some(network) if network.contains(':') => {
                vec![rule(
                    ANYWHERE[1],
                    network.strip_suffix("/128").unwrap_or(network),
                )]
            }
            Some(network) => {
                let address = network.strip_suffix("/32").unwrap_or(network);
                vec![rule(ANYWHERE[0], address)]
            }
            None => ANYWHERE
                .iter()
                .take(if ipv6 { 2 } else { 1 })
                .map(|any| rule(any, any))
                .collect(),
        }
    }

    /// The same, but an address that comes too often is kept out for a while.
    pub(super) fn limited(self) -> Self {
        Self {
            action: "limit".into(),
            ..self
        }
    }

    /// Returns whether it allows anyone to reach a port of the host. UFW writes several ports as `80,443`, ranges as
    /// `8000:8010`.
    pub(super) fn lets_in(&self, port: u16, protocol: &str) -> bool {
        let covers = |ports: &str| {
            let (first, last) = ports.split_once(':').unwrap_or((ports, ports));
            let bounds = first.parse().ok().zip(last.parse().ok());
            bounds.is_some_and(|(first, last): (u16, u16)| (first..=last).contains(&port))
        };
        let allows = self.action.starts_with("allow") || self.action.starts_with("limit");
        allows
            && self.direction.starts_with("in")
            && (self.protocol == "any" || self.protocol == protocol)
            && (self.port == "any" || self.port.split(',').any(covers))
    }

    /// The arguments of `ufw` that add this rule, or delete it after `delete`.
    pub(super) fn arguments(&self) -> Vec<String> {
        let mut words: Vec<&str> = Vec::new();
        let action = match self.action.strip_prefix("route:") {
            Some(action) => {
                words.push("route");
                action
            }
            None => &self.action,
        };
        let (verb, log) = action.split_once('_').unwrap_or((action, ""));
        words.push(verb);
        for part in self.direction.split('!') {
            match part.split_once('_') {
                Some((way, interface)) => words.extend([way, "on", interface]),
                None if words.first() != Some(&"route") => words.push(part),
                None => {}
            }
        }
        match log {
            "log" => words.push("log"),
            "log-all" => words.push("log-all"),
            _ => {}
        }
        if self.protocol != "any" {
            words.extend(["proto", &self.protocol]);
        }
        words.extend(["from", &self.from]);
        if self.from_port != "any" {
            words.extend(["port", &self.from_port]);
        }
        words.extend(["to", &self.to]);
        if self.port != "any" {
            words.extend(["port", &self.port]);
        }
        words.into_iter().map(str::to_owned).collect()
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {}/{} from {}",
            self.action, self.port, self.protocol, self.from
        )?;
        if self.direction != "in" {
            write!(f, " ({})", self.direction)?;
        }
        if !ANYWHERE.contains(&self.to.as_str()) {
            write!(f, " to {}", self.to)?;
        }
        Ok(())
    }
}

pub(super) fn parse(rules: &str) -> Vec<Rule> {
    rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("### tuple ### "))
        .filter_map(|tuple| {
            // An application profile adds two fields, a comment one more; neither changes the rule.
            let fields: Vec<&str> = tuple.split_whitespace().collect();
            let &[action, protocol, port, to, from_port, from, ..] = fields.as_slice() else {
                return None;
            };
            let direction = fields[6..]
                .iter()
                .find(|field| field.starts_with("in") || field.starts_with("out"))
                .copied()
                .unwrap_or("in");
            let own = |text: &str| text.to_owned();
            Some(Rule {
                action: own(action),
                protocol: own(protocol),
                port: own(port),
                to: own(to),
                from_port: own(from_port),
                from: own(from),
                direction: own(direction),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_address_is_written_as_ufw_does() {
        for (network, tuple) in [
            (
                "10.0.0.1/32",
                "### tuple ### allow tcp 22 0.0.0.0/0 any 10.0.0.1 in",
            ),
            (
                "2001:db8::1/128",
                "### tuple ### allow tcp 22 ::/0 any 2001:db8::1 in",
            ),
            (
                "2001:db8::/32",
                "### tuple ### allow tcp 22 ::/0 any 2001:db8::/32 in",
            ),
        ] {
            let allow = AllowRule {
                port: 22,
                protocol: Protocol::Tcp,
                from: Some(network.into()),
            };
            assert_eq!(Rule::of(&allow, true), parse(tuple));
        }
    }

    #[test]
    fn decides_the_ports_of_a_rule() {
        let lets_in =
            |tuple: &str, port| parse(&format!("### tuple ### {tuple}"))[0].lets_in(port, "tcp");
        assert!(lets_in("allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in", 80));
        assert!(lets_in(
            "limit any 80,8000:8010 0.0.0.0/0 any 0.0.0.0/0 in_eth0",
            8005
        ));
        assert!(lets_in("allow any any 0.0.0.0/0 any 10.0.0.0/8 in", 5));
        for tuple in [
            "allow tcp 81 0.0.0.0/0 any 0.0.0.0/0 in",
            "allow udp 80 0.0.0.0/0 any 0.0.0.0/0 in",
            "deny tcp 80 0.0.0.0/0 any 0.0.0.0/0 in",
            "allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 out",
            "route:allow tcp 80 0.0.0.0/0 any 0.0.0.0/0 in_eth0",
        ] {
            assert!(!lets_in(tuple, 80), "{tuple}");
        }
    }

    #[test]
    fn a_tuple_becomes_the_command_that_made_it() {
        let cases = [
            (
                "### tuple ### allow tcp 22 0.0.0.0/0 any 0.0.0.0/0 in",
                "allow in proto tcp from 0.0.0.0/0 to 0.0.0.0/0 port 22",
            ),
            (
                "### tuple ### limit any 22 ::/0 any 2001:db8::/32 in comment=6f6f",
                "limit in from 2001:db8::/32 to ::/0 port 22",
            ),
            (
                "### tuple ### deny_log udp 53 10.0.0.1 any 0.0.0.0/0 in_eth0",
                "deny in on eth0 log proto udp from 0.0.0.0/0 to 10.0.0.1 port 53",
            ),
            (
                "### tuple ### route:allow any any 0.0.0.0/0 any 0.0.0.0/0 in_eth0!out_eth1",
                "route allow in on eth0 out on eth1 from 0.0.0.0/0 to 0.0.0.0/0",
            ),
        ];
        for (tuple, command) in cases {
            assert_eq!(parse(tuple)[0].arguments().join(" "), command);
        }
    }
}
