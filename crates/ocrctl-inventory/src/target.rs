//! A host as the transport needs to know it.

use std::path::PathBuf;

use super::schema::Connection;
use super::secret::SecretRef;

/// Where a host is and how to be sure that it is the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The host's name in the inventory, for people only.
    pub name: String,
    /// DNS name, IP address, or an alias from the operator's ssh configuration.
    pub address: String,
    /// `None` stands for the operator's ssh configuration, or 22.
    pub port: Option<u16>,
    /// `None` stands for the operator's ssh configuration, or the local user's name.
    pub user: Option<String>,
    /// The only host keys accepted, such as `ssh-ed25519 AAAA…`. Empty: the operator's `known_hosts` decide.
    pub host_keys: Vec<String>,
    /// The only private key offered. `None` leaves the choice to ssh, its agent included.
    pub identity_file: Option<PathBuf>,
    /// Hosts to go through, the nearest first. Empty: as the operator's ssh configuration says.
    pub jump: Vec<Jump>,
    pub connection: Connection,
    /// The place of `user`'s password for sudo. `None` if sudo needs none or the operator types it.
    pub sudo_password: Option<SecretRef>,
}

/// A host on the way to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Jump {
    pub user: Option<String>,
    /// The address, like [`Target::address`].
    pub address: String,
    pub port: Option<u16>,
}

impl Jump {
    /// `[user@]host[:port]`, where an IPv6 address with a port stands in brackets.
    pub fn parse(text: &str) -> Option<Self> {
        let (user, place) = match text.rsplit_once('@') {
            Some((user, place)) => (Some(user.to_owned()), place),
            None => (None, text),
        };
        let (address, port) = if let Some(rest) = place.strip_prefix('[') {
            let (address, after) = rest.split_once(']')?;
            (
                address,
                after
                    .strip_prefix(':')
                    .or_else(|| after.is_empty().then_some(""))?,
            )
        } else if place.matches(':').count() == 1 {
            let (address, port) = place.split_once(':')?;
            // Nothing after the colon is no port.
            (address, (!port.is_empty()).then_some(port)?)
        } else {
            (place, "")
        };
        let port = match port {
            "" => None,
            port => Some(port.parse().ok().filter(|port| *port > 0)?),
        };
        let plain = |text: &str| {
            !text.is_empty()
                && !text.starts_with('-')
                && !text.contains(|c: char| {
                    c.is_whitespace() || c.is_control() || "@/\\'\"`$;&|<>(){}*?!,".contains(c)
                })
        };
        (plain(address) && user.as_deref().is_none_or(plain)).then(|| Self {
            user,
            address: address.to_owned(),
            port,
        })
    }
}

impl std::fmt::Display for Jump {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match (self.address.contains(':'), self.port) {
            (true, Some(port)) => write!(f, "[{}]:{port}", self.address),
            (true, None) => write!(f, "[{}]", self.address),
            (false, Some(port)) => write!(f, "{}:{port}", self.address),
            (false, None) => f.write_str(&self.address),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jump_host_is_read_and_written_alike() {
        for text in [
            "bastion",
            "bastion.example.org:2222",
            "deploy@bastion",
            "deploy@192.0.2.1:22",
            "[2001:db8::1]:22",
            "deploy@[2001:db8::1]",
        ] {
            assert_eq!(Jump::parse(text).unwrap().to_string(), text);
        }
        assert_eq!(Jump::parse("2001:db8::1").unwrap().address, "2001:db8::1");
    }

    #[test]
    fn rejects_invalid_jump_hosts() {
        for text in [
            "",
            "@bastion",
            "bastion:",
            "bastion:0",
            "bastion:ssh",
            "[::1",
            "-oProxyCommand=id",
            "a b",
            "$(id)",
            "a,b",
        ] {
            assert_eq!(Jump::parse(text), None, "{text}");
        }
    }
}
