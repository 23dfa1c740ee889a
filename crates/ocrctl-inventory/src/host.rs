//! The hosts of an environment.

use std::collections::HashMap;

use base64::Engine;
use serde_saphyr::Location;

use super::problem::{Checks, word};
use super::schema::{self, Connection, Spanned};
use super::secret::SecretRef;
use super::target::{Jump, Target};
use ocrctl_protocol::Invalid;

/// All hosts, each once.
pub(super) fn hosts(
    raw: Option<&Spanned<Vec<Spanned<schema::Host>>>>,
    environment: &str,
    at: Location,
    checks: &mut Checks<'_>,
) -> Vec<Target> {
    let Some(raw) = raw else {
        checks
            .refuse(at, "`hosts` is missing")
            .hint("add at least one: `hosts: [{address: ocr1.example.org}]`");
        return Vec::new();
    };
    if raw.value.is_empty() {
        checks
            .refuse(raw.referenced, "`hosts` is empty")
            .hint("add at least one: `- address: ocr1.example.org`");
    }
    let mut hosts = Vec::new();
    let mut names = HashMap::new();
    let mut addresses = HashMap::new();
    for entry in &raw.value {
        let Some(host) = host(entry, environment, checks) else {
            continue;
        };
        let at = entry.referenced;
        if let Some(line) = names.insert(host.name.clone(), at.line()) {
            checks
                .refuse(
                    at,
                    format!("a host called `{}` is in line {line} already", host.name),
                )
                .hint("give each host a `name` of its own");
        } else if let Some(line) = addresses.insert((host.address.clone(), host.port), at.line()) {
            checks
                .refuse(at, format!("the host at `{}` is in line {line} already", host.address))
                .hint("a host belongs to an environment once: remove one of the two, or correct its `address`");
        }
        hosts.push(host);
    }
    hosts
}

fn host(raw: &Spanned<schema::Host>, environment: &str, checks: &mut Checks<'_>) -> Option<Target> {
    let (at, raw) = (raw.referenced, &raw.value);
    let connection = checks.value(&raw.connection, Connection::default(), |text| {
        word(text, "is not a kind of connection")
    });
    let address = match &raw.address {
        Some(address) => checks.parse(address, address_of)?,
        None if connection == Connection::Local => "localhost".to_owned(),
        None => {
            checks
                .refuse(at, "the host has no `address`")
                .hint("add its DNS name, its IP address, or its alias in ~/.ssh/config");
            return None;
        }
    };
    if connection == Connection::Local {
        let unused = [
            ("port", raw.port.as_ref().map(|f| f.referenced)),
            ("user", raw.user.as_ref().map(|f| f.referenced)),
            (
                "identity_file",
                raw.identity_file.as_ref().map(|f| f.referenced),
            ),
            (
                "host_keys",
                raw.host_keys
                    .as_ref()
                    .and_then(|keys| Some(keys.first()?.referenced)),
            ),
            (
                "jump",
                raw.jump
                    .as_ref()
                    .and_then(|hosts| Some(hosts.first()?.referenced)),
            ),
        ];
        for (field, place) in unused {
            if let Some(place) = place {
                checks
                    .refuse(
                        place,
                        format!("`{field}` has no meaning with `connection: local`"),
                    )
                    .hint("remove one of the two");
            }
        }
    }
    let name = checks.value(&raw.name, address.clone(), name);
    let sudo_password = raw.sudo_password.as_ref().and_then(|raw| {
        let field = format!("environments.{environment}.hosts.{name}.sudo_password");
        SecretRef::read(raw, field, checks)
    });
    Some(Target {
        sudo_password,
        name,
        port: checks.value(&raw.port, None, |text| port(text).map(Some)),
        user: checks.value(&raw.user, None, |text| user(text).map(Some)),
        host_keys: raw
            .host_keys
            .iter()
            .flatten()
            .filter_map(|key| checks.parse(key, host_key))
            .collect(),
        identity_file: raw.identity_file.as_ref().map(|file| checks.path(file)),
        jump: raw
            .jump
            .iter()
            .flatten()
            .filter_map(|host| checks.parse(host, jump))
            .collect(),
        address,
        connection,
    })
}

