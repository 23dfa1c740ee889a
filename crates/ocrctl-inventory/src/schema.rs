//! The inventory's YAML, field by field, before anything in it is checked beyond its shape.
//! Every value keeps its place in the file, so that a later complaint can point at it.
#![allow(
    rustdoc::broken_intra_doc_links,
    reason = "comments are for the JSON Schema and the reference, where `[eng]` is a list"
)]

mod secret;

use std::collections::HashMap;

use ocrctl_protocol::alerts::MailSecurity;
use ocrctl_protocol::{PageEngine, Protocol};
use schemars::JsonSchema;
use serde::Deserialize;

use super::form::{Cores, Duration, Path, Size, Whole, WholeOrAuto, YesOrNo, named};
pub(super) use super::form::{Spanned, Text};
pub(super) use secret::{Secret, SecretRef};

/// Environments, their hosts, and what these shall be.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "The inventory of ocrctl")]
pub(super) struct Inventory {
    /// Each environment by its name: up to 40 lower-case letters, digits and inner hyphens.
    #[schemars(required, schema_with = "named::<Environment>")]
    pub environments: Option<HashMap<Text, Spanned<Environment>>>,
}

/// Hosts that serve the same names in the same way.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Environment {
    /// DNS names that clients use; the first is the certificate's common name.
    #[schemars(required, length(min = 1))]
    pub names: Option<Spanned<Vec<Text>>>,
    /// The servers.
    #[schemars(required, length(min = 1))]
    pub hosts: Option<Spanned<Vec<Spanned<Host>>>>,
    /// Source of the certificate.
    pub tls: Option<Spanned<Tls>>,
    /// The release: an image reference that names its registry and a tag or a digest, such as
    /// `registry.example.org/example-org/ocr-service:1.0.0`.
    #[schemars(required)]
    pub image: Option<Text>,
    /// Access to the image's registry; without it, no password is used.
    pub registry: Option<Spanned<Registry>>,
    /// Settings of the release; a change of any is a switch to a new container.
    pub service: Option<Service>,
    /// Ports beside SSH, 80 and 443, which are always open.
    pub firewall: Option<Firewall>,
    /// Permitted changes to packages that the hosts have.
    pub packages: Option<Packages>,
    /// Settings kept in order beside the service.
    pub hygiene: Option<Hygiene>,
    /// The organization's property, with which `ocrctl audit` compares the hosts.
    pub ownership: Option<Ownership>,
    /// Recipients of the files that `ocrctl backup` writes.
    pub backup: Option<Backup>,
    /// Commands of yours around a change, run where ocrctl runs, with the event as JSON on standard input.
    pub hooks: Option<Hooks>,
    /// Alerts that the hosts send themselves. Their secrets stay on them, readable by root alone.
    pub alerts: Option<Alerts>,
    /// Repairs that each host makes by itself, every 30 s.
    pub watcher: Option<Watcher>,
}

/// A server, and how it is reached.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Host {
    /// Name in reports. Default: (the address).
    pub name: Option<Text>,
    /// DNS name, IP address, or an alias of ~/.ssh/config; may be left out with `connection: local` alone.
    pub address: Option<Text>,
    /// Port of sshd. Default: (as ssh says).
    pub port: Option<Text<Whole<1, 65535>>>,
    /// Login name: root, or a user who may use sudo. Default: (as ssh says).
    pub user: Option<Text>,
    /// The only host keys accepted: the first two words of a `ssh_host_*_key.pub`. Default: (known_hosts decides).
    pub host_keys: Option<Vec<Text>>,
    /// The only key offered. Default: (as ssh chooses).
    pub identity_file: Option<Text<Path>>,
    /// Hosts to go through, the nearest first: `user@host:port`. Default: (as ~/.ssh/config says).
    pub jump: Option<Vec<Text>>,
    /// `openssh`: by your own ssh and its configuration; `russh`: no ssh program is needed; `local`: this machine.
    /// Default: openssh.
    pub connection: Option<Text<Connection>>,
    /// The password that sudo asks `user` for. Default: (it asks for none, or --ask-sudo-password).
    pub sudo_password: Option<Secret>,
}

/// The way in which commands reach a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Connection {
    /// By the operator's own `ssh`.
    #[default]
    Openssh,
    /// By `ocrctl` itself: no `ssh` is needed.
    Russh,
    /// Not at all: the host is this machine.
    Local,
}

