//! The reachable ports of a host.

use std::net::IpAddr;

use super::problem::{Checks, TWICE, word};
use ocrctl_protocol::{AllowRule, Firewall, Invalid, Protocol};

use super::host::port;
use super::schema::{self, Published, Spanned, SshPort};

pub(super) fn read(raw: Option<&schema::Firewall>, checks: &mut Checks<'_>) -> Firewall {
    let default = schema::Firewall::default();
    let raw = raw.unwrap_or(&default);
    let published = checks.value(&raw.published, Published::Report, |text| {
        word(text, "is neither `report` nor `close`")
    });
    let ssh = checks.value(&raw.ssh, SshPort::Allow, |text| {
        word(text, "is neither `allow` nor `limit`")
    });
    Firewall {
        allow: allow(raw, checks),
        close_published: published == Published::Close,
        limit_ssh: ssh == SshPort::Limit,
    }
}

fn allow(raw: &schema::Firewall, checks: &mut Checks<'_>) -> Vec<AllowRule> {
    let mut rules: Vec<AllowRule> = Vec::new();
    for entry in raw.allow.iter().flatten() {
        let Some(rule) = rule(entry, checks) else {
            continue;
        };
        if rules.contains(&rule) {
            checks
                .refuse(entry.referenced, "this rule is there twice")
                .hint(TWICE);
        }
        rules.push(rule);
    }
    rules
}

fn rule(raw: &Spanned<schema::AllowRule>, checks: &mut Checks<'_>) -> Option<AllowRule> {
    let (at, raw) = (raw.referenced, &raw.value);
    let Some(field) = &raw.port else {
        checks
            .refuse(at, "the rule has no `port`")
            .hint("add it: `port: 9100`");
        return None;
    };
    let rule = AllowRule {
        port: checks.parse(field, port)?,
        protocol: checks.value(&raw.protocol, Protocol::Tcp, |text| {
            word(text, "is not a protocol")
        }),
        from: checks.value(&raw.from, None, network),
    };
    if rule.protocol == Protocol::Tcp && matches!(rule.port, 80 | 443) {
        checks
            .refuse(
                field.referenced,
                format!("port {} is open to everyone already", rule.port),
            )
            .hint("remove the rule: SSH, 80 and 443 need none");
    }
    Some(rule)
}

/// A network in CIDR form. A single address is one of its own; `any` is none.
fn network(text: &str) -> Result<Option<String>, Invalid> {
    if text == "any" {
        return Ok(None);
    }
    let invalid = || {
        Invalid::new(format!("`{text}` is not a network"))
            .hint("write it in CIDR form, such as `10.0.0.0/8` or `2001:db8::/32`, or `any`")
    };
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => (address, Some(prefix)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().map_err(|_| invalid())?;
    let width: u8 = if address.is_ipv4() { 32 } else { 128 };
    let prefix = match prefix {
        Some(prefix) => prefix
            .parse()
            .ok()
            .filter(|p| *p <= width)
            .ok_or_else(invalid)?,
        None => width,
    };
    if prefix == 0 {
        return Err(
            Invalid::new(format!("`{text}` is every address of its kind"))
                .hint("write `any`, or the network that is meant"),
        );
    }
    let first = first_address(address, prefix);
    if first != address {
        return Err(
            Invalid::new(format!("`{text}` is an address within a network"))
                .hint(format!("the network is `{first}/{prefix}`")),
        );
    }
    Ok(Some(format!("{first}/{prefix}")))
}

/// The address with all bits after the prefix cleared; `prefix` is from 1 to the address's width.
fn first_address(address: IpAddr, prefix: u8) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::from((v4.to_bits() & (u32::MAX << (32 - prefix))).to_be_bytes()),
        IpAddr::V6(v6) => {
            IpAddr::from((v6.to_bits() & (u128::MAX << (128 - prefix))).to_be_bytes())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_written_one_way() {
        for (text, network_) in [
            ("any", None),
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("2001:DB8::/32", Some("2001:db8::/32")),
            ("2001:db8::1", Some("2001:db8::1/128")),
        ] {
            assert_eq!(network(text).unwrap().as_deref(), network_);
        }
        for text in [
            "",
            "10.0.0.0/33",
            "10.0.0/8",
            "ten",
            "10.0.0.0/",
            "0.0.0.0/0",
        ] {
            assert!(network(text).is_err(), "{text}");
        }
        assert_eq!(
            network("10.1.2.3/8").unwrap_err().hint.unwrap(),
            "the network is `10.0.0.0/8`"
        );
    }
}