fn jump(text: &str) -> Result<Jump, Invalid> {
    Jump::parse(text).ok_or_else(|| {
        Invalid::new(format!("`{text}` is not a jump host"))
            .hint("write `host`, `user@host` or `user@host:port`; an IPv6 address with a port as `[address]:port`")
    })
}

/// `ssh` gets it as an argument, so it must not look like an option.
pub(super) fn address_of(text: &str) -> Result<String, Invalid> {
    if let Some((user, address)) = text.split_once('@') {
        return Err(Invalid::new(format!("`{text}` has a user name in it"))
            .hint(format!("write `address: {address}` and `user: {user}`")));
    }
    let ipv6 = text.parse::<std::net::Ipv6Addr>().is_ok();
    if let Some((address, port)) = text.rsplit_once(':').filter(|_| !ipv6) {
        return Err(Invalid::new(format!("`{text}` has a port in it"))
            .hint(format!("write `address: {address}` and `port: {port}`")));
    }
    plain(text, "an address")
}

pub(super) fn user(text: &str) -> Result<String, Invalid> {
    plain(text, "a user's name")
}

fn name(text: &str) -> Result<String, Invalid> {
    plain(text, "a host's name")
}

fn plain(text: &str, what: &str) -> Result<String, Invalid> {
    let fits = |c: char| !c.is_control() && !c.is_whitespace() && !"\"'\\$`;&|<>(){}".contains(c);
    if text.is_empty() || text.starts_with('-') || !text.chars().all(fits) {
        return Err(Invalid::new(format!("`{text}` is not {what}"))
            .hint("spaces, quotes and signs that mean something to a shell can't be in it, nor a `-` at its beginning"));
    }
    Ok(text.to_owned())
}

pub(super) fn port(text: &str) -> Result<u16, Invalid> {
    text.parse().ok().filter(|port| *port > 0).ok_or_else(|| {
        Invalid::new(format!("`{text}` is not a port")).hint("a port is a number from 1 to 65535")
    })
}

/// `TYPE BASE64`, without the comment that `ssh-keyscan` or a `.pub` file may have.
fn host_key(text: &str) -> Result<String, Invalid> {
    let invalid = |message: &str| {
        Invalid::new(message).hint(
            "write the first two words of /etc/ssh/ssh_host_ed25519_key.pub on the host: `ssh-ed25519 AAAA…`",
        )
    };
    let mut words = text.split_whitespace();
    let (Some(kind), Some(encoded)) = (words.next(), words.next()) else {
        return Err(invalid("this is not a host key"));
    };
    if kind.starts_with("SHA256:") || kind.starts_with("MD5:") {
        return Err(invalid("this is a fingerprint, not a host key"));
    }
    // RFC 4253, 6.6: the blob begins with its type's name and the length of that.
    let blob = base64::engine::general_purpose::STANDARD
        .decode(encoded)
        .map_err(|_| invalid("this is not a host key"))?;
    let length = u32::try_from(kind.len()).unwrap_or(u32::MAX).to_be_bytes();
    let matches = blob
        .strip_prefix(&length)
        .is_some_and(|rest| rest.len() > kind.len() && rest.starts_with(kind.as_bytes()));
    if !matches {
        return Err(invalid("this is not a whole host key"));
    }
    Ok(format!("{kind} {encoded}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIu0HnnGmY0m6gRU6DjBLyZ0yIVQHYx5eGVjVt4LqLYC";

    #[test]
    fn a_host_key_is_checked_as_far_as_it_can_be() {
        assert_eq!(host_key(KEY).unwrap(), KEY);
        assert_eq!(host_key(&format!("{KEY} root@ocr1")).unwrap(), KEY);
        for text in [
            "",
            "ssh-ed25519",
            "SHA256:abc def",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIIu0HnnGmY0m6gRU6DjBLyZ0yIVQHYx5eGVjVt4LqLYC",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5",
            &format!("ocr1 {KEY}"),
        ] {
            assert!(host_key(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_nothing_else() {
        for good in ["ocr1.example.org", "192.0.2.1", "2001:db8::1", "prod_1"] {
            assert_eq!(address_of(good).unwrap(), good);
        }
        for bad in [
            "",
            "-oProxyCommand=id",
            "deploy@ocr1",
            "ocr1:22",
            "ocr1 ocr2",
            "$(id)",
        ] {
            assert!(address_of(bad).is_err(), "{bad}");
        }
    }
}
