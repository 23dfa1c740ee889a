//! The inventory's YAML, field by field, before anything in it is checked beyond its shape.
//! Every value keeps its place in the file, so that a later complaint can point at it.

use std::collections::HashMap;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor, value::MapAccessDeserializer};
use serde_saphyr::Spanned;

/// A scalar, whatever YAML would make of it: `22`, `no` and `1.5` are text until a field says otherwise.
pub(super) type Text = Spanned<String>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Inventory {
    pub environments: Option<HashMap<Text, Spanned<Environment>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Environment {
    pub names: Option<Spanned<Vec<Text>>>,
    pub hosts: Option<Spanned<Vec<Spanned<Host>>>>,
    pub tls: Option<Spanned<Tls>>,
    pub image: Option<Text>,
    pub registry: Option<Spanned<Registry>>,
    pub service: Option<Service>,
    pub firewall: Option<Firewall>,
    pub packages: Option<Packages>,
    pub hygiene: Option<Hygiene>,
    pub ownership: Option<Ownership>,
    pub backup: Option<Backup>,
    pub hooks: Option<Hooks>,
    pub alerts: Option<Alerts>,
    pub watcher: Option<Watcher>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Host {
    pub name: Option<Text>,
    pub address: Option<Text>,
    pub port: Option<Text>,
    pub user: Option<Text>,
    pub host_keys: Option<Vec<Text>>,
    pub identity_file: Option<Text>,
    pub jump: Option<Vec<Text>>,
    pub connection: Option<Text>,
    pub sudo_password: Option<Spanned<SecretRef>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub issuer: Option<Text>,
    pub chain: Option<Text>,
    pub key: Option<Spanned<SecretRef>>,
    pub directory: Option<Text>,
    pub directory_ca: Option<Text>,
    pub contact: Option<Text>,
    pub key_type: Option<Text>,
    pub profile: Option<Text>,
    pub external_account: Option<Spanned<ExternalAccount>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExternalAccount {
    pub key_id: Option<Text>,
    pub hmac_key: Option<Spanned<SecretRef>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registry {
    pub username: Option<Text>,
    pub password: Option<Spanned<SecretRef>>,
    pub docker_config: Option<Text>,
    pub ca: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub workers: Option<Text>,
    pub languages: Option<Spanned<Vec<Text>>>,
    pub max_upload: Option<Text>,
    pub max_pages: Option<Text>,
    pub page_timeout: Option<Text>,
    pub deadline: Option<Text>,
    pub drain: Option<Text>,
    pub ready_timeout: Option<Text>,
    pub watch: Option<Text>,
    pub memory: Option<Text>,
    pub cpus: Option<Text>,
    pub pids: Option<Text>,
    pub require_sandbox: Option<Text>,
    pub runtime: Option<Text>,
    pub rules: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Firewall {
    pub allow: Option<Vec<Spanned<AllowRule>>>,
    pub published: Option<Text>,
    pub ssh: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Packages {
    pub may_remove: Option<Vec<Text>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hygiene {
    pub security_upgrades: Option<Text>,
    pub sshd: Option<Text>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowRule {
    pub port: Option<Text>,
    pub protocol: Option<Text>,
    pub from: Option<Text>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ownership {
    pub organization: Option<Text>,
    pub domains: Option<Vec<Text>>,
    pub ssh_keys: Option<Vec<Text>>,
    pub sudoers: Option<Vec<Text>>,
    pub jobs: Option<Vec<Text>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Hooks {
    pub pre_deploy: Option<Spanned<Vec<Text>>>,
    pub post_deploy: Option<Spanned<Vec<Text>>>,
    pub post_rollback: Option<Spanned<Vec<Text>>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Backup {
    pub recipients: Option<Vec<Text>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Alerts {
    pub webhook: Option<Spanned<SecretRef>>,
    pub ping: Option<Spanned<SecretRef>>,
    pub email: Option<Spanned<AlertEmail>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AlertEmail {
    pub to: Option<Vec<Text>>,
    pub from: Option<Text>,
    pub relay: Option<Text>,
    pub security: Option<Text>,
    pub ca: Option<Text>,
    pub username: Option<Text>,
    pub password: Option<Spanned<SecretRef>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Watcher {
    // Its former name is taken until 0.2.
    #[serde(alias = "mends_per_hour")]
    pub repairs_per_hour: Option<Text>,
}

/// Where a secret is to be found. A secret written out is told apart and dropped at once: no error shows it.
#[derive(Debug)]
pub(super) enum SecretRef {
    Reference(Box<SecretSource>),
    WrittenOut,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SecretSource {
    pub env: Option<Text>,
    pub file: Option<Text>,
    pub command: Option<Spanned<Vec<Text>>>,
}

impl<'de> Deserialize<'de> for SecretRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;

        impl<'de> Visitor<'de> for Either {
            type Value = SecretRef;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a reference to a secret")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                SecretSource::deserialize(MapAccessDeserializer::new(map))
                    .map(|source| SecretRef::Reference(Box::new(source)))
            }

            fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_bool<E: Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_i64<E: Error>(self, _: i64) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_i128<E: Error>(self, _: i128) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_u64<E: Error>(self, _: u64) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_u128<E: Error>(self, _: u128) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }

            fn visit_f64<E: Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(SecretRef::WrittenOut)
            }
        }

        deserializer.deserialize_any(Either)
    }
}
