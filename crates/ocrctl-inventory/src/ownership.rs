//! The organization's property: `ocrctl audit` compares a host with it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::problem::{Checks, TWICE};
use ocrctl_protocol::audit::Ownership;
use ocrctl_protocol::{Invalid, ssh_key};

use super::schema::{self, Text};
use super::{dns_name, host};

pub(super) fn read(raw: Option<&schema::Ownership>, checks: &mut Checks<'_>) -> Ownership {
    let Some(raw) = raw else {
        return Ownership::default();
    };
    let mut list = |field: &Option<Vec<Text>>, parse: fn(&str) -> Result<String, Invalid>| {
        let mut values: Vec<String> = Vec::new();
        for text in field.iter().flatten() {
            let Some(value) = checks.parse(text, parse) else {
                continue;
            };
            if values.contains(&value) {
                checks
                    .refuse(text.referenced, format!("`{}` is there twice", text.value))
                    .hint(TWICE);
            }
            values.push(value);
        }
        values
    };
    let (domains, ssh_keys) = (
        list(&raw.domains, dns_name::parse),
        list(&raw.ssh_keys, fingerprint),
    );
    let (sudoers, jobs) = (list(&raw.sudoers, account), list(&raw.jobs, job));
    Ownership {
        organization: checks.value(&raw.organization, None, |text| organization(text).map(Some)),
        domains,
        ssh_keys,
        sudoers,
        jobs,
    }
}

fn organization(text: &str) -> Result<String, Invalid> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    if text.is_empty() || !text.bytes().all(fits) {
        return Err(
            Invalid::new(format!("`{text}` is not an organization in a registry")).hint(
                "write the first part of the image's repository: `example-org` of `registry.example.org/example-org/ocr-service`",
            ),
        );
    }
    Ok(text.to_owned())
}

/// A public key as `authorized_keys` has it, or its fingerprint.
fn fingerprint(text: &str) -> Result<String, Invalid> {
    let invalid = || {
        Invalid::new(format!("`{text}` is neither a public key nor a fingerprint")).hint(
            "write a line of a .pub file (`ssh-ed25519 AAAA…`), or what `ssh-keygen -lf` prints of it (`SHA256:…`)",
        )
    };
    match text.strip_prefix("SHA256:") {
        Some(digest) => match STANDARD_NO_PAD.decode(digest) {
            Ok(bytes) if bytes.len() == 32 => Ok(text.to_owned()),
            _ => Err(invalid()),
        },
        None => ssh_key::parse(text)
            .map(|key| key.fingerprint)
            .ok_or_else(invalid),
    }
}

fn account(text: &str) -> Result<String, Invalid> {
    if text.starts_with(['%', '#', '+']) {
        return Err(Invalid::new(format!("`{text}` is not an account"))
            .hint("name the accounts one by one, so that it is known who they are"));
    }
    host::user(text)
}

/// A path, a unit, or `crontab of ACCOUNT`: whatever an audit printed.
fn job(text: &str) -> Result<String, Invalid> {
    if text.trim().is_empty() || text.chars().any(char::is_control) {
        return Err(Invalid::new(format!("`{text}` is not a job"))
            .hint("write what `ocrctl audit` calls it, such as `/etc/cron.d/backup`"));
    }
    Ok(text.to_owned())
}