/// Source of the certificate.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    /// `self_signed`: an authority of this environment; `acme`: Let's Encrypt or another, renewed by the host itself;
    /// `certbot`: the same by the distribution's certbot; `files`: your own. Default: self_signed.
    pub issuer: Option<Text<Issuer>>,
    /// With `files`: PEM of the certificate, then its intermediates.
    pub chain: Option<Text<Path>>,
    /// With `files`: PEM of its key.
    pub key: Option<Secret>,
    /// With `acme` and `certbot`: `letsencrypt`, `letsencrypt-staging`, or the URL of an ACME directory. Default:
    /// (letsencrypt).
    pub directory: Option<Text>,
    /// PEM of a private authority behind that URL. Default: (a public authority).
    pub directory_ca: Option<Text<Path>>,
    /// An e-mail address of the organization, which the authority may write to. Default: (none).
    pub contact: Option<Text>,
    /// The certificate's key. Default: (ecdsa-p256).
    pub key_type: Option<Text<KeyType>>,
    /// Needed if the authority offers several. Not with `certbot`. Default: (the authority's choice).
    pub profile: Option<Text>,
    /// Needed if the authority accepts only accounts that it knows already. Default: (none).
    pub external_account: Option<Spanned<ExternalAccount>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Issuer {
    Acme,
    Certbot,
    Files,
    SelfSigned,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[schemars(inline)]
pub(super) enum KeyType {
    EcdsaP256,
    #[serde(rename = "rsa-2048")]
    Rsa2048,
}

/// An account at the authority that is there already (RFC 8555, 7.3.4).
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ExternalAccount {
    /// Its id.
    #[schemars(required)]
    pub key_id: Option<Text>,
    /// Its key, in Base64url.
    #[schemars(required)]
    pub hmac_key: Option<Secret>,
}

/// Access to the image's registry. The host stores none of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("dependencies" = {"username": ["password"], "password": ["username"]}))]
pub(super) struct Registry {
    /// User who may pull.
    pub username: Option<Text>,
    /// That user's password.
    pub password: Option<Secret>,
    /// Instead of both: Docker's config.json, as `docker login` or its credential helper has them.
    pub docker_config: Option<Text<Path>>,
    /// PEM of a private authority. Default: (an authority that the host trusts).
    pub ca: Option<Text<Path>>,
}

/// Settings of the release.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    /// Processes that read pages; `auto`: as many as the host has cores. Default: auto.
    pub workers: Option<Text<WholeOrAuto<1, 256>>>,
    /// Languages whose models Tesseract gets, by its names: `ocrctl build` installs them in the image. PP-OCR needs none
    /// for the scripts that it reads. Default: [eng].
    #[schemars(length(min = 1))]
    pub languages: Option<Spanned<Vec<Text>>>,
    /// Recognizer of pages, unless a request names one; `auto`: PP-OCR (`ppocr`), and Tesseract for languages and scripts
    /// that PP-OCR does not read. Default: auto.
    pub engine: Option<Text<PageEngine>>,
    /// Largest document. Default: 50MB.
    pub max_upload: Option<Text<Size>>,
    /// Most pages that a request may ask for; of a longer document, clients ask for parts. Default: 2000.
    pub max_pages: Option<Text<Whole<1, 100000>>>,
    /// Longest that one page may take. Default: 30s.
    pub page_timeout: Option<Text<Duration>>,
    /// Longest that one document may take. Default: 2m.
    pub deadline: Option<Text<Duration>>,
    /// Time for an old release to finish its requests; the deadline if it is not given. Default: 2m.
    pub drain: Option<Text<Duration>>,
    /// Time for a new release to become ready. Default: 60s.
    pub ready_timeout: Option<Text<Duration>>,
    /// Time for which a new release's first requests are watched; after too many failures, the old one is restored.
    /// Default: 10s.
    pub watch: Option<Text<Duration>>,
    /// Limit of the container. Default: 2GiB.
    pub memory: Option<Text<Size>>,
    /// Limit of the container in cores: `all`, or a number such as 1.5. Default: all.
    pub cpus: Option<Text<Cores>>,
    /// Limit of processes and threads in the container. Default: 256.
    pub pids: Option<Text<Whole<32, 65536>>>,
    /// Not ready where the kernel lacks a part of the workers' sandbox; `false`: /readyz says what is missing.
    /// Default: true.
    pub require_sandbox: Option<Text<YesOrNo>>,
    /// The OCI runtime of the container, as the hosts' Docker knows it: `runsc` where gVisor is installed. Default:
    /// (Docker's own choice).
    pub runtime: Option<Text>,
    /// Rules for codes of your own (docs/api.md), in force without a restart. Default: (what the host has).
    pub rules: Option<Text<Path>>,
}

