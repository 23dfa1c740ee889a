//! An environment: hosts that serve the same names in the same way.

use std::collections::HashSet;
use std::path::PathBuf;

use serde_saphyr::Location;

use super::problem::{Checks, TWICE};
use ocrctl_protocol::alerts::Watcher;
use ocrctl_protocol::audit::Ownership;
use ocrctl_protocol::{Firewall, Hygiene, ImageRef, Invalid, Packages, Service};

use super::alerts::{self, Alerts};
use super::dns_name::{self, COMMON_NAME_MAX};
use super::hooks::{self, Hooks};
use super::registry::Registry;
use super::schema::{self, Spanned, Text};
use super::target::Target;
use super::tls::Tls;
use super::{backup, firewall, host, hygiene, ownership, packages, service};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Environment {
    pub name: String,
    /// DNS names served, in lower case; the first one is the certificate's common name.
    pub names: Vec<String>,
    pub hosts: Vec<Target>,
    pub tls: Tls,
    pub image: ImageRef,
    pub registry: Registry,
    pub service: Service,
    /// The file of rules for codes of the organization's own.
    pub rules: Option<PathBuf>,
    pub firewall: Firewall,
    pub packages: Packages,
    pub hygiene: Hygiene,
    pub ownership: Ownership,
    /// Recipients who can read its backups: `age1…`.
    pub backup_recipients: Vec<String>,
    pub hooks: Hooks,
    pub alerts: Alerts,
    pub watcher: Watcher,
}

impl Environment {
    /// `None` only if there is a problem.
    pub(super) fn read(
        name: &Text,
        raw: &schema::Environment,
        checks: &mut Checks<'_>,
    ) -> Option<Self> {
        let at = name.referenced;
        checks.parse(name, environment_name);
        let name = &name.value;
        let names = names(raw.names.as_ref(), at, checks);
        let hosts = host::hosts(raw.hosts.as_ref(), name, at, checks);
        let tls = Tls::read(raw.tls.as_ref(), name, checks);
        let image = match &raw.image {
            Some(image) => checks.parse(image, ImageRef::parse),
            None => {
                checks.refuse(at, "`image` is missing").hint(
                    "add the release: `image: registry.example.org/organization/ocr-service:1.0.0`",
                );
                None
            }
        };
        let registry = Registry::read(raw.registry.as_ref(), name, checks);
        let service = match &raw.service {
            Some(raw) => service::read(raw, checks),
            None => service::defaults(),
        };
        let rules = raw.service.as_ref().and_then(|raw| raw.rules.as_ref());
        let rules = rules.map(|path| checks.path(path));
        let firewall = firewall::read(raw.firewall.as_ref(), checks);
        let packages = packages::read(raw.packages.as_ref(), checks);
        let hygiene = hygiene::read(raw.hygiene.as_ref(), checks);
        let ownership = ownership::read(raw.ownership.as_ref(), checks);
        let backup_recipients = backup::recipients(raw.backup.as_ref(), checks);
        let hooks = hooks::read(raw.hooks.as_ref(), checks);
        let alerts = alerts::read(raw.alerts.as_ref(), name, names.first(), checks);
        let watcher = alerts::watcher(raw.watcher.as_ref(), checks);
        Some(Self {
            name: name.clone(),
            names,
            hosts,
            tls: tls?,
            image: image?,
            registry,
            service,
            rules,
            firewall,
            packages,
            hygiene,
            ownership,
            backup_recipients,
            hooks,
            alerts,
            watcher,
        })
    }
}

/// It becomes part of file names and of the name of a certificate authority.
pub(super) fn environment_name(text: &str) -> Result<(), Invalid> {
    let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if text.len() > 40
        || !text.bytes().all(fits)
        || text.trim_matches('-') != text
        || text.is_empty()
    {
        return Err(
            Invalid::new(format!("`{text}` is not a name for an environment"))
                .hint("use up to 40 lower-case letters, digits and inner hyphens"),
        );
    }
    Ok(())
}

fn names(
    raw: Option<&Spanned<Vec<Text>>>,
    environment: Location,
    checks: &mut Checks<'_>,
) -> Vec<String> {
    let Some(raw) = raw else {
        checks
            .refuse(environment, "`names` is missing")
            .hint("add the DNS names that clients use: `names: [ocr.example.org]`");
        return Vec::new();
    };
    let Some(first) = raw.value.first() else {
        checks
            .refuse(raw.referenced, "`names` is empty")
            .hint("add the DNS names that clients use: `[ocr.example.org]`");
        return Vec::new();
    };
    if first.value.len() > COMMON_NAME_MAX {
        checks
            .refuse(
                first.referenced,
                format!("the first name is longer than {COMMON_NAME_MAX} characters"),
            )
            .hint("it becomes the certificate's common name: put a shorter one first");
    }
    let mut seen = HashSet::new();
    let mut names = Vec::new();
    for text in &raw.value {
        let Some(name) = checks.parse(text, dns_name::parse) else {
            continue;
        };
        if !seen.insert(name.clone()) {
            checks
                .refuse(text.referenced, format!("`{name}` is there twice"))
                .hint(TWICE);
        }
        names.push(name);
    }
    names
}
