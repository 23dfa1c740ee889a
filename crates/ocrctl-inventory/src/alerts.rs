//! Alerts that hosts send themselves, and repairs that they may make.

use std::net::IpAddr;
use std::path::PathBuf;

use super::problem::{Checks, word};
use ocrctl_protocol::alerts::{MailSecurity, Watcher};
use ocrctl_protocol::{Credentials, Invalid};

use super::schema::{self, Secret, Spanned};
use super::secret::SecretRef;
use super::service::whole;
use super::{dns_name, tls};

pub type Alerts = ocrctl_protocol::alerts::Alerts<SecretRef, PathBuf>;
pub type Email = ocrctl_protocol::alerts::Email<SecretRef, PathBuf>;

pub(super) fn watcher(raw: Option<&schema::Watcher>, checks: &mut Checks<'_>) -> Watcher {
    let repairs = raw.and_then(|raw| raw.repairs_per_hour.clone());
    Watcher {
        repairs_per_hour: whole(&repairs, 3, checks),
    }
}

/// `name`: the first that the environment serves.
pub(super) fn read(
    raw: Option<&schema::Alerts>,
    environment: &str,
    name: Option<&String>,
    checks: &mut Checks<'_>,
) -> Alerts {
    let Some(raw) = raw else {
        return Alerts::default();
    };
    let mut secret = |raw: &Option<Secret>, field: &str| {
        let field = format!("environments.{environment}.alerts.{field}");
        raw.as_ref()
            .and_then(|raw| SecretRef::read(raw, field, checks))
    };
    Alerts {
        webhook: secret(&raw.webhook, "webhook"),
        ping: secret(&raw.ping, "ping"),
        email: raw
            .email
            .as_ref()
            .and_then(|raw| email(raw, environment, name, checks)),
    }
}

fn email(
    raw: &Spanned<schema::AlertEmail>,
    environment: &str,
    name: Option<&String>,
    checks: &mut Checks<'_>,
) -> Option<Email> {
    let (at, raw) = (raw.referenced, &raw.value);
    let to: Vec<String> = raw
        .to
        .iter()
        .flatten()
        .filter_map(|text| checks.parse(text, address))
        .collect();
    if raw.to.as_ref().is_none_or(Vec::is_empty) {
        checks
            .refuse(at, "`email` has no recipient")
            .hint("add addresses of the organization: `to: [operations@example.org]`");
    }
    let from = format!("ocr@{}", name.map_or("localhost", String::as_str));
    let security = checks.value(&raw.security, MailSecurity::Starttls, |text| {
        word(text, "does not say how the relay is reached")
    });
    let default_port = match security {
        MailSecurity::Starttls => 587,
        MailSecurity::Tls => 465,
        MailSecurity::None => 25,
    };
    let relay = match &raw.relay {
        Some(text) => checks.parse(text, relay),
        None => {
            checks.refuse(at, "`email` needs a `relay`").hint(
                "name the server that takes the organization's mail: `relay: smtp.example.org`",
            );
            None
        }
    };
    let field = format!("environments.{environment}.alerts.email.password");
    let credentials = match (&raw.username, &raw.password) {
        (None, None) => None,
        (Some(username), Some(password)) => {
            if security == MailSecurity::None {
                checks
                    .refuse(
                        username.referenced,
                        "the password would travel in the clear",
                    )
                    .hint("write `security: starttls` or `tls`, or send without a password");
            }
            SecretRef::read(password, field, checks).map(|password| Credentials {
                username: username.value.clone(),
                password,
            })
        }
        _ => {
            checks
                .refuse(at, "`username` and `password` go together")
                .hint("write both, or none where the relay knows the hosts by their addresses");
            None
        }
    };
    let (relay, port) = relay?;
    Some(Email {
        from: checks.value(&raw.from, from, address),
        to,
        relay,
        port: port.unwrap_or(default_port),
        security,
        ca: raw.ca.as_ref().map(|path| checks.path(path)),
        credentials,
    })
}

/// Parses an address of a form that every relay accepts.
fn address(text: &str) -> Result<String, Invalid> {
    let address = tls::address(text)?;
    if address.is_ascii() {
        return Ok(address);
    }
    Err(Invalid::new(format!("`{text}` has letters beyond ASCII"))
        .hint("write a domain in its ASCII form, which begins with `xn--`"))
}

/// A DNS name or an address, perhaps with a port: `smtp.example.org:587`, `[2001:db8::1]:25`.
fn relay(text: &str) -> Result<(String, Option<u16>), Invalid> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            let port = port.parse().map_err(|_| {
                Invalid::new(format!("`{port}` is not a port")).hint("such as `587`")
            })?;
            (host, Some(port))
        }
        _ => (text, None),
    };
    let host = host.trim_matches(['[', ']']);
    if host.parse::<IpAddr>().is_ok() {
        return Ok((host.to_owned(), port));
    }
    dns_name::parse(host).map(|name| (name, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_former_name_of_repairs_per_hour() {
        for text in ["repairs_per_hour: 5", "mends_per_hour: 5"] {
            let watcher: schema::Watcher = serde_saphyr::from_str(text).unwrap();
            assert!(watcher.repairs_per_hour.is_some(), "{text}");
        }
    }

    #[test]
    fn a_relay_is_a_name_or_an_address_with_or_without_a_port() {
        let of = |text: &str| relay(text).ok();
        assert_eq!(
            of("smtp.example.org"),
            Some(("smtp.example.org".into(), None))
        );
        assert_eq!(of("192.0.2.1:25"), Some(("192.0.2.1".into(), Some(25))));
        assert_eq!(
            of("[2001:db8::1]:25"),
            Some(("2001:db8::1".into(), Some(25)))
        );
        assert_eq!(of("2001:db8::1"), Some(("2001:db8::1".into(), None)));
        assert_eq!(of("smtp.example.org:mail"), None);
        assert_eq!(of("https://smtp.example.org"), None);
    }
}