/// Ports that the host opens.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Firewall {
    /// Ports beside SSH, 80 and 443. Default: [].
    pub allow: Option<Vec<Spanned<AllowRule>>>,
    /// Ports that other containers publish, which Docker leads past the firewall: reported with each plan, or closed
    /// unless `allow` names them. Default: report.
    pub published: Option<Text<Published>>,
    /// `limit`: an address that opens 6 connections in 30 s is kept out for a while. Default: allow.
    pub ssh: Option<Text<SshPort>>,
}

/// Treatment of ports that other containers publish.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Published {
    Report,
    Close,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum SshPort {
    Allow,
    Limit,
}

/// Permitted changes to packages that the hosts have.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Packages {
    /// Packages that may go where apt can't install what the service needs beside them. A deploy that would remove
    /// another is refused. Default: [].
    pub may_remove: Option<Vec<Text>>,
}

/// Settings kept in order beside the service.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hygiene {
    /// unattended-upgrades installs the distribution's security fixes. `false`: `ocrctl` takes its own setting away;
    /// what the distribution has set stays. Default: true.
    pub security_upgrades: Option<Text<YesOrNo>>,
    /// Logins by key only; the host reverts the change unless a new connection succeeds. Default: true.
    pub sshd: Option<Text<YesOrNo>>,
}

/// A port that is open.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct AllowRule {
    /// Its number.
    #[schemars(required)]
    pub port: Option<Text<Whole<1, 65535>>>,
    /// `tcp` or `udp`. Default: (tcp).
    pub protocol: Option<Text<Protocol>>,
    /// Permitted source: a network such as `10.0.0.0/8`, or `any`. Default: (any).
    pub from: Option<Text>,
}

/// The organization's property, and the accounts that may act on its hosts.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Ownership {
    /// Owner of the image in its registry: the first part of its repository. Default: (any).
    pub organization: Option<Text>,
    /// DNS domains of the organization beside those of `names`. Default: [].
    pub domains: Option<Vec<Text>>,
    /// Keys that may log in to any account: a line of a .pub file, or its fingerprint. Default: [].
    pub ssh_keys: Option<Vec<Text>>,
    /// Accounts that may become root, beside root. Default: [].
    pub sudoers: Option<Vec<Text>>,
    /// Cron jobs and units made by hand that are known, as an audit names them. Default: [].
    pub jobs: Option<Vec<Text>>,
}

/// A program and its arguments each; paths start at the inventory.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Hooks {
    /// Before anything is changed; if it fails, the deploy stops. Default: (none).
    #[schemars(length(min = 1))]
    pub pre_deploy: Option<Spanned<Vec<Text>>>,
    /// Afterwards, with `outcome`: `done` or `failed`. Default: (none).
    #[schemars(length(min = 1))]
    pub post_deploy: Option<Spanned<Vec<Text>>>,
    /// After a rollback, with `outcome`. Default: (none).
    #[schemars(length(min = 1))]
    pub post_rollback: Option<Spanned<Vec<Text>>>,
}

/// Recipients of backups.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Backup {
    /// `age1…`, as `age-keygen` prints them; or `ocrctl backup --recipient`. Default: [].
    pub recipients: Option<Vec<Text>>,
}

/// Channels of the hosts' watchers; `ocrctl alerts test` tries them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Alerts {
    /// A URL that JSON is posted to; Slack's and Mattermost's understand it.
    pub webhook: Option<Secret>,
    /// A URL that is fetched while all is well, for whoever misses a dead host.
    pub ping: Option<Secret>,
    /// E-mail through a relay.
    pub email: Option<Spanned<AlertEmail>>,
}

/// E-mail of the hosts' watchers.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(extend("dependencies" = {"username": ["password"], "password": ["username"]}))]
pub(super) struct AlertEmail {
    /// Addresses of the organization.
    #[schemars(required, length(min = 1))]
    pub to: Option<Vec<Text>>,
    /// The sender. Default: (ocr@ and the first of `names`).
    pub from: Option<Text>,
    /// The server that takes the mail: a name or an address, with a port where it is not 587 (`starttls`), 465
    /// (`tls`) or 25 (`none`).
    #[schemars(required)]
    pub relay: Option<Text>,
    /// Encryption of the connection. Default: starttls.
    pub security: Option<Text<MailSecurity>>,
    /// PEM of a private authority behind the relay. Default: (a public authority).
    pub ca: Option<Text<Path>>,
    /// User for the relay, if it asks for one. Default: (the relay knows the hosts).
    pub username: Option<Text>,
    /// That user's password.
    pub password: Option<Secret>,
}

/// Repairs that each host makes by itself.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Watcher {
    // Its former name is taken until 0.2.
    /// Restarts of a release or NGINX allowed within an hour; with 0, it only reports. Default: 3.
    #[serde(alias = "mends_per_hour")]
    pub repairs_per_hour: Option<Text<Whole<0, 60>>>,
}
